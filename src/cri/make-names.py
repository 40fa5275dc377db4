# SPDX-License-Identifier: Apache-2.0
"""Short names for what protobuf-c generates: CriPodSandboxConfig, CRI_NAMESPACE_MODE_POD, cri_..._init."""
import re
import sys

text = open(sys.argv[1]).read()
print("/* SPDX-License-Identifier: Apache-2.0 */\n/* Made by make-names.py. */\n#pragma once\n")
print('#include "cri/api-plain.pb-c.h"\n')

for name in dict.fromkeys(re.findall(r"\bRuntime__V1__(\w+) Runtime__V1__\1;", text)):
    print(f"typedef Runtime__V1__{name} Cri{name.replace('__', '')};")
for name in re.findall(r"typedef enum _Runtime__V1__(\w+)", text):
    print(f"typedef Runtime__V1__{name} Cri{name.replace('__', '')};")
print()
for name in re.findall(r"^\s+RUNTIME__V1__(\w+) = -?\d+", text, re.M):
    print(f"#define CRI_{name.replace('__', '_')} RUNTIME__V1__{name}")
for name in re.findall(r"#define RUNTIME__V1__(\w+)__INIT\b", text):
    print(f"#define CRI_{name.replace('__', '_')}_INIT RUNTIME__V1__{name}__INIT")
for name in re.findall(r"void\s+runtime__v1__(\w+)__init\b", text):
    print(f"#define cri_{name.replace('__', '_')}_init runtime__v1__{name}__init")
for name in re.findall(r"extern const ProtobufCMessageDescriptor runtime__v1__(\w+)__descriptor", text):
    print(f"#define cri_{name.replace('__', '_')}_descriptor runtime__v1__{name}__descriptor")
for name in re.findall(r"extern const ProtobufCEnumDescriptor\s+runtime__v1__(\w+)__descriptor", text):
    print(f"#define cri_{name.replace('__', '_')}_descriptor runtime__v1__{name}__descriptor")

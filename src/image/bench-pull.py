#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""bench-pull - what a pull costs: CPU seconds, wall time, peak memory

usage: bench-pull.py CRIO_IMAGE WORKDIR [-n RUNS] [-z]

Builds (once for each WORKDIR) an image of six layers, about 900 MB and 44,000 files, from this
machine's /usr, serves it from Debian's docker-registry on a free port of 127.0.0.1 and pulls it RUNS
times, each time into a fresh ext4 on a loop file in a private mount namespace. -z: zstd layers.
The figures hold for this machine and this /usr only. Needs root, docker-registry, skopeo, mkfs.ext4.
"""

import gzip
import hashlib
import http.client
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tarfile
import tempfile
import time

BYTES, FILES = 903_000_000, 44_000
SHARES = (0.44, 0.18, 0.14, 0.11, 0.08, 0.05)
LARGEST = 16_000_000


def candidates():
    """(order, path, size) of the regular files of /usr in an order that only depends on paths."""
    for base, folders, names in os.walk("/usr"):
        folders.sort()
        for name in names:
            path = os.path.join(base, name)
            status = os.lstat(path)
            if stat.S_ISREG(status.st_mode) and status.st_size <= LARGEST:
                order = hashlib.sha256(os.fsencode(path)).digest()
                yield order, path, status.st_size


def choose():
    """Files whose mean size is that of the goal: whatever would lead away from it is passed over."""
    chosen, total, mean = [], 0, BYTES / FILES
    for _, path, size in sorted(candidates()):
        ahead = total > mean * len(chosen)
        if len(chosen) >= FILES or total >= BYTES:
            break
        if ahead and size > mean:
            continue
        chosen.append((path, size))
        total += size
    return sorted(chosen), total


def split(chosen, total):
    layers, filled, share = [[] for _ in SHARES], 0, 0
    limits = [sum(SHARES[:i + 1]) * total for i in range(len(SHARES))]
    for path, size in chosen:
        while share < len(SHARES) - 1 and filled >= limits[share]:
            share += 1
        layers[share].append(path)
        filled += size
    return layers


def write_layer(paths, target):
    """A pax tar with parents; returns its digest."""
    seen = set()
    with tarfile.open(target, "w", format=tarfile.PAX_FORMAT) as archive:
        def add(path):
            archive.add(path, path.lstrip("/"), recursive=False)
        for path in paths:
            parents = path.split("/")[1:-1]
            for depth in range(len(parents)):
                parent = "/" + "/".join(parents[:depth + 1])
                if parent not in seen:
                    seen.add(parent)
                    add(parent)
            add(path)
    return digest_file(target)


def digest_file(path):
    with open(path, "rb") as source:
        return "sha256:" + hashlib.file_digest(source, "sha256").hexdigest()


def add_blob(layout, path):
    digest = digest_file(path)
    os.rename(path, f"{layout}/blobs/sha256/{digest[7:]}")
    return digest


def add_json(layout, document):
    path = f"{layout}/new"
    with open(path, "w") as target:
        json.dump(document, target)
    size = os.path.getsize(path)
    return {"digest": add_blob(layout, path), "size": size}


def compress(tar, zstd):
    if zstd:
        subprocess.check_call(["zstd", "-q", "-3", "-f", tar, "-o", f"{tar}.z"])
        return
    with open(tar, "rb") as source, open(f"{tar}.z", "wb") as raw:
        with gzip.GzipFile("", "wb", 6, raw, mtime=0) as target:
            shutil.copyfileobj(source, target, 1 << 20)


def build(layout, zstd):
    os.makedirs(f"{layout}/blobs/sha256")
    chosen, total = choose()
    print(f"building: {len(chosen)} files, {total / 1e6:.0f} MB", flush=True)
    layers, diffs = [], []
    media = "application/vnd.oci.image."
    for paths in split(chosen, total):
        tar = f"{layout}/layer"
        diffs.append(write_layer(paths, tar))
        compress(tar, zstd)
        os.unlink(tar)
        size = os.path.getsize(f"{tar}.z")
        layers.append({"mediaType": f"{media}layer.v1.tar+{'zstd' if zstd else 'gzip'}",
                       "digest": add_blob(layout, f"{tar}.z"), "size": size})
    architecture = subprocess.check_output(["dpkg", "--print-architecture"], text=True).strip()
    config = add_json(layout, {"os": "linux", "architecture": architecture, "config": {},
                               "rootfs": {"type": "layers", "diff_ids": diffs}})
    manifest = add_json(layout, {
        "schemaVersion": 2, "mediaType": f"{media}manifest.v1+json",
        "config": {"mediaType": f"{media}config.v1+json", **config}, "layers": layers})
    with open(f"{layout}/index.json", "w") as target:
        json.dump({"schemaVersion": 2, "manifests": [
            {"mediaType": f"{media}manifest.v1+json", **manifest}]}, target)
    with open(f"{layout}/oci-layout", "w") as target:
        json.dump({"imageLayoutVersion": "1.0.0"}, target)


def build_apart(layout, zstd):
    """In a process of its own: a child's peak memory counts that of its parent at the fork."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            build(layout, zstd)
            status = 0
        finally:
            os._exit(status)
    if os.waitpid(child, 0)[1]:
        sys.exit("bench-pull: the image cannot be built")


def answers(address):
    try:
        connection = http.client.HTTPConnection(address, timeout=5)
        connection.request("GET", "/v2/")
        return connection.getresponse().status == 200
    except OSError:
        return False


def serve(storage, log):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = "127.0.0.1:%d" % probe.getsockname()[1]
    config = f"{storage}.yml"
    with open(config, "w") as target:
        json.dump({"version": "0.1", "log": {"level": "error", "accesslog": {"disabled": True}},
                   "storage": {"filesystem": {"rootdirectory": storage}},
                   "http": {"addr": address, "secret": "bench"}}, target)
    process = subprocess.Popen(["docker-registry", "serve", config], stdout=log, stderr=log)
    until = time.monotonic() + 30
    while not answers(address):
        if process.poll() is not None or time.monotonic() > until:
            sys.exit("bench-pull: docker-registry does not start")
        time.sleep(0.1)
    return process, address


def pull(program, address, work):
    """One pull into a fresh file system; (CPU seconds, wall seconds, peak KiB)."""
    image, mount = f"{work}/store.img", f"{work}/store"
    os.makedirs(mount, exist_ok=True)
    with open(image, "wb") as target:
        target.truncate(4 << 30)
    subprocess.check_call(["mkfs.ext4", "-q", "-F", image])
    subprocess.check_call(["mount", "-o", "loop", image, mount])
    conf = f"{work}/registries.conf"
    with open(conf, "w") as target:
        target.write(f'[[registry]]\nlocation = "{address}"\ninsecure = true\n')
    request = json.dumps({"reference": f"{address}/bench:1", "root": f"{mount}/storage",
                          "runroot": f"{mount}/run", "registries_conf": conf})
    try:
        os.sync()
        with open(f"{work}/answers", "wb") as out:
            begin = time.monotonic()
            process = subprocess.Popen([program, "pull"], stdin=subprocess.PIPE, stdout=out)
            process.stdin.write(request.encode())
            process.stdin.close()
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.monotonic() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(open(f"{work}/answers").read())
        return usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss, usage.ru_utime
    finally:
        subprocess.check_call(["umount", mount])
        os.unlink(image)


def main():
    arguments = [a for a in sys.argv[1:] if a != "-z"]
    zstd = "-z" in sys.argv
    runs = 5
    if "-n" in arguments:
        at = arguments.index("-n")
        runs = int(arguments[at + 1])
        del arguments[at:at + 2]
    if len(arguments) != 2:
        sys.exit(__doc__)
    program, work = os.path.abspath(arguments[0]), os.path.abspath(arguments[1])
    if os.environ.get("BENCH_PULL_INSIDE") != "1":
        os.environ["BENCH_PULL_INSIDE"] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable,
                              "-B", *sys.argv])
    kind = "zstd" if zstd else "gzip"
    layout, storage = f"{work}/layout-{kind}", f"{work}/registry-{kind}"
    if not os.path.exists(f"{layout}/oci-layout"):
        shutil.rmtree(layout, ignore_errors=True)
        build_apart(layout, zstd)
    with open(f"{work}/log", "ab") as log:
        registry, address = serve(storage, log)
    try:
        subprocess.check_call(["skopeo", "copy", "-q", "--dest-tls-verify=false", f"oci:{layout}",
                               f"docker://{address}/bench:1"])
        with tempfile.TemporaryDirectory(dir=work) as scratch:
            for _ in range(runs):
                cpu, wall, peak, user = pull(program, address, scratch)
                print(f"CPU {cpu:.2f} s (user {user:.2f})  wall {wall:.2f} s  "
                      f"peak RSS {peak / 1024:.1f} MiB", flush=True)
    finally:
        registry.send_signal(signal.SIGTERM)
        registry.wait()


main()

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# How fast a monitor logs, and at what cost: SIZE megabytes in lines of 100 bytes.
# Usage: CONMON=path [SIZE=200] [DIR=scratch] bench-log.sh
# Writers: "blocks" writes 64 KiB at once, "lines" each line on its own.
set -eu

CONMON=${CONMON:?path of the monitor}
SIZE=${SIZE:-200}
work=$(mktemp -d "${DIR:-/tmp}/bench-log.XXXXXX")
trap 'rm -rf "$work"' EXIT

cat > "$work/writer.c" <<'END'
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv) {
        static char block[64000];
        size_t step = strcmp(argv[1], "lines") == 0 ? 100 : sizeof(block);
        memset(block, 'x', sizeof(block));
        for (size_t i = 99; i < sizeof(block); i += 100)
                block[i] = '\n';
        for (size_t left = strtoull(argv[2], NULL, 0); left > 0;) {
                ssize_t n = write(1, block, left < step ? left : step);
                if (n <= 0)
                        return 1;
                left -= (size_t) n;
        }
        return 0;
}
END
cc -O2 -o "$work/writer" "$work/writer.c"

# a runtime whose container is the writer
cat > "$work/runtime" <<END
#!/bin/sh
while [ \$# -gt 1 ]; do [ "\$1" = --pid-file ] && file=\$2; shift; done
"$work/writer" \$(cat "$work/mode") $((SIZE * 1000000)) &
echo \$! > "\$file"
END

# runs while the monitor waits for it, so the monitor's own CPU time can be read
cat > "$work/report" <<END
#!/bin/sh
date +%s%N > "$work/end"
cut -d' ' -f1 /proc/\$PPID/schedstat > "$work/cpu"
END
chmod +x "$work/runtime" "$work/report"

for mode in blocks lines; do
        echo $mode > "$work/mode"
        mkdir -p "$work/bundle"
        start=$(date +%s%N)
        "$CONMON" --sync -b "$work/bundle" -c bench -u bench -r "$work/runtime" -p "$work/pid" \
                -l "k8s-file:$work/log" --full-attach --no-sync-log --socket-dir-path "$work/s" \
                --exit-command "$work/report" || true
        awk -v mode=$mode -v size="$SIZE" -v start="$start" -v end="$(cat "$work/end")" \
                -v cpu="$(cat "$work/cpu")" 'BEGIN {
                printf "%-6s %4d MB %6.0f MB/s %6.3f CPU s of the monitor\n", mode, size,
                        size / ((end - start) / 1e9), cpu / 1e9 }'
        [ "$(sed 's/^.\{45\}//' "$work/log" | wc -c)" -ge $((SIZE * 1000000)) ] || echo "output was lost"
        rm -rf "$work/log" "$work/bundle"
done

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# pgrep PATTERN: pids of the processes whose name holds PATTERN. Debian's busybox has no pgrep.
found=1
for comm in /proc/[0-9]*/comm; do
        pid=${comm#/proc/}
        pid=${pid%/comm}
        read -r name 2>/dev/null <"$comm" || continue
        [ "$pid" != $$ ] || continue
        case $name in
        *"$1"*) echo "$pid"; found=0 ;;
        esac
done
exit $found

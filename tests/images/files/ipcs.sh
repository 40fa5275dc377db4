#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# ipcs -m: the shared memory segments of this IPC namespace, in the columns of the real one.
echo
echo '------ Shared Memory Segments --------'
echo 'key        shmid      owner      perms      bytes      nattch     status'
awk 'NR > 1 { printf "0x%08x %-10s %-10s %-10s %-10s %-10s\n", $1, $2, $8, $3, $4, $7 }' /proc/sysvipc/shm

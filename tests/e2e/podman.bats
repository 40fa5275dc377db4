#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The monitor under podman, the other program that drives it. CONMON=path exchanges it.

bats_require_minimum_version 1.5.0

RUNTIMES=${RUNTIMES:-crun runc}

setup_file() {
        export CONMON=${CONMON:-${BUILDDIR:-build}/conmon/conmon}
        CONMON=$(readlink -f "$CONMON")
        export HOME_DIR=$BATS_FILE_TMPDIR
        local applet tree=$BATS_FILE_TMPDIR/tree

        "$BATS_TEST_DIRNAME/../tools/crun-cgroups" hold "podman-bats-$$"
        echo "podman-bats-$$" > "$BATS_FILE_TMPDIR/owner"
        mkdir -p "$tree"/{bin,proc,dev,sys,tmp}
        cp /bin/busybox "$tree/bin/"
        for applet in sh cat echo sleep seq stty tail wc head; do
                ln -s busybox "$tree/bin/$applet"
        done
        tar -C "$tree" -cf "$BATS_FILE_TMPDIR/image.tar" .
        RUNTIME=crun
        podman_ import "$BATS_FILE_TMPDIR/image.tar" box
}

teardown_file() {
        RUNTIME=crun
        podman_ rm -a -f -t 0 || true
        podman_ rmi -a -f || true
        "$BATS_TEST_DIRNAME/../tools/crun-cgroups" release "$(cat "$BATS_FILE_TMPDIR/owner")"
}

teardown() {
        for RUNTIME in $RUNTIMES; do
                podman_ rm -a -f -t 0 || true
        done
}

# podman_ ARG...: with storage and state of its own
podman_() {
        podman --root "$HOME_DIR/root" --runroot "$HOME_DIR/run" --tmpdir "$HOME_DIR/tmp" \
                --storage-driver vfs --conmon "$CONMON" --runtime "$RUNTIME" \
                --cgroup-manager cgroupfs --events-backend file --log-level error "$@" 3>&-
}

# run_ ARG...: podman run without what a test machine may not give
run_() {
        podman_ run --network none --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 "$@"
}

@test "podman: run gives output and exit status, logs give the output again" {
        for RUNTIME in $RUNTIMES; do
                run -3 --separate-stderr run_ --name "log-$RUNTIME" --log-driver k8s-file box \
                        sh -c 'echo out; echo err >&2; exit 3'
                [ "$output" = out ]
                [ "$stderr" = err ]
                run -0 --separate-stderr podman_ logs "log-$RUNTIME"
                [ "$output" = out ]
                [ "$stderr" = err ]
                run -0 podman_ inspect --format '{{.State.ExitCode}} {{.State.OOMKilled}}' \
                        "log-$RUNTIME"
                [ "$output" = "3 false" ]
        done
}

@test "podman: run removes its container when told to" {
        for RUNTIME in $RUNTIMES; do
                run -0 run_ --rm box echo hi
                [ "$output" = hi ]
                run -0 podman_ ps -a -q
                [ -z "$output" ]
        done
}

@test "podman: input goes through, in any amount" {
        for RUNTIME in $RUNTIMES; do
                head -c 2000000 /dev/zero | run_ --rm -i box wc -c > "$BATS_TEST_TMPDIR/count"
                [ "$(cat "$BATS_TEST_TMPDIR/count")" = 2000000 ]
        done
}

@test "podman: a reader that stops for a while loses nothing" {
        for RUNTIME in $RUNTIMES; do
                run_ --rm box seq 1 300000 | { sleep 4; cat; } > "$BATS_TEST_TMPDIR/got"
                cmp <(seq 1 300000) "$BATS_TEST_TMPDIR/got"
        done
}

@test "podman: exec attached, with input, and detached" {
        for RUNTIME in $RUNTIMES; do
                run_ -d --name "exec-$RUNTIME" box sleep 1000
                run -5 --separate-stderr podman_ exec "exec-$RUNTIME" \
                        sh -c 'echo in; echo err >&2; exit 5'
                [ "$output" = in ]
                [ "$stderr" = err ]
                [ "$(echo data | podman_ exec -i "exec-$RUNTIME" cat)" = data ]
                [ "$(podman_ exec "exec-$RUNTIME" seq 1 200000 | tail -n 1)" = 200000 ]
                run ! podman_ exec "exec-$RUNTIME" /no/such/command
                [[ $output == *such* ]]
                podman_ exec -d "exec-$RUNTIME" sh -c 'echo detached > /tmp/file.tmp; cd /tmp;
                        exec /bin/busybox mv file.tmp file'
                podman_ exec "exec-$RUNTIME" sh -c 'until [ -e /tmp/file ]; do sleep 0.1; done'
                run -0 podman_ exec "exec-$RUNTIME" cat /tmp/file
                [ "$output" = detached ]
        done
}

@test "podman: attach to a container that runs" {
        for RUNTIME in $RUNTIMES; do
                run_ -d -i --name "attach-$RUNTIME" box sh -c 'read go; echo "got $go"; exit 4'
                run podman_ attach "attach-$RUNTIME" <<< hello
                [[ $output == "got hello"* ]]
                run -0 podman_ wait "attach-$RUNTIME"
                [ "$output" = 4 ]
        done
}

@test "podman: a terminal has the size of ours" {
        for RUNTIME in $RUNTIMES; do
                run_ -d --name "tty-$RUNTIME" box sleep 1000
                run -0 python3 - "$CONMON" "$HOME_DIR" "$RUNTIME" <<'END'
import fcntl, os, pty, struct, sys, termios
conmon, home, runtime = sys.argv[1:]
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 31, 91, 0, 0))
    os.execvp("podman", ["podman", "--root", home + "/root", "--runroot", home + "/run",
        "--tmpdir", home + "/tmp", "--storage-driver", "vfs", "--conmon", conmon, "--runtime",
        runtime, "--cgroup-manager", "cgroupfs", "--events-backend", "file", "exec", "-it",
        "tty-" + runtime, "sh", "-c",
        'until [ "$(stty size)" = "31 91" ]; do sleep 0.1; done; echo sized'])
text = b""
try:
    while data := os.read(fd, 1000):
        text += data
except OSError:
    pass
assert b"sized\r\n" in text, text
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
        done
}

@test "podman: stop, restart and wait" {
        for RUNTIME in $RUNTIMES; do
                run_ -d --name "stop-$RUNTIME" box \
                        sh -c 'trap "exit 9" TERM; while :; do sleep 0.1; done'
                podman_ stop -t 20 "stop-$RUNTIME"
                run -0 podman_ wait "stop-$RUNTIME"
                [ "$output" = 9 ]
                podman_ restart "stop-$RUNTIME"
                podman_ kill "stop-$RUNTIME"
                run -0 podman_ wait "stop-$RUNTIME"
                [ "$output" = 137 ]
        done
}

@test "podman: want of memory is told" {
        for RUNTIME in $RUNTIMES; do
                run -137 run_ --name "oom-$RUNTIME" --memory 20m box tail /dev/zero
                run -0 podman_ inspect --format '{{.State.OOMKilled}}' "oom-$RUNTIME"
                [ "$output" = true ]
        done
}

@test "podman: a runtime that fails is quoted" {
        for RUNTIME in $RUNTIMES; do
                run -127 run_ --rm box /no/such/command
                [[ $output == */no/such/command* ]]
        done
}

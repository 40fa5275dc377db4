#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The monitor alone, with real OCI runtimes and without a daemon. It may be exchanged for another
# conmon by CONMON=path; tests of what only ours does say so.

bats_require_minimum_version 1.5.0

RUNTIMES=${RUNTIMES:-crun runc}

setup_file() {
        export CONMON=${CONMON:-${BUILDDIR:-build}/conmon/conmon}
        CONMON=$(readlink -f "$CONMON")
        export ROOTFS=$BATS_FILE_TMPDIR/rootfs CLIENT=$BATS_FILE_TMPDIR/client.py
        export SPEC=$BATS_FILE_TMPDIR/spec.py
        local applet

        "$BATS_TEST_DIRNAME/../tools/crun-cgroups" hold "conmon-bats-$$"
        echo "conmon-bats-$$" > "$BATS_FILE_TMPDIR/owner"
        mkdir -p "$ROOTFS"/{bin,proc,dev,sys,tmp}
        cp /bin/busybox "$ROOTFS/bin/"
        for applet in sh cat echo printf sleep seq stty head tail kill true yes dd wc tr mkdir; do
                ln -s busybox "$ROOTFS/bin/$applet"
        done

        # edits what "runc spec" wrote: spec.py BUNDLE ID TERMINAL LIMIT ARG...
        cat > "$SPEC" <<'END'
import json, os, sys
bundle, name, terminal, limit, *args = sys.argv[1:]
path = bundle + "/config.json"
spec = json.load(open(path))
spec["process"].update(args=args, terminal=terminal == "true")
spec["root"] = {"path": os.environ["ROOTFS"], "readonly": False}
spec["linux"]["cgroupsPath"] = "/conmon-bats/" + name
spec["linux"]["namespaces"] = [n for n in spec["linux"]["namespaces"] if n["type"] != "network"]
if int(limit):
    spec["linux"]["resources"]["memory"] = {"limit": int(limit), "swap": int(limit)}
json.dump(spec, open(path, "w"))
process = dict(spec["process"], terminal=False)
json.dump(process, open(bundle + "/process.json", "w"))
END

        # an attach client: stdin to the container, then half a close; output to 1 and 2.
        # Options: silent (reads nothing), open (no half close), leave (closes instead of that),
        # ready=FILE (made when connected).
        cat > "$CLIENT" <<'END'
import os, socket, sys, threading, time
where, *options = sys.argv[1:]
os.chdir(os.path.dirname(where))
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.connect(os.path.basename(where))
for option in options:
    if option.startswith("ready="):
        open(option[6:], "w").close()
def feed():
    while data := os.read(0, 32768):
        s.send(data)
    if "open" not in options:
        s.shutdown(socket.SHUT_WR)
if "leave" in options:
    options.append("open")
    feed()
    sys.exit()
if "silent" in options:
    time.sleep(1000)
threading.Thread(target=feed, daemon=True).start()
while packet := s.recv(8193):
    os.write({2: 1, 3: 2}[packet[0]], packet[1:])
END
}

teardown_file() {
        "$BATS_TEST_DIRNAME/../tools/crun-cgroups" release "$(cat "$BATS_FILE_TMPDIR/owner")"
}

setup() {
        T=$BATS_TEST_TMPDIR
        CREATED=$T/created
        MONITORS=$T/monitors
        mkdir "$T/exits" "$T/persist" "$T/s"
        : > "$CREATED"
        : > "$MONITORS"
}

teardown() {
        local runtime id pid

        while read -r runtime id; do
                "$runtime" --root "$T/state-$runtime" delete -f "$id" 2> /dev/null || true
        done < "$CREATED"
        while read -r pid; do
                wait_until gone "$pid" || kill -9 "$pid"
        done < "$MONITORS"
        rmdir /sys/fs/cgroup/*/conmon-bats /sys/fs/cgroup/conmon-bats 2> /dev/null || true
}

# wait_until COMMAND...: true as soon as COMMAND is, false after half a minute
wait_until() {
        local i

        for ((i = 0; i < 3000; i++)); do
                if "$@" 2> /dev/null; then return 0; fi
                sleep 0.01
        done
        echo "gave up waiting for: $*"
        return 1
}

gone() {
        [ ! -e "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status"
}

# bundle RUNTIME ARG...: a fresh id and bundle; TERMINAL and LIMIT (bytes) are looked at
bundle() {
        RUNTIME=$1
        shift
        ID=bats-$RUNTIME-$BATS_TEST_NUMBER-$RANDOM$RANDOM
        B=$T/$ID
        LOG=$T/$ID.log
        mkdir "$B"
        (cd "$B" && runc spec)
        python3 "$SPEC" "$B" "$ID" "${TERMINAL:-false}" "${LIMIT:-0}" "$@"
}

# create [OPTION...]: the monitor and, through it, the container of the last bundle
create() {
        rm -f "$T/sync"
        : > "$T/sync"
        echo "$RUNTIME $ID" >> "$CREATED"
        _OCI_SYNCPIPE=7 "$CONMON" -b "$B" -c "$ID" -u "$ID" -n name -r "$(command -v "$RUNTIME")" \
                --runtime-arg "--root=$T/state-$RUNTIME" -P "$B/conmon-pidfile" -p "$B/pidfile" \
                --exit-dir "$T/exits" --persist-dir "$T/persist" --socket-dir-path "$T/s" \
                -l "k8s-file:$LOG" "$@" 7> "$T/sync" 3>&-
        cat "$B/conmon-pidfile" >> "$MONITORS"
        echo >> "$MONITORS"
        wait_until test -s "$T/sync"
        cat "$T/sync"
}

start() {
        "$RUNTIME" --root "$T/state-$RUNTIME" start "$ID"
}

run_container() {
        create "$@"
        start
        ended
}

ended() {
        wait_until test -e "$T/exits/$ID"
        STATUS=$(cat "$T/exits/$ID")
}

# fake_runtime SCRIPT: what the monitor runs instead of an OCI runtime, as $T/runtime
fake_runtime() {
        printf '#!/bin/sh\nB=%s\nT=%s\n%s\n' "$B" "$T" "$1" > "$T/runtime"
        chmod +x "$T/runtime"
}

# cpu_of PID: the CPU time it took so far, in ms
cpu_of() {
        awk '{ print int($1 / 1000000) }' "/proc/$1/schedstat"
}

monitor_pid() {
        cat "$B/conmon-pidfile"
}

# contents: the log without times
contents() {
        sed -E 's/^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{9}[+-][0-9]{2}:[0-9]{2} //' "${1:-$LOG}"
}

# exec_in RUNTIME-ARGUMENTS...: an exec of CRI-O's kind in the last container; COMMAND is its array
exec_in() {
        python3 - "$B" "${COMMAND[@]}" <<'END'
import json, sys
path = sys.argv[1] + "/process.json"
process = json.load(open(path))
process["args"] = sys.argv[2:]
json.dump(process, open(path, "w"))
END
        rm -f "$T/exec.log"
        _OCI_SYNCPIPE=7 "$CONMON" --sync -c "$ID" -n name -r "$(command -v "$RUNTIME")" -e \
                --runtime-arg "--root=$T/state-$RUNTIME" -p "$T/exec.pid" -l "$T/exec.log" \
                --exec-process-spec "$B/process.json" --socket-dir-path "$T/s" "$@" \
                7> "$T/exec.sync" 3>&-
        local result=$?
        cat "$T/exec.sync"
        return $result
}

@test "conmon: version and help are what callers look for" {
        run -0 "$CONMON" --version
        [[ ${lines[0]} =~ ^conmon\ version\ 2\.[0-9]+\.[0-9]+$ ]]
        [[ ${lines[1]} == "commit: "* ]]
        run -0 "$CONMON" --help
        [[ $output == *--log-global-size-max* ]]
        run -1 "$CONMON" -u x -r /bin/true -l none
        run -1 "$CONMON" -c x -u x -r /nonexistent -l none
        run -1 "$CONMON" -c x -u x -r /bin/true
}

@test "conmon: an id that is no file name is refused (only ours)" {
        run -1 "$CONMON" -c ../x -u x -r /bin/true -l none
        run -1 "$CONMON" -c x -u ../x -r /bin/true -l none
}

@test "conmon: output is logged line by line, the exit status told" {
        for runtime in $RUNTIMES; do
                bundle "$runtime" sh -c 'echo out; echo err >&2; echo; printf part; exit 7'
                run_container
                [ "$STATUS" = 7 ]
                [ "$(contents | grep stdout)" = $'stdout F out\nstdout F \nstdout P part' ]
                [ "$(contents | grep stderr)" = 'stderr F err' ]
                [ "$(cat "$T/sync")" = "{\"pid\": $(cat "$B/pidfile")}" ]
                [ "$(wc -c < "$T/exits/$ID")" = 1 ]
                [ "$(cat "$T/persist/exit")" = 7 ]
                [ ! -e "$T/persist/oom" ]
                wait_until gone "$(monitor_pid)"
        done
}

@test "conmon: the link to the attach socket is there as long as it is of use (not before 2.2)" {
        bundle crun true
        create
        [ "$(readlink "$T/s/$ID")" = "$B" ]
        start
        ended
        wait_until gone "$(monitor_pid)"
        [ ! -L "$T/s/$ID" ]

        bundle crun /no/such/command
        create
        wait_until gone "$(monitor_pid)"
        [ ! -L "$T/s/$ID" ]
}

@test "conmon: a container that ends at once is never mistaken" {
        for runtime in $RUNTIMES; do
                for i in 1 2 3 4 5; do
                        bundle "$runtime" sh -c "echo $i; exit $i"
                        run_container
                        [ "$STATUS" = "$i" ]
                        [ "$(contents)" = "stdout F $i" ]
                done
        done
}

@test "conmon: signals are forwarded, and death by signal is 128 more" {
        for runtime in $RUNTIMES; do
                bundle "$runtime" sh -c 'trap "exit 43" TERM; echo ready; while :; do sleep 0.1; done'
                create
                start
                wait_until grep -q ready "$LOG"
                kill -TERM "$(monitor_pid)"
                ended
                [ "$STATUS" = 43 ]

                bundle "$runtime" sleep 1000
                create
                start
                "$runtime" --root "$T/state-$runtime" kill "$ID" KILL
                ended
                [ "$STATUS" = 137 ]
                [ ! -e "$T/persist/oom" ]
        done
}

@test "conmon: an exit file is seen only when the log is complete" {
        bundle crun sh -c 'yes 0123456789 | head -n 2000000; echo end'
        create
        start
        # as soon as the name is there, read the log
        run -0 python3 -c '
import os, sys
while not os.path.exists(sys.argv[1]): pass
print(open(sys.argv[2]).read()[-4:])' "$T/exits/$ID" "$LOG"
        [ "$output" = end ]
        # a block boundary may have cut lines; together they are whole
        [ "$(contents | cut -c 10- | tr -d '\n' | wc -c)" = $((2000000 * 10 + 3)) ]
}

@test "conmon: a failed creation answers with the runtime's words" {
        for runtime in $RUNTIMES; do
                bundle "$runtime" /no/such/command
                create
                run -0 python3 -c '
import json, sys
answer = json.load(open(sys.argv[1]))
print(answer["pid"], answer["message"])' "$T/sync"
                [[ $output == "-1 "*/no/such/command* ]]
                wait_until gone "$(monitor_pid)"
                [ ! -e "$T/exits/$ID" ]
        done
}

@test "conmon: without its pid file there is no monitor either (only ours)" {
        bundle crun true
        fake_runtime 'sleep 0.5; : > "$B/made"; sleep 0.1 & echo $! > "$B/pidfile"'
        : > "$T/sync"
        _OCI_SYNCPIPE=7 run -1 "$CONMON" -b "$B" -c "$ID" -u "$ID" -r "$T/runtime" --full-attach \
                -P /nonexistent/pid -p "$B/pidfile" -l none 7> "$T/sync" 3>&-
        [[ $(cat "$T/sync") == '{"pid": -1'* ]]
        wait_until sh -c "! pgrep -f '$ID/pidfil[e]'"
        [ ! -e "$B/made" ]
}

@test "conmon: a runtime that hangs ends with the monitor's SIGTERM (only ours)" {
        bundle crun true
        printf '#!/bin/sh\nexec sleep 1000\n' > "$T/hang"
        chmod +x "$T/hang"
        : > "$T/sync"
        _OCI_SYNCPIPE=7 "$CONMON" -b "$B" -c "$ID" -u "$ID" -r "$T/hang" -P "$B/conmon-pidfile" \
                -p "$B/pidfile" --full-attach -l none 7> "$T/sync" 3>&-
        wait_until grep -q . "/proc/$(monitor_pid)/task/$(monitor_pid)/children"
        kill -TERM "$(monitor_pid)"
        wait_until gone "$(monitor_pid)"
        [[ $(cat "$T/sync") == '{"pid": -1'* ]]
}

@test "conmon: nothing is made before the start pipe speaks, a signal then just ends it" {
        bundle crun true
        mkfifo "$T/gate"
        exec 8<> "$T/gate"
        _OCI_STARTPIPE=8 "$CONMON" --sync -b "$B" -c "$ID" -u "$ID" -r /bin/true --full-attach \
                -l none 3>&- &
        pid=$!
        # it reads the byte, or our signal; either way the file is not there yet
        wait_until grep -q '^State:.S' "/proc/$pid/status"
        [ ! -e "$B/ctl" ]
        kill -TERM "$pid"
        run ! wait "$pid"
        [ ! -e "$B/ctl" ]
        exec 8>&-
}

@test "conmon: a terminal has a size, and its output is stdout with CRLF" {
        for runtime in $RUNTIMES; do
                TERMINAL=true bundle "$runtime" sh -c 'stty size; echo err >&2; exit 4'
                create -t
                echo "1 33 77" > "$B/ctl"
                echo "2 0 0" > "$B/ctl"
                start
                ended
                [ "$STATUS" = 4 ]
                [ "$(contents)" = $'stdout F 33 77\r\nstdout F err\r' ]
        done
}

@test "conmon: a terminal that nobody has open costs nothing and may be opened again" {
        TERMINAL=true bundle crun sh -c '
                sh -c "exec < /dev/null > /dev/null 2>&1; kill -STOP \$\$; exec > /dev/console; echo again" &
                exec < /dev/null > /dev/null 2>&1; wait'
        create -t
        start
        pid=$(monitor_pid)
        # a hang-up is reported as long as it lasts: answering each report would take all of a CPU
        before=$(cpu_of "$pid")
        sleep 1
        after=$(cpu_of "$pid")
        [ $((after - before)) -lt 100 ]
        "$RUNTIME" --root "$T/state-$RUNTIME" kill --all "$ID" CONT
        ended
}

@test "conmon: attach gives input and output, and half a close ends stdin" {
        for runtime in $RUNTIMES; do
                bundle "$runtime" sh -c 'cat; echo bye >&2'
                create -i
                start
                run -0 --separate-stderr sh -c "printf 'one\ntwo' | python3 '$CLIENT' '$B/attach'"
                [ "$output" = $'one\ntwo' ]
                [ "$stderr" = bye ]
                ended
                [ "$STATUS" = 0 ]
                [ "$(contents | grep -c stderr)" = 1 ]
        done
}

@test "conmon: stdin stays open for the next client when asked to" {
        bundle crun sh -c 'read a; echo "got $a"; read b; echo "got $b"'
        create -i --leave-stdin-open
        start
        echo first | python3 "$CLIENT" "$B/attach" open > "$T/first" &
        wait_until grep -q 'got first' "$LOG"
        kill $!
        echo second | python3 "$CLIENT" "$B/attach"
        ended
        [ "$(contents)" = $'stdout F got first\nstdout F got second' ]
}

@test "conmon: much input waits for a slow container and arrives whole" {
        bundle crun sh -c 'sleep 1; wc -c'
        create -i
        start
        head -c 3000000 /dev/zero | python3 "$CLIENT" "$B/attach"
        ended
        [ "$(contents)" = "stdout F 3000000" ]
}

@test "conmon: what a client left behind waits without a busy loop" {
        bundle crun sh -c 'until [ -e /tmp/go ]; do sleep 0.1; done; wc -c'
        rm -f "$ROOTFS/tmp/go"
        create -i
        start
        head -c 200000 /dev/zero | python3 "$CLIENT" "$B/attach" leave
        before=$(cpu_of "$(monitor_pid)")
        sleep 1
        after=$(cpu_of "$(monitor_pid)")
        [ $((after - before)) -lt 100 ]
        touch "$ROOTFS/tmp/go"
        ended
        [ "$(contents)" = "stdout F 200000" ]
}

@test "conmon: a slow client gets everything" {
        bundle crun sh -c 'read go; seq 1 300000'
        create -i
        start
        echo go | python3 "$CLIENT" "$B/attach" > "$T/got"
        ended
        cmp <(seq 1 300000) "$T/got"
}

@test "conmon: clients that do not read stop neither the container nor its log" {
        bundle crun sh -c 'read go; seq 1 300000'
        create -i
        start
        for i in 1 2 3; do
                python3 "$CLIENT" "$B/attach" silent "ready=$T/ready$i" < /dev/null 3>&- &
                echo $! >> "$T/clients"
                wait_until test -e "$T/ready$i"
        done
        echo go | python3 "$CLIENT" "$B/attach" > "$T/got"
        ended
        kill $(cat "$T/clients")
        cmp <(seq 1 300000) "$T/got"
        [ "$STATUS" = 0 ]
        [ "$(contents | sed 's/^stdout P \(.*\)$/\1/; t; s/^stdout F //' | tr -d '\n' | wc -c)" = \
                "$(seq 1 300000 | tr -d '\n' | wc -c)" ]
}

@test "conmon: more clients than places are turned away, the rest lives" {
        bundle crun sh -c 'read go; echo done'
        create -i --leave-stdin-open
        start
        run -0 python3 -c '
import os, socket, sys
os.chdir(sys.argv[1])
clients = []
for i in range(80):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect("attach")
    clients.append(s)
clients[0].send(b"go\n")
print(sum(1 for s in clients if s.recv(100)))' "$B"
        [ "$output" = 64 ]
        ended
}

@test "conmon: reopening under load loses no line" {
        bundle crun sh -c 'seq 1 3000000'
        create
        start
        for i in 1 2 3 4 5; do
                wait_until test -s "$LOG"
                mv "$LOG" "$LOG.$i"
                echo "2 0 0" > "$B/ctl"
                wait_until test -e "$LOG"
        done
        ended
        cat "$LOG".[1-5] "$LOG" > "$T/all"
        # partial records are joined again
        contents "$T/all" | awk '{ printf "%s%s", $3, $2 == "P" ? "" : "\n" }' > "$T/joined"
        cmp <(seq 1 3000000) "$T/joined"
}

@test "conmon: reopening without a rename keeps what is there (only ours)" {
        bundle crun sh -c 'echo one; read go; echo two'
        create -i
        start
        wait_until grep -q one "$LOG"
        echo "2 0 0" > "$B/ctl"
        echo "9 9 9 9" > "$B/ctl"
        echo go | python3 "$CLIENT" "$B/attach"
        ended
        [ "$(contents)" = $'stdout F one\nstdout F two' ]
}

@test "conmon: nonsense on the control fifos is refused, sense behind it obeyed" {
        TERMINAL=true bundle crun sh -c 'read go; stty size'
        create -t -i
        head -c 20000 /dev/urandom > "$B/ctl"
        head -c 20000 /dev/zero | tr '\0' 1 > "$B/ctl"
        printf '\n\n9 1 1\n1 2000 10\n1 -1 -1\n1 40 50 60\n1 12' > "$B/ctl"
        printf ' 34\n' > "$B/ctl"
        printf 'x y\n' > "$B/winsz"
        # the end of a line that is too long is not a line
        printf '%0199d1 5 5\n' 0 | tr 0 x > "$B/ctl"
        mv "$LOG" "$LOG.1"
        echo "2 0 0" > "$B/ctl"
        wait_until test -e "$LOG"
        start
        echo go | python3 "$CLIENT" "$B/attach" open
        ended
        [[ $(contents) == *"stdout F 12 34"* ]]
}

@test "conmon: a flood does not keep signals, clients and the control fifo waiting" {
        bundle crun sh -c 'trap "exit 42" TERM; yes & yes >&2 & wait'
        create --log-size-max 10000000
        start
        wait_until test -s "$LOG"
        mv "$LOG" "$LOG.1"
        echo "2 0 0" > "$B/ctl"
        wait_until test -e "$LOG"
        python3 "$CLIENT" "$B/attach" < /dev/null 2> /dev/null | head -c 1000000 > "$T/got"
        [ "$(tr -d 'y\n' < "$T/got" | wc -c)" = 0 ]
        kill -TERM "$(monitor_pid)"
        ended
        [ "$STATUS" = 42 ]
}

@test "conmon: the size limits hold" {
        bundle crun sh -c 'seq 1 100000'
        run_container --log-size-max 8192
        [ "$(wc -c < "$LOG")" -le 8192 ]
        [ "$(contents | tail -n 1)" = "stdout F 100000" ]

        bundle crun sh -c 'seq 1 100000; exit 5'
        run_container --log-global-size-max 10000
        [ "$STATUS" = 5 ]
        [ "$(wc -c < "$LOG")" -ge 10000 ]
        [ "$(wc -c < "$LOG")" -lt 10100 ]
        [ "$(contents | head -n 1)" = "stdout F 1" ]
}

@test "conmon: exec answers with the status when the output is in the log" {
        for runtime in $RUNTIMES; do
                bundle "$runtime" sleep 1000
                create
                start
                COMMAND=(sh -c 'echo out; echo err >&2; exit 3')
                run -3 exec_in
                [ "$(cat "$T/exec.sync")" = '{"exit_code": 3}' ]
                [ "$(contents "$T/exec.log" | sort)" = $'stderr F err\nstdout F out' ]
                for code in 1 2 3 4 5 6 7 8 9 10; do
                        COMMAND=(sh -c "exit $code")
                        run "-$code" exec_in
                        [ "$(cat "$T/exec.sync")" = "{\"exit_code\": $code}" ]
                done
                COMMAND=(/no/such/command)
                run exec_in
                [ "$status" != 0 ]
                [[ $(cat "$T/exec.sync") == '{"exit_code": -1, "message": "'*'such'*'"}' ]]
        done
}

@test "conmon: exec that takes too long is killed, with what it started, before the answer" {
        for runtime in $RUNTIMES; do
                bundle "$runtime" sleep 1000
                create
                start
                COMMAND=(sh -c 'sleep 7654321 & echo $!; sleep 1234567; :')
                run exec_in -T 1
                [ "$(cat "$T/exec.sync")" = '{"exit_code": -1, "message": "command timed out"}' ]
                gone "$(cat "$T/exec.pid")"
                run "$runtime" --root "$T/state-$runtime" exec "$ID" sh -c 'cat /proc/[0-9]*/cmdline'
                [[ $output != *7654321* ]]
                [[ $output != *1234567* ]]
        done
}

@test "conmon: exec through a runtime that hangs ends in time, too" {
        bundle crun true
        printf '#!/bin/sh\nexec sleep 1000\n' > "$T/hang"
        chmod +x "$T/hang"
        run timeout 20 env _OCI_SYNCPIPE=7 "$CONMON" --sync -c x -r "$T/hang" -e -T 1 -l none \
                --exec-process-spec "$B/process.json" 7> "$T/exec.sync" 3>&-
        [ "$(cat "$T/exec.sync")" = '{"exit_code": -1, "message": "command timed out"}' ]
}

@test "conmon: exec with attach, as podman asks for it" {
        bundle crun sleep 1000
        create
        start
        mkdir "$T/session"
        python3 - "$B" <<'END'
import json, sys
path = sys.argv[1] + "/process.json"
process = json.load(open(path))
process["args"] = ["sh", "-c", "cat; exit 9"]
json.dump(process, open(path, "w"))
END
        run -0 python3 - "$CONMON" "$T" "$ID" "$B/process.json" <<'END'
import json, os, socket, subprocess, sys
conmon, top, name, spec = sys.argv[1:]
pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(3)]
(sync, sync2), (gate, gate2), (att, att2) = pairs
env = dict(os.environ, _OCI_SYNCPIPE=str(sync2.fileno()), _OCI_STARTPIPE=str(gate2.fileno()),
           _OCI_ATTACHPIPE=str(att2.fileno()))
p = subprocess.Popen([conmon, "--api-version", "1", "-c", name, "-u", name, "-r", "/usr/bin/crun",
    "--runtime-arg", "--root=" + top + "/state-crun", "-b", top + "/session", "-p", top + "/session/pid",
    "-P", top + "/session/conmon", "--exit-dir", top + "/exits", "--full-attach", "-l", "none", "-e",
    "--exec-attach", "--exec-process-spec", spec, "-i"], env=env,
    pass_fds=(sync2.fileno(), gate2.fileno(), att2.fileno()))
for s in (sync2, gate2, att2):
    s.close()
assert not os.path.exists(top + "/session/attach")
gate.send(b"\0")
assert p.wait() == 0
assert json.loads(att.recv(1000)) == {"data": 0}
assert not os.path.exists(top + "/session/pid")
os.chdir(top + "/session")
client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
client.connect("attach")
gate.send(b"\0")
assert json.loads(sync.recv(1000))["data"] > 0
client.send(b"hello")
client.shutdown(socket.SHUT_WR)
assert client.recv(9000) == b"\2hello"
assert client.recv(9000) == b""
assert json.loads(sync.recv(1000)) == {"data": 9}
END
        wait_until test -e "$T/exits/$ID"
        [ "$(cat "$T/exits/$ID")" = 9 ]
}

@test "conmon: a kill for want of memory is told from any other" {
        for runtime in $RUNTIMES; do
                rm -f "$T/persist/oom"
                LIMIT=20000000 bundle "$runtime" tail /dev/zero
                run_container
                [ "$STATUS" = 137 ]
                [ -e "$T/persist/oom" ]
                [ -e "$B/oom" ]
                [ ! -s "$B/oom" ]

                # a child that was killed counts, even if the container goes on
                rm -f "$T/persist/oom"
                LIMIT=20000000 bundle "$runtime" sh -c 'tail /dev/zero; exit 0'
                run_container
                [ "$STATUS" = 0 ]
                [ -e "$T/persist/oom" ]
        done
}

@test "conmon: with cgroups of version 2 it is told while the container goes on" {
        [ -e /sys/fs/cgroup/cgroup.controllers ] || skip "version 1 is asked only at the end"
        LIMIT=20000000 bundle crun sh -c 'tail /dev/zero; read go'
        create -i
        start
        wait_until test -e "$T/persist/oom"
        [ ! -e "$T/exits/$ID" ]
        python3 "$CLIENT" "$B/attach" < /dev/null
        ended
}

@test "conmon: its protection from the out-of-memory killer is not the container's" {
        for runtime in $RUNTIMES; do
                bundle "$runtime" cat /proc/self/oom_score_adj
                run_container
                [ "$(contents)" = "stdout F $(cat /proc/self/oom_score_adj)" ]
        done
}

@test "conmon: the signals it blocks and ignores are not the runtime's" {
        bundle crun true
        fake_runtime 'while read -r name value; do echo "$name $value"; done \
                < /proc/$$/status > "$B/status"; sleep 0.1 & echo $! > "$B/pidfile"'
        "$CONMON" --sync -b "$B" -c "$ID" -u "$ID" -r "$T/runtime" -p "$B/pidfile" --full-attach \
                -l none 3>&-
        grep -q 'SigBlk: 0000000000000000' "$B/status"
        ignored=$(awk '$1 == "SigIgn:" { print $2 }' "$B/status")
        [ $((16#$ignored & 16#1000)) = 0 ]
}

@test "conmon: the same bundle may be used again" {
        bundle crun sh -c 'echo again; exit 2'
        for i in 1 2 3; do
                run_container
                [ "$STATUS" = 2 ]
                wait_until gone "$(monitor_pid)"
                crun --root "$T/state-crun" delete "$ID"
                rm "$T/exits/$ID"
        done
        [ "$(contents)" = $'stdout F again\nstdout F again\nstdout F again' ]
}

@test "conmon: the exit command sees the exit file and no descriptor of the caller" {
        bundle crun sh -c 'exit 6'
        cat > "$T/after" <<END
#!/bin/sh
{ echo "\$@"; cat "$T/exits/$ID"; ls /proc/self/fd; } > "$T/after.tmp"
mv "$T/after.tmp" "$T/after.out"
END
        chmod +x "$T/after"
        create --exit-command "$T/after" --exit-command-arg one --exit-command-arg "two words" 9< /dev/zero
        start
        wait_until test -e "$T/after.out"
        [ "$(head -n 1 "$T/after.out")" = "one two words" ]
        [[ $(sed -n 2p "$T/after.out") == 6* ]]
        ! grep -qx 9 "$T/after.out"
}

@test "conmon: descriptors of the caller are closed before the end is told" {
        bundle crun true
        fake_runtime 'sleep 0.1 & echo $! > "$B/pidfile"'
        # nobody reads the answer, so the monitor stands still right after the exit file
        run -0 python3 - "$CONMON" "$T" "$B" <<'END'
import os, subprocess, sys, time
conmon, top, bundle = sys.argv[1:]
r, w = os.pipe()
os.set_blocking(w, False)
try:
    while True:
        os.write(w, b"x" * 4096)
except BlockingIOError:
    pass
os.set_blocking(w, True)
held = os.open("/proc/self/status", os.O_RDONLY)
p = subprocess.Popen([conmon, "--sync", "-e", "-c", "x", "-r", top + "/runtime", "-l", "none", "-p",
    bundle + "/pidfile", "--exec-process-spec", "x", "--exit-dir", top + "/exits"],
    env=dict(os.environ, _OCI_SYNCPIPE=str(w)), pass_fds=(w, held))
while not os.path.exists(top + "/exits/x"):
    time.sleep(0.01)
fds = "/proc/%d/fd/" % p.pid
assert not any(os.readlink(fds + fd).endswith("/status") for fd in os.listdir(fds))
os.read(r, 1 << 20)
p.wait()
END
}

@test "conmon: passthrough gives the container our own streams" {
        bundle crun sh -c 'echo direct; exit 8'
        : > "$T/sync"
        echo "crun $ID" >> "$CREATED"
        _OCI_SYNCPIPE=7 "$CONMON" -b "$B" -c "$ID" -u "$ID" -r /usr/bin/crun -l passthrough \
                --runtime-arg "--root=$T/state-crun" -P "$B/conmon-pidfile" -p "$B/pidfile" \
                --exit-dir "$T/exits" 7> "$T/sync" 3>&- > "$T/direct"
        wait_until test -s "$T/sync"
        start
        ended
        [ "$STATUS" = 8 ]
        [ "$(cat "$T/direct")" = direct ]
        [ ! -e "$B/attach" ]
        [ ! -e "$B/ctl" ]
}

@test "conmon: of what a container notifies only the harmless goes to the host" {
        bundle crun sh -c 'read go'
        mkdir "$B/notify"
        python3 -c '
import os, socket, sys
os.chdir(sys.argv[1])
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("host.sock")
open("bound", "w").close()
open("heard.tmp", "wb").write(s.recv(5000))
os.rename("heard.tmp", "heard")' "$T" 3>&- &
        wait_until test -e "$T/bound"
        ln -s "$T" "/tmp/conmon-bats.$$"
        create -i --sdnotify-socket "/tmp/conmon-bats.$$/host.sock"
        rm "/tmp/conmon-bats.$$"
        python3 -c '
import os, socket, sys
os.chdir(sys.argv[1])
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.sendto(b"MAINPID=1\nREADY=1\nFDSTORE=1\nREADY=12\nSTATUS=fine", "notify.sock")' "$B/notify"
        wait_until test -e "$T/heard"
        [ "$(cat "$T/heard")" = $'READY=1\nSTATUS=fine' ]
        start
        python3 "$CLIENT" "$B/attach" < /dev/null
        ended
}

@test "conmon: LISTEN_PID is the runtime's" {
        bundle crun true
        cat > "$T/runtime" <<END
#!/bin/sh
echo "\$\$ \$LISTEN_PID" > "$T/pids"
sleep 0.1 & echo \$! > "$B/pidfile"
END
        chmod +x "$T/runtime"
        LISTEN_PID=1 "$CONMON" --sync -b "$B" -c "$ID" -u "$ID" -r "$T/runtime" -p "$B/pidfile" \
                --replace-listen-pid --full-attach -l none 3>&-
        read -r own told < "$T/pids"
        [ "$own" = "$told" ]
        LISTEN_PID=1 "$CONMON" --sync -b "$B" -c "$ID" -u "$ID" -r "$T/runtime" -p "$B/pidfile" \
                --full-attach -l none 3>&-
        read -r own told < "$T/pids"
        [ "$told" = 1 ]
}

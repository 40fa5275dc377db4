#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0

load lib

setup_file() {
        e2e_setup_file "$BUSYBOX"
}

teardown_file() {
        e2e_teardown_file
}

setup() {
        e2e_setup
}

teardown() {
        e2e_teardown
}

@test "output, errors and exit codes" {
        pod=$(pod one)
        id=$(container "$pod" first)
        equal "$(in_container "$id" echo hello)" hello
        run in_container "$id" sh -c 'echo out; echo err >&2; exit 9'
        [ "$status" -ne 0 ]
        contains "$output" out err "9"
}

@test "a probe runs where the container is" {
        pod=$(pod one)
        id=$(container "$pod" first '.envs = [{"key": "A", "value": "b"}] | .working_dir = "/usr" |
                .linux.security_context.run_as_user = {value: 1234}')
        equal "$(in_container "$id" sh -c 'echo $A')" b
        equal "$(in_container "$id" pwd)" /usr
        equal "$(in_container "$id" id -u)" 1234
        contains "$(in_container "$id" ps)" "sleep 1000000"
        for kind in net mnt pid ipc uts cgroup; do
                equal "$(in_container "$id" readlink /proc/self/ns/$kind)" \
                        "$(readlink "/proc/$(of "$id" .info.pid)/ns/$kind")"
        done
}

@test "a probe that takes too long is killed and reaped before the answer" {
        pod=$(pod one)
        id=$(container "$pod" first)
        refused in_container --timeout 1 "$id" sh -c 'exec sleep 4242'
        # An error, or (as upstream) an answer with -1: the kubelet takes both.
        [[ $output == *DeadlineExceeded* || $output == *"timed out"* ]]
        lacks "$(in_container "$id" ps)" 4242
}

@test "what a timed out probe has started is killed too" {
        only_ours
        pod=$(pod one)
        id=$(container "$pod" first)
        refused in_container --timeout 1 "$id" sh -c 'sleep 4343 & wait'
        lacks "$(in_container "$id" ps)" 4343
}

@test "a command that is not there" {
        pod=$(pod one)
        id=$(container "$pod" first)
        refused in_container "$id" /no/such/program
        equal "$(in_container "$id" echo still)" still
}

@test "a container that does not run" {
        pod=$(pod one)
        id=$(create "$pod" first)
        refused in_container "$id" true
        crictl start "$id"
        crictl stop "$id"
        refused in_container "$id" true
        refused in_container no-such-container true
}

@test "endless output is cut, and the daemon stays small" {
        only_ours
        pod=$(pod one)
        id=$(container "$pod" first)
        in_container "$id" true
        before=$(rss_of "$(daemon_pid)")
        # The kubelet takes messages of 16 MiB, so the answer has to be a little smaller.
        in_container "$id" sh -c 'head -c 200000000 /dev/zero | tr "\0" x; exit 0' >"$E2E_TEST/out"
        size=$(stat -c %s "$E2E_TEST/out")
        [ "$size" -gt 8388608 ] && [ "$size" -le 16777216 ]
        after=$(rss_of "$(daemon_pid)")
        [ $((after - before)) -lt 65536 ]
}

@test "a hundred probes, ten at a time" {
        pod=$(pod one)
        id=$(container "$pod" first)
        seq 100 | xargs -P 10 -I @ "$CRICTL" exec -s "$id" sh -c 'echo "@ $((@ * 2))"' |
                grep . | sort -n >"$E2E_TEST/out"
        equal "$(wc -l <"$E2E_TEST/out")" 100
        equal "$(awk '$2 != $1 * 2' "$E2E_TEST/out")" ""
        lacks "$(in_container "$id" ps)" echo
}

@test "numeric users mean themselves" {
        pod=$(pod one)
        for uid in 0 1 65534 4294967; do
                id=$(container "$pod" "user-$uid" \
                        ".linux.security_context.run_as_user = {value: $uid}")
                equal "$(in_container "$id" id -u)" "$uid"
        done
}

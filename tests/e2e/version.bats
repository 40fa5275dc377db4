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

@test "version" {
        text=$(crictl version)
        contains "$text" "RuntimeApiVersion:  v1" "RuntimeName:"
        if [ "$DAEMON" = crio ]; then
                contains "$text" "RuntimeName:  cri-o" "RuntimeVersion:  1.36"
                contains "$("$CRIO" --version)" "1.36"
                equal "$("$CRIO" version --json | jq -r .version)" \
                        "$(sed -n 's/^RuntimeVersion: *//p' <<<"$text")"
        fi
}

@test "status" {
        info=$(crictl info)
        equal "$(jq -r '.status.conditions[] | select(.type == "RuntimeReady").status' <<<"$info")" true
        equal "$(jq -r '.status.conditions[] | select(.type == "NetworkReady").status' <<<"$info")" true
        only_ours
        contains "$(jq -r '.runtimeHandlers[].name' <<<"$info")" test
        equal "$(jq -r '.features.supplemental_groups_policy // .features.supplementalGroupsPolicy' \
                <<<"$info")" true
}

@test "the cgroup driver is told" {
        contains "$(crictl runtime-config)" CGROUPFS
}

@test "what is not there yet says so" {
        only_ours
        pod=$(pod one)
        id=$(container "$pod" first)
        run crictl checkpoint --export "$E2E_TEST/x.tar" "$id"
        [ "$status" -eq 0 ] || contains "$output" Unimplemented
}

@test "a second daemon on the socket is refused" {
        only_ours
        refused timeout 10 $(crio_command)
        contains "$output" "$E2E_SOCKET"
        daemon_answers
}

@test "a socket of a dead daemon is taken over" {
        only_ours
        daemon_stop KILL
        [ -S "$E2E_SOCKET" ]
        daemon_start
}

@test "the socket goes with an orderly stop" {
        only_ours
        daemon_stop TERM
        [ ! -S "$E2E_SOCKET" ] || refused "$CRICTL" version
        daemon_start
}

@test "READY is told to the service manager" {
        only_ours
        daemon_stop
        python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
s.settimeout(20)
print(s.recv(1000).decode())' "$E2E_TEST/notify" >"$E2E_TEST/said" 3>&- &
        listener=$!
        wait_until test -S "$E2E_TEST/notify"
        NOTIFY_SOCKET=$E2E_TEST/notify daemon_start
        wait $listener
        contains "$(cat "$E2E_TEST/said")" READY=1
        daemon_restart
}

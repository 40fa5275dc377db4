#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0

load lib

setup_file() {
        e2e_setup_file "$BUSYBOX" "$NGINX"
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

# answers_to FILE: everything that the CRI tells, without what changes by itself
answers_to() {
        local id
        {
                crictl version
                crictl pods -o json | jq -S '.items |= sort_by(.id)'
                crictl ps -a -o json | jq -S '.containers |= sort_by(.id)'
                crictl images -o json | jq -S .
                for id in $(crictl pods -q | sort); do
                        crictl inspectp "$id" | jq -S .
                done
                for id in $(crictl ps -aq | sort); do
                        crictl inspect "$id" | jq -S .
                done
        } >"$1"
}

@test "kill -9: every answer is the same, and every pod goes on" {
        only_ours
        port=$((20000 + RANDOM % 10000))
        web=$(pod web ".port_mappings = [{protocol: 0, container_port: 80, host_port: $port}] |
                .labels = {\"a\": \"b\"} | .annotations = {\"c\": \"d\"}")
        server=$(container "$web" server ".image.image = \"$NGINX\" | del(.command)")
        stopped=$(pod stopped)
        container "$stopped" first >/dev/null
        crictl stopp "$stopped"
        mixed=$(pod mixed '.linux.security_context.namespace_options.pid = 0')
        create "$mixed" created '.linux.security_context.namespace_options.pid = 0' >/dev/null
        id=$(script "$mixed" exited 'exit 33' '.linux.security_context.namespace_options.pid = 0')
        exit_code "$id"
        ticking=$(script "$web" ticking 'i=0; while :; do i=$((i + 1)); echo $i; sleep 0.02; done')

        answers_to "$E2E_TEST/before"
        daemon_restart KILL
        answers_to "$E2E_TEST/after"
        diff "$E2E_TEST/before" "$E2E_TEST/after"

        wait_until curl -sf --max-time 2 -o /dev/null "http://$(pod_ip "$web")/"
        equal "$(in_container "$server" echo hello)" hello
        equal "$(of "$id" .status.exitCode)" 33
        crictl stop "$ticking"
        text_of "$ticking" | cmp - <(seq 1 "$(text_of "$ticking" | wc -l)")
        crictl start "$(crictl ps -aq --name created)"
}

@test "what ended while the daemon was away is told when it is back" {
        only_ours
        pod=$(pod one)
        go=$E2E_TEST/go
        mkdir "$go"
        id=$(script "$pod" first 'while [ ! -e /go/now ]; do sleep 0.02; done; echo last; exit 21' \
                ".mounts = [{host_path: \"$go\", container_path: \"/go\"}]")
        pid=$(of "$id" .info.pid)
        daemon_stop KILL
        touch "$go/now"
        gone() { [ ! -e "/proc/$pid" ]; }
        wait_until gone
        daemon_start
        equal "$(exit_code "$id")" 21
        equal "$(text_of "$id")" last
        [ "$(date -d "$(of "$id" .status.finishedAt)" +%s)" -gt 1600000000 ]
}

@test "a monitor that is killed with its container while the daemon is away" {
        only_ours
        pod=$(pod one)
        id=$(container "$pod" first)
        pid=$(of "$id" .info.pid)
        monitor=$(awk '/^PPid:/ { print $2 }' "/proc/$pid/status")
        daemon_stop KILL
        kill -KILL "$monitor"
        kill -KILL "$pid"
        daemon_start
        wait_until is_state "$id" EXITED
        [ "$(of "$id" .status.exitCode)" -ne 0 ]
}

@test "twenty restarts under load" {
        only_ours
        for i in {1..20}; do
                {
                        id=$(crictl runp "$(pod_config "load-$i")") && echo "$id" >>"$E2E_DIR/ids"
                } >/dev/null 2>&1 3>&- &
                daemon_restart KILL
        done
        wait
        # Whatever a killed request had begun is either told or gone; all of it can be removed.
        for pod in $(crictl pods -q --no-trunc); do
                echo "$pod" >>"$E2E_DIR/ids"
        done
        remove_all
        equal "$(crictl pods -q)" ""
}

@test "an orderly stop leaves the pods alone and is quick" {
        pod=$(pod one)
        id=$(container "$pod" first)
        begin=$(date +%s%N)
        daemon_stop TERM
        [ $(($(date +%s%N) - begin)) -lt 5000000000 ]
        [ -e "/proc/$(pgrep -f "$id" | head -n 1)" ]
        daemon_start
        equal "$(of "$id" .status.state)" CONTAINER_RUNNING
        equal "$(in_container "$id" echo hello)" hello
}

@test "a broken state file harms one pod only" {
        only_ours
        good=$(pod good)
        bad=$(pod bad)
        daemon_stop KILL
        find "$E2E_DIR/root" "$E2E_DIR/runroot" -path "*$bad*" -name 'state.json*' |
                while read -r file; do echo '{"id": ' >"$file"; done
        daemon_start
        equal "$(of_pod "$good" .status.state)" SANDBOX_READY
        crictl rmp -f "$good"
        # The other is known as broken or not at all, and the daemon can still be asked to remove it.
        crictl rmp -f "$bad" || true
}

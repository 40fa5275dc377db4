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

@test "a pod is ready, stopped, and gone" {
        id=$(pod one)
        equal "$(of_pod "$id" .status.state)" SANDBOX_READY
        equal "$(crictl pods -q --no-trunc)" "$id"
        crictl stopp "$id"
        equal "$(of_pod "$id" .status.state)" SANDBOX_NOTREADY
        crictl rmp "$id"
        refused crictl inspectp "$id"
        contains "$output" NotFound
        equal "$(crictl pods -q)" ""
}

@test "what was asked for is what is told" {
        id=$(pod told '.labels = {"app": "web", "tier": "1"} | .annotations = {"a.b/c": "d"} |
                .metadata.attempt = 7')
        equal "$(of_pod "$id" .status.metadata.name)" told
        equal "$(of_pod "$id" .status.metadata.namespace)" e2e
        equal "$(of_pod "$id" .status.metadata.attempt)" 7
        equal "$(of_pod "$id" .status.labels.app)" web
        equal "$(of_pod "$id" '.status.annotations["a.b/c"]')" d
        equal "$(of_pod "$id" .status.linux.namespaces.options.pid)" CONTAINER
        [ "$(date -d "$(of_pod "$id" .status.createdAt)" +%s)" -gt 1600000000 ]
}

@test "pods are found by id, name, label, state and the beginning of an id" {
        one=$(pod one '.labels = {"color": "red"}')
        two=$(pod two '.labels = {"color": "blue"}')
        crictl stopp "$two"
        equal "$(crictl pods -q --no-trunc --id "$one")" "$one"
        equal "$(crictl pods -q --no-trunc --id "${one:0:12}")" "$one"
        equal "$(crictl pods -q --no-trunc --label color=blue)" "$two"
        equal "$(crictl pods -q --no-trunc --state ready)" "$one"
        equal "$(crictl pods -q --no-trunc --state notready)" "$two"
        equal "$(of_pod "${one:0:12}" .status.id)" "$one"
        equal "$(crictl pods -q --label color=green)" ""
}

@test "stopping and removing what is gone or stopped succeeds" {
        id=$(pod one)
        crictl stopp "$id"
        crictl stopp "$id"
        crictl rmp "$id"
}

@test "the same request again does not make a second pod" {
        only_ours
        config=$(pod_config twice)
        first=$(crictl runp "$config")
        echo "$first" >>"$E2E_DIR/ids"
        equal "$(crictl runp "$config")" "$first"
        equal "$(crictl pods -q --no-trunc)" "$first"
}

@test "a name is free again when its pod is gone" {
        config=$(pod_config again)
        first=$(crictl runp "$config")
        crictl stopp "$first"
        crictl rmp "$first"
        second=$(crictl runp "$config")
        echo "$second" >>"$E2E_DIR/ids"
        [ "$first" != "$second" ]
}

@test "removing a pod takes its running containers along" {
        id=$(pod one)
        first=$(container "$id" first)
        container "$id" second
        crictl rmp -f "$id"
        equal "$(crictl ps -aq)" ""
        refused crictl inspect "$first"
}

@test "stopping a pod stops its containers" {
        id=$(pod one)
        first=$(container "$id" first)
        crictl stopp "$id"
        equal "$(of "$first" .status.state)" CONTAINER_EXITED
        equal "$(of "$first" .status.exitCode)" 137
}

@test "a hostname" {
        id=$(pod one '.hostname = "some-host"')
        first=$(container "$id" first)
        equal "$(in_container "$first" hostname)" some-host
        equal "$(in_container "$first" cat /etc/hostname)" some-host
}

@test "resolv.conf is made of servers, searches and options" {
        id=$(pod one '.dns_config = {"servers": ["192.0.2.1", "192.0.2.2"],
                "searches": ["a.test", "b.test"], "options": ["ndots:5", "attempts:2"]}')
        first=$(container "$id" first)
        text=$(in_container "$first" cat /etc/resolv.conf)
        contains "$text" "search a.test b.test" "nameserver 192.0.2.1" "nameserver 192.0.2.2" \
                "options ndots:5 attempts:2"
}

@test "a line break in a search domain does not make a line" {
        only_ours
        run pod one '.dns_config = {"servers": ["192.0.2.1"], "searches": ["a.test\nnameserver 6.6.6.6"]}'
        if [ "$status" -eq 0 ]; then
                first=$(container "$output" first)
                lacks "$(in_container "$first" cat /etc/resolv.conf)" $'\nnameserver 6.6.6.6'
        fi
}

@test "the containers of a pod share network, ipc and /dev/shm" {
        id=$(pod one)
        first=$(container "$id" first)
        second=$(container "$id" second)
        for kind in net ipc uts; do
                equal "$(in_container "$first" readlink /proc/self/ns/$kind)" \
                        "$(in_container "$second" readlink /proc/self/ns/$kind)"
        done
        [ "$(in_container "$first" readlink /proc/self/ns/pid)" != \
                "$(in_container "$second" readlink /proc/self/ns/pid)" ]
        in_container "$first" sh -c 'echo hello >/dev/shm/file'
        equal "$(in_container "$second" cat /dev/shm/file)" hello
        equal "$(in_container "$first" stat -c %a /dev/shm)" 1777
}

@test "a shared process namespace" {
        id=$(pod one '.linux.security_context.namespace_options.pid = 0')
        first=$(container "$id" first '.linux.security_context.namespace_options.pid = 0')
        second=$(container "$id" second '.linux.security_context.namespace_options.pid = 0')
        contains "$(in_container "$second" ps)" "sleep 1000000"
        equal "$(in_container "$first" readlink /proc/self/ns/pid)" \
                "$(in_container "$second" readlink /proc/self/ns/pid)"
        [ "$(in_container "$first" cat /proc/1/comm)" != sleep ]
}

@test "the namespaces of the node" {
        id=$(pod one '.linux.security_context.namespace_options = {"network": 2, "pid": 2, "ipc": 2}')
        first=$(container "$id" first \
                '.linux.security_context.namespace_options = {"network": 2, "pid": 2, "ipc": 2}')
        for kind in net pid ipc; do
                equal "$(in_container "$first" readlink /proc/self/ns/$kind)" \
                        "$(readlink /proc/self/ns/$kind)"
        done
        equal "$(in_container "$first" hostname)" "$(hostname)"
}

@test "sysctls of the pod's own namespaces" {
        before=$(cat /proc/sys/kernel/shm_rmid_forced)
        id=$(pod one '.linux.sysctls = {"net.ipv4.ip_local_port_range": "1024 50000",
                "kernel.shm_rmid_forced": "1"}')
        first=$(container "$id" first)
        equal "$(in_container "$first" cat /proc/sys/net/ipv4/ip_local_port_range)" $'1024\t50000'
        equal "$(in_container "$first" cat /proc/sys/kernel/shm_rmid_forced)" 1
        equal "$(cat /proc/sys/kernel/shm_rmid_forced)" "$before"
}

@test "metadata is needed" {
        refused crictl runp "$(pod_config one 'del(.metadata.name)')"
        refused crictl runp "$(pod_config two 'del(.metadata)')"
}

@test "an unknown runtime handler is refused" {
        refused crictl runp --runtime no-such-handler "$(pod_config one)"
        contains "$output" no-such-handler
        equal "$(crictl pods -q)" ""
}

@test "a pod without network does not become ready, and nothing stays" {
        cp "$E2E_DIR/net.d/10-e2e.conflist" "$E2E_DIR/conflist"
        rm "$E2E_DIR/net.d/10-e2e.conflist"
        network_is() {
                [ "$(crictl info | jq -r '.status.conditions[] |
                        select(.type == "NetworkReady").status')" = "$1" ]
        }
        wait_until network_is false
        # It waits for a network as long as the caller does.
        refused crictl runp --cancel-timeout 2s "$(pod_config one)"
        cp "$E2E_DIR/conflist" "$E2E_DIR/net.d/10-e2e.conflist"
        wait_until network_is true
        equal "$(crictl pods -q)" ""
}

@test "forty pods at once" {
        for i in {1..40}; do
                crictl runp "$(pod_config "many-$i")" >"$E2E_TEST/out-$i" 3>&- &
        done
        wait
        grep -h . "$E2E_TEST"/out-* >>"$E2E_DIR/ids"
        equal "$(crictl pods -q | sort -u | wc -l)" 40
        equal "$(crictl pods -q | xargs "$CRICTL" inspectp | jq -r '.. | objects | .network? | objects | .ip' |
                sort -u | wc -l)" 40
}

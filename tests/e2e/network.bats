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

# listens ID: the web server of the test image answers
answers() {
        curl -sf --max-time 2 "$1" >"$E2E_TEST/page" && grep -q Welcome "$E2E_TEST/page"
}

web() {
        local pod
        pod=$(pod "$@") || return
        container "$pod" web ".image.image = \"$NGINX\" | del(.command)" >/dev/null || return
        echo "$pod"
}

@test "a pod has addresses of both families, and its server answers" {
        pod=$(web one)
        contains "$(pod_ip "$pod")" "$E2E_SUBNET."
        contains "$(of_pod "$pod" '.status.network.additionalIps[0].ip')" fd00:e2e:
        wait_until answers "http://$(pod_ip "$pod")/"
}

@test "one pod reaches another, and loopback is up" {
        pod=$(web one)
        script "$pod" both 'httpd -f -p 8080 -h /www' >/dev/null
        other=$(pod two)
        id=$(container "$other" first)
        wait_until in_container "$id" wget -q -O - "http://$(pod_ip "$pod")/"
        contains "$(in_container "$id" wget -q -O - "http://$(pod_ip "$pod")/")" Welcome
        wait_until in_container "$id" wget -q -O - \
                "http://[$(of_pod "$pod" '.status.network.additionalIps[0].ip')]:8080/"
        contains "$(in_container "$id" ip addr show lo)" "127.0.0.1/8" "::1/128"
}

@test "no network for a pod that uses the node's" {
        pod=$(pod one '.linux.security_context.namespace_options.network = 2')
        equal "$(ip -o link show master "$E2E_BRIDGE" 2>/dev/null)" ""
}

@test "a host port, on loopback and on the bridge's address" {
        port=$((20000 + RANDOM % 10000))
        pod=$(web one ".port_mappings = [{protocol: 0, container_port: 80, host_port: $port}]")
        wait_until answers "http://$(pod_ip "$pod")/"
        wait_until answers "http://127.0.0.1:$port/"
        wait_until answers "http://$E2E_SUBNET.0.1:$port/"
        crictl stopp "$pod"
        refused answers "http://127.0.0.1:$port/"
}

@test "a host port with an address listens there only" {
        port=$((20000 + RANDOM % 10000))
        pod=$(web one ".port_mappings = [{protocol: 0, container_port: 80, host_port: $port,
                host_ip: \"127.0.0.1\"}]")
        wait_until answers "http://127.0.0.1:$port/"
        refused answers "http://$E2E_SUBNET.0.1:$port/"
}

@test "host ports of a pod are there after a restart, and go with it" {
        only_ours
        port=$((20000 + RANDOM % 10000))
        pod=$(web one ".port_mappings = [{protocol: 0, container_port: 80, host_port: $port}]")
        wait_until answers "http://127.0.0.1:$port/"
        daemon_restart KILL
        answers "http://127.0.0.1:$port/"
        crictl rmp -f "$pod"
        refused answers "http://127.0.0.1:$port/"
}

@test "a port that is no port" {
        only_ours
        refused pod one '.port_mappings = [{protocol: 0, container_port: 80, host_port: 70000}]'
        refused pod one '.port_mappings = [{protocol: 0, container_port: -1, host_port: 80}]'
        refused pod one '.port_mappings = [{protocol: 0, container_port: 80, host_port: 8080,
                host_ip: "no address"}]'
}

# plugin NAME SHELL-TEXT: a CNI plug-in of our own
plugin() {
        printf '#!/bin/sh\n%s\n' "$2" >"$E2E_DIR/plugins/$1"
        chmod 755 "$E2E_DIR/plugins/$1"
}

with_plugin() {
        mkdir -p "$E2E_DIR/plugins"
        cat >"$E2E_DIR/config.d/plugins.conf" <<-E
	[crio.network]
	plugin_dirs = ["$E2E_DIR/plugins", "$CNI_PLUGINS"]
	E
        cp "$E2E_DIR/net.d/10-e2e.conflist" "$E2E_TEST/conflist"
        jq '.plugins += [{"type": "fake"}]' "$E2E_TEST/conflist" >"$E2E_DIR/net.d/10-e2e.conflist"
}

without_plugin() {
        rm -f "$E2E_DIR/config.d/plugins.conf"
        cp "$E2E_TEST/conflist" "$E2E_DIR/net.d/10-e2e.conflist"
        daemon_restart
}

@test "a plug-in that fails: an error that says so, and nothing stays" {
        only_ours
        with_plugin
        plugin fake 'cat >/dev/null
[ "$CNI_COMMAND" != ADD ] || { echo "{\"cniVersion\":\"1.0.0\",\"code\":100,\"msg\":\"no luck today\"}"; exit 1; }'
        daemon_restart
        refused crictl runp "$(pod_config one)"
        said=$output
        pods=$(crictl pods -q)
        without_plugin
        contains "$said" "no luck today"
        equal "$pods" ""
}

@test "a plug-in that prints without end is cut off" {
        only_ours
        with_plugin
        plugin fake 'cat >/dev/null; [ "$CNI_COMMAND" != ADD ] || yes'
        daemon_restart
        before=$(rss_of "$(daemon_pid)")
        run crictl runp "$(pod_config one)"
        code=$status
        after=$(rss_of "$(daemon_pid)")
        without_plugin
        [ "$code" -ne 0 ]
        [ $((after - before)) -lt 32768 ]
}

@test "a deletion that fails is owed, and made good later" {
        only_ours
        with_plugin
        plugin fake "cat >$E2E_TEST/input
echo \"\$CNI_COMMAND\" >>$E2E_TEST/calls
case \$CNI_COMMAND in
ADD) sed 's/.*\"prevResult\": *\\({.*}\\).*/\\1/' $E2E_TEST/input | head -c 0
        exec jq -c '.prevResult' $E2E_TEST/input ;;
DEL) [ -e $E2E_TEST/allow ] || { echo '{\"cniVersion\":\"1.0.0\",\"code\":11,\"msg\":\"try later\"}'; exit 1; } ;;
esac"
        daemon_restart
        pod=$(pod one)
        run crictl stopp "$pod"
        touch "$E2E_TEST/allow"
        crictl stopp "$pod"
        crictl rmp "$pod"
        without_plugin
        grep -q DEL "$E2E_TEST/calls"
}

@test "a plug-in name that is a path is refused" {
        only_ours
        cp "$E2E_DIR/net.d/10-e2e.conflist" "$E2E_TEST/conflist"
        not_ready() {
                crictl info | jq -e '.status.conditions[] |
                        select(.type == "NetworkReady" and .status == false)' >/dev/null
        }
        for type in ../../bin/true /bin/true '' a/b; do
                jq --arg type "$type" '.plugins[0].type = $type' "$E2E_TEST/conflist" \
                        >"$E2E_DIR/net.d/10-e2e.conflist"
                daemon_restart
                wait_until not_ready
        done
        cp "$E2E_TEST/conflist" "$E2E_DIR/net.d/10-e2e.conflist"
        daemon_restart
}

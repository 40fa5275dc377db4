#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# A kubelet 1.36 alone, with static pods: no API server, no credentials. It asks for everything that it
# asks a node for, and the daemon is killed and restarted under it.

load lib

setup_file() {
        e2e_setup_file "$BUSYBOX" "$NGINX"
        export K=$E2E_DIR/kubelet NODE=node-$E2E_ID KUBELET_PORT
        KUBELET_PORT=$(free_port)
        mkdir -p "$K"/{pods,logs,root,certs,plugins}
        KUBELET=$("$E2E_SOURCE/tests/tools/go-tools" kubelet)/kubelet
        cat >"$K/config.yaml" <<-E
	apiVersion: kubelet.config.k8s.io/v1beta1
	kind: KubeletConfiguration
	address: 127.0.0.1
	port: $KUBELET_PORT
	healthzPort: 0
	readOnlyPort: 0
	enableServer: true
	authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
	authorization: {mode: AlwaysAllow}
	containerRuntimeEndpoint: unix://$E2E_SOCKET
	staticPodPath: $K/pods
	podLogsDir: $K/logs
	volumePluginDir: $K/plugins
	cgroupDriver: cgroupfs
	cgroupRoot: $E2E_CGROUP
	cgroupsPerQOS: true
	failCgroupV1: false
	enforceNodeAllocatable: []
	oomScoreAdj: 0
	failSwapOn: false
	fileCheckFrequency: 1s
	syncFrequency: 5s
	localStorageCapacityIsolation: false
	evictionHard: {memory.available: 0%, nodefs.available: 0%, nodefs.inodesFree: 0%, imagefs.available: 0%}
	imageGCHighThresholdPercent: 100
	imageGCLowThresholdPercent: 99
	makeIPTablesUtilChains: false
	E
        # The kubelet wants its parent cgroup to be there.
        local folder
        for folder in /sys/fs/cgroup/*/; do
                [ ! -e "$folder/cgroup.procs" ] || mkdir -p "$folder$E2E_CGROUP"
        done
        if [ -e "/sys/fs/cgroup/cpuset$E2E_CGROUP" ]; then
                for folder in cpus mems; do
                        cat "/sys/fs/cgroup/cpuset/cpuset.$folder" \
                                >"/sys/fs/cgroup/cpuset$E2E_CGROUP/cpuset.$folder"
                done
        fi
        setsid "$KUBELET" --config "$K/config.yaml" --root-dir "$K/root" --cert-dir "$K/certs" \
                --hostname-override "$NODE" --node-ip "$(host_address)" --v 2 \
                >"$K/kubelet.log" 2>&1 3>&- &
        echo $! >"$K/pid"
        E2E_WAIT=30 wait_until kubelet pods >/dev/null
}

teardown_file() {
        [ -z "${K:-}" ] || {
                rm -f "$K"/pods/*
                kill "$(cat "$K/pid")" || true
                kubelet_is_gone() { [ ! -e "/proc/$(cat "$K/pid")" ]; }
                wait_until kubelet_is_gone || true
                awk -v dir="$K/" 'index($5, dir) == 1 { print $5 }' /proc/self/mountinfo | sort -r |
                        xargs -r umount || true
        }
        e2e_teardown_file
}

setup() {
        E2E_TEST=$(mktemp -d "$E2E_DIR/pods/XXXXXX")
        E2E_LOG_START=$(stat -c %s "$E2E_DIR/daemon.log")
        export E2E_WAIT=90
}

teardown() {
        if [ -z "${BATS_TEST_COMPLETED:-}" ]; then
                echo "--- the kubelet said:"
                grep -E '^[EW]|probe|Unhealthy|Killing|Back-off' "$K/kubelet.log" | tail -n 30 | cut -c 1-300
                echo "--- the daemon said:"
                tail -c +$((E2E_LOG_START + 1)) "$E2E_DIR/daemon.log" | tail -n 30 | cut -c 1-300
        fi
        rm -f "$K"/pods/*
        daemon_runs || daemon_start
        # The kubelet stops them at once, but collects what is left only every minute.
        none_is_ready() { [ -z "$(crictl pods -q --state ready)" ]; }
        wait_until none_is_ready
        remove_all
        # The cgroups of the quality classes stay as long as the kubelet.
        equal "$(crictl ps -aq)" ""
        equal "$(traces | grep -v '^process ' | grep -vE '^/sys/fs/cgroup|kubelet' | grep -E '^mount|^link|/ipam/')" ""
}

free_port() {
        python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# An address of this host that is not loopback: the kubelet takes no other for a node.
host_address() {
        local address
        address=$(ip -4 -o addr show scope global | awk '{ sub("/.*", "", $4); print $4; exit }')
        if [ -z "$address" ]; then
                ip link add "$E2E_BRIDGE" type bridge
                ip addr add "$E2E_SUBNET.0.1/16" dev "$E2E_BRIDGE"
                ip link set "$E2E_BRIDGE" up
                address=$E2E_SUBNET.0.1
        fi
        echo "$address"
}

kubelet() {
        curl -sfk --max-time 10 "https://127.0.0.1:$KUBELET_PORT/$1" "${@:2}"
}

# static NAME SPEC-JSON: give the kubelet a pod
static() {
        jq -n --arg name "$1" --argjson spec "$2" '{apiVersion: "v1", kind: "Pod",
                metadata: {name: $name, namespace: "default"}, spec: $spec}' >"$E2E_TEST/$1.json"
        mv "$E2E_TEST/$1.json" "$K/pods/$1.json"
}

# status NAME JQ-FILTER: of what the kubelet tells about a pod
status() {
        kubelet pods | jq -r --arg name "$1-$NODE" ".items[] | select(.metadata.name == \$name) | $2"
}

is() {
        [ "$(status "$1" "$2")" = "$3" ]
}

READY='.status.conditions[]? | select(.type == "Ready").status'

# run_in POD CONTAINER COMMAND: the kubelet's own way to ExecSync
run_in() {
        kubelet "run/default/$1-$NODE/$2" -X POST --data-urlencode "cmd=$3" -G
}

# no_dots: a pod spec without a service account and with a short grace period
BASE='{"terminationGracePeriodSeconds": 2, "automountServiceAccountToken": false, "enableServiceLinks": false}'

@test "nginx with an init container and probes becomes ready" {
        static web "$(jq -n --argjson base "$BASE" --arg nginx "$NGINX" --arg busybox "$BUSYBOX" '$base + {
                initContainers: [{name: "prepare", image: $busybox, imagePullPolicy: "IfNotPresent",
                        command: ["sh", "-c", "echo from init >/data/index.html"],
                        volumeMounts: [{name: "data", mountPath: "/data"}]}],
                containers: [{name: "nginx", image: $nginx, imagePullPolicy: "IfNotPresent",
                        volumeMounts: [{name: "data", mountPath: "/usr/share/nginx/html"}],
                        resources: {limits: {memory: "64Mi", cpu: "500m"}},
                        startupProbe: {httpGet: {path: "/", port: 80}, periodSeconds: 1},
                        readinessProbe: {httpGet: {path: "/", port: 80}, periodSeconds: 1},
                        livenessProbe: {exec: {command: ["test", "-e", "/usr/sbin/nginx"]}, periodSeconds: 1}}],
                volumes: [{name: "data", emptyDir: {}}]}')"
        wait_until is web "$READY" True
        equal "$(status web '.status.initContainerStatuses[0].state.terminated.exitCode')" 0
        equal "$(curl -sf "http://$(status web .status.podIP)/")" "from init"
        contains "$(run_in web nginx 'cat /usr/share/nginx/html/index.html')" "from init"
        contains "$(kubelet "containerLogs/default/web-$NODE/nginx")" nginx
        equal "$(status web '.status.containerStatuses[0].restartCount')" 0
}

@test "a container that crashes is started again" {
        static crash "$(jq -n --argjson base "$BASE" --arg busybox "$BUSYBOX" '$base + {
                restartPolicy: "Always",
                containers: [{name: "crash", image: $busybox, imagePullPolicy: "IfNotPresent",
                        command: ["sh", "-c", "[ -e /data/once ] || { touch /data/once; exit 3; }; sleep 10000"],
                        volumeMounts: [{name: "data", mountPath: "/data"}]}],
                volumes: [{name: "data", emptyDir: {}}]}')"
        wait_until is crash '.status.containerStatuses[0].restartCount' 1
        wait_until is crash "$READY" True
        equal "$(status crash '.status.containerStatuses[0].lastState.terminated.exitCode')" 3
}

@test "a liveness probe that fails restarts, a readiness probe that fails does not" {
        static probes "$(jq -n --argjson base "$BASE" --arg busybox "$BUSYBOX" '$base + {
                containers: [
                        {name: "alive", image: $busybox, imagePullPolicy: "IfNotPresent",
                         command: ["sh", "-c", "touch /tmp/ok; sleep 10000"],
                         livenessProbe: {exec: {command: ["test", "-e", "/tmp/ok"]}, periodSeconds: 1,
                                failureThreshold: 1}},
                        {name: "ready", image: $busybox, imagePullPolicy: "IfNotPresent",
                         command: ["sleep", "10000"],
                         readinessProbe: {exec: {command: ["test", "-e", "/tmp/ready"]}, periodSeconds: 1}}]}')"
        count() { is probes "[.status.containerStatuses[] | select(.name == \"$1\")][0].restartCount" "$2"; }
        wait_until is probes '.status.phase' Running
        wait_until run_in probes alive 'rm /tmp/ok'
        wait_until count alive 1
        count ready 0
        is probes "$READY" False
        wait_until run_in probes ready 'touch /tmp/ready'
        wait_until is probes "$READY" True
}

@test "the daemon is killed and started again under the kubelet" {
        static lasting "$(jq -n --argjson base "$BASE" --arg nginx "$NGINX" --arg busybox "$BUSYBOX" '$base + {
                containers: [
                        {name: "nginx", image: $nginx, imagePullPolicy: "IfNotPresent",
                         readinessProbe: {httpGet: {path: "/", port: 80}, periodSeconds: 1},
                         livenessProbe: {exec: {command: ["test", "-e", "/usr/sbin/nginx"]}, periodSeconds: 1,
                                timeoutSeconds: 5, failureThreshold: 10}},
                        {name: "ticking", image: $busybox, imagePullPolicy: "IfNotPresent",
                         command: ["sh", "-c", "i=0; while :; do i=$((i + 1)); echo $i; sleep 0.1; done"]}]}')"
        wait_until is lasting "$READY" True
        before=$(crictl ps -q | sort)
        for i in 1 2 3; do
                daemon_restart KILL
                sleep 2
        done
        wait_until is lasting "$READY" True
        equal "$(crictl ps -q | sort)" "$before"
        equal "$(status lasting '[.status.containerStatuses[].restartCount] | add')" 0
        # No line was lost or written twice.
        kubelet "containerLogs/default/lasting-$NODE/ticking" >"$E2E_TEST/log"
        cmp "$E2E_TEST/log" <(seq 1 "$(wc -l <"$E2E_TEST/log")")
        # It still takes and removes pods.
        static second "$(jq -n --argjson base "$BASE" --arg busybox "$BUSYBOX" '$base + {
                containers: [{name: "one", image: $busybox, imagePullPolicy: "IfNotPresent",
                        command: ["sleep", "10000"]}]}')"
        wait_until is second "$READY" True
        rm "$K/pods/second.json"
        second_is_gone() { [ -z "$(crictl pods -q --name second --state ready)" ]; }
        wait_until second_is_gone
}

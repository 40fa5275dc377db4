# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# A daemon under test with everything of its own, and proof that it leaves nothing behind.
#
# What is tested is a variable:
#   DAEMON         crio (ours or upstream's, the default) or containerd (the referee)
#   CRIO, CONMON   our programs; crio-image is found beside crio
#   CONTAINERD     containerd
#   RUNTIME        name or path of the OCI runtime; runc by default
#   E2E_REGISTRY   folder of a test registry that runs already (tests/images/image-registry)
#
# A bats file has one daemon, started by setup_file; each test ends with no pod, and with the traces
# that there were when it began.

E2E_SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
: "${DAEMON:=crio}"
: "${CRIO:=$E2E_SOURCE/build/src/crio}"
: "${CONMON:=$E2E_SOURCE/build/conmon/conmon}"
: "${CONTAINERD:=containerd}"
: "${RUNTIME:=runc}"
: "${CNI_PLUGINS:=/usr/lib/cni}"
export DAEMON CRIO CONMON CONTAINERD RUNTIME CNI_PLUGINS

BUSYBOX=images.test/busybox:latest
NGINX=images.test/nginx:latest
GROUP_IMAGE=images.test/group:latest

# --- the frame of a file ----------------------------------------------------------------------

e2e_setup_file() {
        E2E_DIR=$(mktemp -d "${TMPDIR:-/tmp}/crio-e2e.XXXXXX")
        # Names of cgroups, bridges and networks are the host's: each run has its own.
        E2E_ID=$(printf '%04x' $((RANDOM + 32768 * (RANDOM % 2))))
        E2E_BRIDGE=e2e$E2E_ID
        E2E_SUBNET=$(free_subnet)
        E2E_CGROUP=/e2e-$E2E_ID
        E2E_SOCKET=$E2E_DIR/run/crio.sock
        E2E_RUNTIME=$(command -v "$RUNTIME")
        export E2E_DIR E2E_ID E2E_BRIDGE E2E_SUBNET E2E_CGROUP E2E_SOCKET E2E_RUNTIME
        chmod 711 "$E2E_DIR"
        mkdir -p "$E2E_DIR"/{run,net.d,logs,config.d,pods,volumes}
        if [[ $(basename "$RUNTIME") == crun* ]]; then
                "$E2E_SOURCE/tests/tools/crun-cgroups" hold "e2e-$E2E_ID"
        fi
        if [ -z "${E2E_REGISTRY:-}" ]; then
                export E2E_REGISTRY=$E2E_DIR/registry E2E_OWN_REGISTRY=1
                "$E2E_SOURCE/tests/images/image-registry" start "$E2E_REGISTRY" >/dev/null 3>&-
        fi
        client_configure
        network_configure
        "${DAEMON}_configure"
        daemon_start
        for image; do
                crictl pull "$image" >/dev/null
        done
}

e2e_teardown_file() {
        [ -n "${E2E_DIR:-}" ] || return 0
        remove_all || true
        daemon_stop || true
        ip link del "$E2E_BRIDGE" 2>/dev/null || true
        find /sys/fs/cgroup -depth -type d -path "*$E2E_CGROUP*" -exec rmdir {} + 2>/dev/null || true
        if [ -n "${E2E_OWN_REGISTRY:-}" ]; then
                "$E2E_SOURCE/tests/images/image-registry" stop "$E2E_REGISTRY"
        fi
        "$E2E_SOURCE/tests/tools/crun-cgroups" release "e2e-$E2E_ID"
        # A container's own mounts would be followed by rm.
        local mount
        awk '{ print $5 }' /proc/self/mountinfo | { grep "^$E2E_DIR/" || true; } | sort -r |
                while read -r mount; do umount -l "$mount" || true; done
        if [ -n "${E2E_KEEP:-}" ]; then
                echo "# kept: $E2E_DIR" >&3
        else
                rm -rf "$E2E_DIR"
        fi
}

# Each test: what there is before it is what there must be after it.
e2e_setup() {
        E2E_TEST=$(mktemp -d "$E2E_DIR/pods/XXXXXX")
        daemon_runs || daemon_start
        touch "$E2E_DIR/daemon.log"
        E2E_LOG_START=$(stat -c %s "$E2E_DIR/daemon.log")
        traces >"$E2E_DIR/before"
}

e2e_teardown() {
        if [ -z "${BATS_TEST_COMPLETED:-}" ]; then
                echo "--- the daemon said:"
                tail -c +$((E2E_LOG_START + 1)) "$E2E_DIR/daemon.log" |
                        grep -vE 'CNI configuration read|serves /|no effect yet|tell its features|go on running' |
                        tail -n 40 | cut -c 1-400
        fi
        daemon_runs || daemon_start
        remove_all
        no_traces
}

# --- the daemon -------------------------------------------------------------------------------

crio_configure() {
        local monitor=$CONMON
        cat >"$E2E_DIR/policy.json" <<-E
	{"default": [{"type": "insecureAcceptAnything"}]}
	E
        cat >"$E2E_DIR/crio.conf" <<-E
	[crio]
	root = "$E2E_DIR/root"
	runroot = "$E2E_DIR/runroot"
	log_dir = "$E2E_DIR/logs"
	version_file = "$E2E_DIR/run/version"
	clean_shutdown_file = "$E2E_DIR/run/clean.shutdown"
	[crio.api]
	listen = "$E2E_SOCKET"
	[crio.runtime]
	log_level = "${E2E_LOG_LEVEL:-info}"
	cgroup_manager = "cgroupfs"
	default_runtime = "test"
	namespaces_dir = "$E2E_DIR/ns"
	container_exits_dir = "$E2E_DIR/exits"
	container_attach_socket_dir = "$E2E_DIR/attach"
	apparmor_profile = "unconfined"
	hooks_dir = []
	[crio.runtime.runtimes.test]
	runtime_path = "$E2E_RUNTIME"
	runtime_root = "$E2E_DIR/runtime"
	monitor_path = "$monitor"
	monitor_cgroup = "pod"
	[crio.image]
	pause_image = "images.test/pause:latest"
	signature_policy = "$E2E_DIR/policy.json"
	[crio.network]
	network_dir = "$E2E_DIR/net.d"
	plugin_dirs = ["$CNI_PLUGINS"]
	[crio.nri]
	enable_nri = false
	E
        if [ -n "${PINNS:-}" ]; then
                sed -i "s|^namespaces_dir|pinns_path = \"$PINNS\"\n&|" "$E2E_DIR/crio.conf"
        fi
}

crio_command() {
        echo "$CRIO" --config "$E2E_DIR/crio.conf" --config-dir "$E2E_DIR/config.d" \
                --registries-conf "${E2E_REGISTRIES:-$E2E_REGISTRY/registries.conf}"
}

containerd_configure() {
        E2E_SOCKET=$E2E_DIR/run/containerd.sock
        client_configure
        cat >"$E2E_DIR/containerd.toml" <<-E
	version = 2
	root = "$E2E_DIR/root"
	state = "$E2E_DIR/runroot"
	[grpc]
	address = "$E2E_SOCKET"
	[ttrpc]
	address = "$E2E_SOCKET.ttrpc"
	[plugins."io.containerd.internal.v1.opt"]
	path = "$E2E_DIR/opt"
	[plugins."io.containerd.grpc.v1.cri"]
	restrict_oom_score_adj = true
	sandbox_image = "images.test/pause:latest"
	[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
	runtime_type = "io.containerd.runc.v2"
	[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
	BinaryName = "$E2E_RUNTIME"
	Root = "$E2E_DIR/runtime"
	[plugins."io.containerd.grpc.v1.cri".cni]
	bin_dir = "$CNI_PLUGINS"
	conf_dir = "$E2E_DIR/net.d"
	[plugins."io.containerd.grpc.v1.cri".registry]
	config_path = "$E2E_REGISTRY/certs.d"
	E
        # containerd leaves host ports to a plugin.
        sed -i 's|^\t*"plugins": \[|&{"type": "portmap", "capabilities": {"portMappings": true}}, |' \
                "$E2E_DIR"/net.d/*
        E2E_WITH_PORTMAP=1 network_configure
}

containerd_command() {
        echo "$CONTAINERD" --config "$E2E_DIR/containerd.toml"
}

# daemon_start [OPTION...]: returns when it answers
daemon_start() {
        local -a command
        read -ra command <<<"$("${DAEMON}_command")"
        setsid "${command[@]}" "$@" >>"$E2E_DIR/daemon.log" 2>&1 3>&- &
        echo $! >"$E2E_DIR/daemon.pid"
        disown
        if ! wait_until daemon_answers; then
                tail -n 20 "$E2E_DIR/daemon.log" >&2
                return 1
        fi
}

daemon_pid() {
        cat "$E2E_DIR/daemon.pid"
}

# A process whose first thread is a zombie still has its files and locks while another thread lives.
daemon_runs() {
        local state
        [ -e "$E2E_DIR/daemon.pid" ] || return 1
        state=$(sed -n 's/^State:\t\(.\).*/\1/p' "/proc/$(daemon_pid)/status" 2>/dev/null) || return 1
        [[ $state == [^ZX] ]] || [ "$(ls "/proc/$(daemon_pid)/task" 2>/dev/null | wc -l)" -gt 1 ]
}

daemon_answers() {
        [ -S "$E2E_SOCKET" ] && crictl version >/dev/null 2>&1
}

# daemon_stop [SIGNAL]: returns when it is gone
daemon_stop() {
        daemon_runs || return 0
        kill "-${1:-TERM}" "$(daemon_pid)"
        wait_until daemon_is_gone
}

daemon_is_gone() {
        ! daemon_runs
}

daemon_restart() {
        daemon_stop "${1:-TERM}"
        daemon_start
}

# rss KIB of a process
rss_of() {
        awk '/^VmRSS:/ { print $2 }' "/proc/$1/status"
}

# --- the client -------------------------------------------------------------------------------

client_configure() {
        : "${CRICTL:=$("$E2E_SOURCE/tests/tools/go-tools" crictl)/crictl}"
        export CRICTL CRI_CONFIG_FILE=$E2E_DIR/crictl.yaml
        cat >"$CRI_CONFIG_FILE" <<-E
	runtime-endpoint: unix://$E2E_SOCKET
	image-endpoint: unix://$E2E_SOCKET
	timeout: 60
	E
}

crictl() {
        "$CRICTL" "$@"
}

# --- the network ------------------------------------------------------------------------------

# The first two numbers of a /16 that no route has.
free_subnet() {
        local number
        for _ in {1..100}; do
                number=10.$((100 + RANDOM % 150))
                ip route show | grep -q "^$number\." || break
        done
        echo "$number"
}

network_configure() {
        local portmap=
        if [ -n "${E2E_WITH_PORTMAP:-}" ]; then
                portmap=', {"type": "portmap", "capabilities": {"portMappings": true}}'
        fi
        cat >"$E2E_DIR/net.d/10-e2e.conflist" <<-E
	{
	  "cniVersion": "1.0.0",
	  "name": "e2e-$E2E_ID",
	  "plugins": [{
	    "type": "bridge",
	    "bridge": "$E2E_BRIDGE",
	    "isGateway": true,
	    "ipMasq": true,
	    "ipam": {
	      "type": "host-local",
	      "dataDir": "$E2E_DIR/ipam",
	      "ranges": [[{"subnet": "$E2E_SUBNET.0.0/16"}], [{"subnet": "fd00:e2e:$E2E_ID::/64"}]],
	      "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]
	    }
	  }$portmap]
	}
	E
}

# --- pods and containers ----------------------------------------------------------------------

# pod_config NAME [JQ-FILTER]: print the path of a pod configuration
pod_config() {
        local path=$E2E_TEST/$1.pod.json
        jq -n --arg name "$1" --arg uid "$E2E_ID-$1-$RANDOM" --arg cgroup "$E2E_CGROUP" \
                --arg logs "$E2E_TEST/log-$1" '{
                        metadata: {name: $name, uid: $uid, namespace: "e2e", attempt: 0},
                        log_directory: $logs,
                        linux: {
                                cgroup_parent: $cgroup,
                                security_context: {namespace_options: {pid: 1}}
                        }
                }' | jq "${2:-.}" >"$path"
        echo "$path"
}

# container_config NAME [JQ-FILTER]: print the path of a container configuration
container_config() {
        local path=$E2E_TEST/$1-$RANDOM.ctr.json
        jq -n --arg name "$1" --arg image "$BUSYBOX" '{
                        metadata: {name: $name, attempt: 0},
                        image: {image: $image},
                        command: ["sleep", "1000000"],
                        log_path: ($name + ".log"),
                        linux: {security_context: {namespace_options: {pid: 1}}}
                }' | jq "${2:-.}" >"$path"
        echo "$path"
}

# pod NAME [JQ-FILTER]: run a pod and print its id
pod() {
        local config id
        config=$(pod_config "$@")
        id=$(crictl runp "$config") || return
        cp "$config" "$E2E_TEST/$id.json"
        echo "$id" >>"$E2E_DIR/ids"
        echo "$id"
}

# create POD NAME [JQ-FILTER]: create a container and print its id
create() {
        local id
        id=$(crictl create "$1" "$(container_config "${@:2}")" "$E2E_TEST/$1.json") || return
        echo "$id" >>"$E2E_DIR/ids"
        echo "$id"
}

# container POD NAME [JQ-FILTER]: create and start one
container() {
        local id
        id=$(create "$@") || return
        crictl start "$id" >/dev/null || return
        echo "$id"
}

# script POD NAME SHELL-TEXT [JQ-FILTER]: a container that runs a few lines of shell
script() {
        local filter
        filter=$(jq -n --arg text "$3" '$text')
        container "$1" "$2" ".command = [\"sh\", \"-c\", $filter] | ${4:-.}"
}

# in_container ID COMMAND...: its output, by ExecSync
in_container() {
        crictl exec -s "$@"
}

# of ID JQ-FILTER: one value of a container's status; of_pod the same for a pod
of() {
        crictl inspect "$1" | jq -r "$2"
}

of_pod() {
        crictl inspectp "$1" | jq -r "$2"
}

is_state() {
        [ "$(of "$1" .status.state)" = "CONTAINER_$2" ]
}

# exit_code ID: waits for the end of a container and prints its exit code
exit_code() {
        wait_until is_state "$1" EXITED
        of "$1" .status.exitCode
}

pod_ip() {
        of_pod "$1" .status.network.ip
}

# log_of ID: the log file of a container; text_of ID: only what was printed
log_of() {
        cat "$(of "$1" .status.logPath)"
}

# A line that the monitor read in pieces is in the log in pieces, all but the last marked P.
text_of() {
        log_of "$1" | joined
}

joined() {
        awk '{ tag = $3; sub(/^[^ ]* [^ ]* [^ ]* /, ""); printf "%s%s", $0, tag == "F" ? "\n" : "" }'
}

remove_all() {
        local pods
        pods=$(crictl pods -q)
        [ -z "$pods" ] || echo "$pods" | xargs "$CRICTL" rmp -f >/dev/null
}

# --- traces -----------------------------------------------------------------------------------

# What of ours the host has: mounts, pinned namespaces, cgroups, processes, addresses, rules, files.
traces() {
        awk -v dir="$E2E_DIR/" 'index($5, dir) == 1 { print "mount " $5 }' /proc/self/mountinfo
        places "$E2E_DIR/ns" "$E2E_DIR/exits" "$E2E_DIR/attach" "$E2E_DIR/runtime" /sys/fs/cgroup \
                "$E2E_DIR/ipam" /var/lib/cni/results
        ip -o link show master "$E2E_BRIDGE" 2>/dev/null | sed 's/^[0-9]*: \([^:@]*\).*/link \1/'
        nft list ruleset 2>/dev/null | grep -E "$E2E_SUBNET\.[0-9]+\.[0-9]+|e2e-$E2E_ID" || true
        process_traces
        file_traces
}

# places FOLDER...: what there is of ours in folders that are used for nothing else, and by name in
# those of the whole host
places() {
        local folder
        for folder; do
                [ -d "$folder" ] || continue
                case $folder in
                # Others come and go while this looks.
                /sys/fs/cgroup) find "$folder" -mindepth 2 -type d -path "*$E2E_CGROUP/*" 2>/dev/null || true ;;
                */results) find "$folder" -name "e2e-$E2E_ID-*" ;;
                */ipam) find "$folder" -type f ! -name 'last_reserved*' ! -name lock ;;
                *) find "$folder" -mindepth 1 ! -type d ;;
                esac
        done
}

# Two greps over all processes, because one for each would take longer than many a test.
process_traces() {
        local pid text daemon
        daemon=$(daemon_pid 2>/dev/null || true)
        { grep -slF "$E2E_DIR" /proc/[0-9]*/cmdline; grep -slF "$E2E_CGROUP/" /proc/[0-9]*/cgroup; } |
                cut -d / -f 3 | sort -u | while read -r pid; do
                [ "$pid" != "$daemon" ] || continue
                text=$(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline") || continue
                # The tests themselves have the folder in their arguments too.
                case $text in
                ''|*bats*|*docker-registry*|*/registry.py*|grep*|*kubelet*) ;;
                *) echo "process $text" ;;
                esac
        done
}

# Files that are named after a pod or container of these tests.
file_traces() {
        [ -s "$E2E_DIR/ids" ] || return 0
        { find "$E2E_DIR"/{root,runroot,run,logs} 2>/dev/null || true; } |
                grep -F -f "$E2E_DIR/ids" || true
}

# The kernel releases some things only after the last process is reaped, so this waits a little.
no_traces() {
        wait_until same_traces && return 0
        echo "--- left behind:"
        diff "$E2E_DIR/before" "$E2E_DIR/after" | head -n 40
        return 1
}

same_traces() {
        traces >"$E2E_DIR/after"
        cmp -s "$E2E_DIR/before" "$E2E_DIR/after"
}

# --- assertions -------------------------------------------------------------------------------

# wait_until COMMAND...: up to ten seconds (E2E_WAIT)
wait_until() {
        local end=$((SECONDS + ${E2E_WAIT:-10}))
        until "$@"; do
                [ $SECONDS -lt $end ] || return 1
                sleep 0.03
        done
}

equal() {
        [ "$1" = "$2" ] && return 0
        printf -- '--- is:\n%s\n--- but should be:\n%s\n' "$1" "$2" >&2
        return 1
}

# contains TEXT PART...
contains() {
        local text=$1 part
        shift
        for part; do
                [[ $text == *"$part"* ]] && continue
                printf -- '--- in:\n%s\n--- there is no:\n%s\n' "$text" "$part" >&2
                return 1
        done
}

lacks() {
        [[ $1 != *"$2"* ]] && return 0
        printf -- '--- in:\n%s\n--- there should be no:\n%s\n' "$1" "$2" >&2
        return 1
}

# refused COMMAND...: it fails; what it said is in $output
refused() {
        run "$@"
        [ "$status" -ne 0 ] && return 0
        printf -- '--- was not refused:\n%s\n%s\n' "$*" "$output" >&2
        return 1
}

# only_ours: for a test of what the referee does differently
only_ours() {
        [ "$DAEMON" = crio ] || skip "not for $DAEMON"
}

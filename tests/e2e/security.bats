#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0

load lib

setup_file() {
        e2e_setup_file "$BUSYBOX" "$GROUP_IMAGE" registry.k8s.io/e2e-test-images/nonewprivs:1.3
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

# secured NAME SECURITY-CONTEXT: a container, in a pod of its own
secured() {
        local pod
        pod=$(pod "$1") || return
        container "$pod" "$1" ".linux.security_context += $2"
}

status_of() {
        in_container "$1" sed -n "s/^$2:[[:space:]]*//p" /proc/1/status
}

@test "the default: few capabilities, none inheritable or ambient" {
        id=$(secured one '{}')
        equal "$(status_of "$id" CapInh)" 0000000000000000
        equal "$(status_of "$id" CapAmb)" 0000000000000000
        if [ "$DAEMON" = crio ]; then
                # CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE
                equal "$(status_of "$id" CapEff)" 00000000000005fb
                equal "$(status_of "$id" CapBnd)" 00000000000005fb
        fi
        equal "$(in_container "$id" sed -n 's/^CapInh:[[:space:]]*//p' /proc/self/status)" \
                0000000000000000
}

@test "a user has no capabilities" {
        id=$(secured one '{run_as_user: {value: 1000}}')
        equal "$(status_of "$id" CapEff)" 0000000000000000
        equal "$(status_of "$id" CapPrm)" 0000000000000000
        equal "$(status_of "$id" CapAmb)" 0000000000000000
        equal "$(in_container "$id" sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)" \
                0000000000000000
}

@test "capabilities are added and dropped, with and without CAP_" {
        id=$(secured add '{capabilities: {add_capabilities: ["NET_ADMIN", "SYS_TIME"],
                drop_capabilities: ["CHOWN"]}}')
        effective=$((16#$(status_of "$id" CapEff)))
        [ $((effective >> 12 & 1)) = 1 ]
        [ $((effective >> 25 & 1)) = 1 ]
        [ $((effective & 1)) = 0 ]
        if [ "$DAEMON" = crio ]; then
                id=$(secured prefix '{capabilities: {add_capabilities: ["CAP_SYS_TIME"]}}')
                [ $((16#$(status_of "$id" CapEff) >> 25 & 1)) = 1 ]
        fi
        id=$(secured drop '{capabilities: {drop_capabilities: ["ALL"]}}')
        equal "$(status_of "$id" CapEff)" 0000000000000000
        id=$(secured all '{capabilities: {add_capabilities: ["ALL"]}}')
        equal "$(status_of "$id" CapEff)" "$(sed -n 's/^CapBnd:\t//p' /proc/self/status)"
        pod=$(pod bad)
        refused create "$pod" bad \
                '.linux.security_context += {capabilities: {add_capabilities: ["NO_SUCH_THING"]}}'
}

@test "privileged: all that the daemon itself has, and the devices" {
        pod=$(pod one '.linux.security_context.privileged = true')
        id=$(container "$pod" first '.linux.security_context.privileged = true')
        equal "$(status_of "$id" CapEff)" "$(sed -n 's/^CapBnd:\t//p' /proc/self/status)"
        equal "$(status_of "$id" Seccomp)" 0
        in_container "$id" test -c /dev/loop-control -o -c /dev/fuse -o -c /dev/kmsg
        in_container "$id" sh -c 'mount -t tmpfs none /home'
}

@test "a privileged container needs a privileged pod" {
        pod=$(pod one)
        refused create "$pod" first '.linux.security_context.privileged = true'
}

@test "user, group and more groups" {
        id=$(secured both '{run_as_user: {value: 1000}, run_as_group: {value: 2000},
                supplemental_groups: [3000, 4000]}')
        equal "$(in_container "$id" id -u)" 1000
        equal "$(in_container "$id" id -g)" 2000
        contains " $(in_container "$id" id -G) " " 2000 " " 3000 " " 4000 "
        id=$(secured name '{run_as_username: "www-data"}')
        equal "$(in_container "$id" id -u)" 33
        pod=$(pod none)
        refused container "$pod" none '.linux.security_context.run_as_username = "nobody-here"'
        refused create "$pod" group '.linux.security_context.run_as_group = {value: 5}'
}

@test "the groups of the image are merged, or not" {
        pod=$(pod one)
        id=$(container "$pod" merge ".image.image = \"$GROUP_IMAGE\" |
                .linux.security_context += {supplemental_groups: [1234]}")
        contains " $(in_container "$id" id -G) " " 50000 " " 1234 " " 1000 "
        id=$(container "$pod" strict ".image.image = \"$GROUP_IMAGE\" |
                .linux.security_context += {supplemental_groups: [1234],
                        supplemental_groups_policy: 1}")
        equal "$(in_container "$id" id -G)" "1000 1234"
}

@test "a user that is a number too large is not root" {
        only_ours
        pod=$(pod one)
        for user in 2147483648 4294967295 4294967296 -1 99999999999 0x0 +0 00x; do
                run container "$pod" "u-$RANDOM" \
                        ".linux.security_context.run_as_username = \"$user\""
                # Either exactly this number or an error.
                [ "$status" -ne 0 ] || equal "$(in_container "$output" id -u)" "$user"
        done
}

@test "a read-only root file system" {
        id=$(secured one '{readonly_rootfs: true}')
        refused in_container "$id" touch /file
        in_container "$id" touch /dev/shm/file
}

@test "what is masked and read-only" {
        id=$(secured one '{masked_paths: ["/bin/ls", "/www", "/no/such"], readonly_paths: ["/home"]}')
        refused in_container "$id" ls /
        equal "$(in_container "$id" sh -c 'echo /www/*')" '/www/*'
        refused in_container "$id" touch /home/file
}

@test "the usual paths of /proc and /sys are shielded" {
        id=$(secured one '{masked_paths: ["/proc/kcore", "/proc/keys", "/sys/firmware"],
                readonly_paths: ["/proc/sys", "/proc/sysrq-trigger"]}')
        equal "$(in_container "$id" cat /proc/keys)" ""
        refused in_container "$id" sh -c 'echo 1 >/proc/sys/kernel/printk'
        refused in_container "$id" sh -c 'echo h >/proc/sysrq-trigger'
        refused in_container "$id" sh -c 'echo 1 >/sys/kernel/mm/ksm/run'
}

@test "no new privileges" {
        pod=$(pod one)
        for value in true false; do
                id=$(container "$pod" "is-$value" ".command = [\"/nnp\"] |
                        .image.image = \"registry.k8s.io/e2e-test-images/nonewprivs:1.3\" |
                        .linux.security_context += {run_as_user: {value: 1000},
                                no_new_privs: $value}")
                exit_code "$id"
        done
        equal "$(cat "$E2E_TEST/log-one/is-true.log" | cut -d ' ' -f 4-)" "Effective uid: 1000"
        equal "$(cat "$E2E_TEST/log-one/is-false.log" | cut -d ' ' -f 4-)" "Effective uid: 0"
}

@test "seccomp: the default, unconfined, a file" {
        id=$(secured default '{seccomp: {profile_type: 0}}')
        equal "$(status_of "$id" Seccomp)" 2
        refused in_container "$id" unshare -m true
        id=$(secured unconfined '{seccomp: {profile_type: 1}}')
        equal "$(status_of "$id" Seccomp)" 0
        cat >"$E2E_DIR/profile.json" <<-'E'
	{"defaultAction": "SCMP_ACT_ALLOW",
	 "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}]}
	E
        id=$(secured local "{seccomp: {profile_type: 2, localhost_ref: \"$E2E_DIR/profile.json\"}}")
        refused in_container "$id" mkdir /tmp/folder
        in_container "$id" touch /tmp/file
}

@test "a seccomp profile that is not there never means none" {
        pod=$(pod one)
        for path in '' no/such/file /no/such/file ../../../etc/passwd "$E2E_DIR/pods"; do
                refused container "$pod" "p-$RANDOM" ".linux.security_context.seccomp =
                        {profile_type: 2, localhost_ref: \"$path\"}"
        done
}

@test "sysctls: nothing of the host, and no second one with the first" {
        only_ours
        pattern=$(cat /proc/sys/kernel/core_pattern)
        for name in kernel.core_pattern kernel/core_pattern vm.swappiness fs.file-max \
                'kernel.shm_rmid_forced=1+kernel.core_pattern' $'net.a\nkernel.core_pattern' \
                net.../kernel.core_pattern 'net.ipv4..x' net/../kernel/core_pattern; do
                filter=$(jq -n --arg name "$name" '{($name): "x"}')
                refused pod "s-$RANDOM" ".linux.sysctls = $filter"
        done
        for value in $'1\nkernel.core_pattern=x' '1+kernel.core_pattern=|/bin/x' $'1\r'; do
                filter=$(jq -n --arg value "$value" '{"kernel.shm_rmid_forced": $value}')
                refused pod "s-$RANDOM" ".linux.sysctls = $filter"
        done
        # With the namespace of the node they would be the node's: refused or left out.
        values() { cat /proc/sys/net/ipv4/ip_default_ttl /proc/sys/kernel/shm_rmid_forced; }
        before=$(values)
        run pod host '.linux.security_context.namespace_options.network = 2 |
                .linux.sysctls = {"net.ipv4.ip_default_ttl": "77"}'
        run pod host '.linux.security_context.namespace_options.ipc = 2 |
                .linux.sysctls = {"kernel.shm_rmid_forced": "1"}'
        equal "$(values)" "$before"
        equal "$(cat /proc/sys/kernel/core_pattern)" "$pattern"
}

@test "environment and folder cannot add a line to passwd" {
        only_ours
        pod=$(pod one)
        for filter in '.envs = [{"key": "HOME", "value": "/x\nevil::0:0::/:/bin/sh"}]' \
                '.working_dir = "/x\nevil::0:0::/:/bin/sh"' \
                '.linux.security_context.run_as_username = "x\nevil::0:0::/:/bin/sh"'; do
                run container "$pod" "p-$RANDOM" \
                        ".linux.security_context.run_as_user = {value: 4321} | $filter"
                [ "$status" -eq 0 ] || continue
                lacks "$(in_container "$output" cat /etc/passwd)" evil
        done
}

@test "annotations of a pod do not reach the runtime" {
        only_ours
        names='{"org.systemd.property.ExecStartPre": "x", "run.oci.keep_original_groups": "1",
                "org.criu.config": "/x", "run.oci.hooks.stderr": "/x", "krun.x": "1",
                "module.wasm.image/variant": "compat", "io.kubernetes.cri-o.UnifiedCgroup": "x=y"}'
        pod=$(pod one ".annotations = $names")
        id=$(container "$pod" first ".annotations = $names")
        spec=$(of "$id" .info.runtimeSpec)
        for name in org.systemd run.oci org.criu krun module.wasm; do
                lacks "$(jq .annotations <<<"$spec")" "$name"
        done
}

@test "no descriptor but three reaches the container" {
        id=$(secured one '{}')
        equal "$(in_container "$id" sh -c 'ls /proc/1/fd' | xargs)" "0 1 2"
        # The fourth is the folder that ls reads.
        equal "$(in_container "$id" ls /proc/self/fd | xargs)" "0 1 2 3"
}

@test "the folders of the daemon are closed to others" {
        only_ours
        container "$(pod one)" first >/dev/null
        for folder in root runroot; do
                mode=$(stat -c %a "$E2E_DIR/$folder")
                [[ $mode == 700 || $mode == 711 ]]
        done
        equal "$(find "$E2E_DIR/runroot" "$E2E_DIR/root" -maxdepth 2 -type d -perm /022 2>/dev/null)" ""
        equal "$(stat -c %a "$E2E_SOCKET")" 660
        lacks "$(cat /proc/net/unix)" "@$E2E_DIR"
}

@test "oom_score_adj" {
        pod=$(pod one)
        id=$(container "$pod" first '.linux.resources.oom_score_adj = 900')
        equal "$(in_container "$id" cat /proc/1/oom_score_adj)" 900
        # A daemon that may not lower it gives what it can.
        id=$(container "$pod" second '.linux.resources.oom_score_adj = -999')
        [ "$(in_container "$id" cat /proc/1/oom_score_adj)" -le 0 ]
}

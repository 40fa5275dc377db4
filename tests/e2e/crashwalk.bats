#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Kills the daemon inside every stage of every life ("crio stages" lists them), starts it again, goes
# on, removes, and demands the traces and answers that there were before. Needs a build with
# -Dcrash_walk=true.

load lib

setup_file() {
        [ "$DAEMON" = crio ] || skip "not for $DAEMON"
        e2e_setup_file "$BUSYBOX" images.test/pause:latest
        "$CRIO" stages >"$E2E_DIR/stages"
        [ -s "$E2E_DIR/stages" ]
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

# life NAME: everything that can be asked of a pod and a container, until a request fails
life() {
        local container
        LIFE_POD=$(crictl runp "$LIFE_CONFIG") || return
        echo "$LIFE_POD" >>"$E2E_DIR/ids"
        container=$(crictl create "$LIFE_POD" "$LIFE_CONTAINER" "$LIFE_CONFIG") || return
        echo "$container" >>"$E2E_DIR/ids"
        crictl start "$container" || return
        crictl exec -s "$container" true || return
        crictl stop "$container" || return
        crictl rm "$container" || return
        crictl stopp "$LIFE_POD" || return
        crictl rmp "$LIFE_POD" || return
}

bystander() {
        crictl inspectp "$1" | jq -S .
        crictl inspect "$2" | jq -S .
}

# The start is answered before the new program has taken the place of the runtime's.
bystander_sleeps() {
        process_traces | grep -q '^process sleep'
}

# walk POINT: one life for each stage, with the daemon killed at that point of it
walk() {
        local point=$1 kind stage bad=0 kills=0 pod id
        pod=$(pod bystander)
        id=$(container "$pod" bystander)
        # A process that has not become its program yet would look like another one later.
        runs_sleep() { grep -qs ^sleep "/proc/$(of "$id" .info.pid)/cmdline"; }
        wait_until runs_sleep
        bystander "$pod" "$id" >"$E2E_TEST/bystander"
        wait_until bystander_sleeps
        traces >"$E2E_TEST/traces"
        # Process 1 of the pod's own namespace, so that there is an infra container to lose.
        LIFE_CONFIG=$(pod_config walker '.linux.security_context.namespace_options.pid = 0 |
                .port_mappings = [{protocol: 0, container_port: 80, host_port: 21080}]')
        LIFE_CONTAINER=$(container_config walker '.linux.security_context.namespace_options.pid = 0')
        while read -r kind stage; do
                # A start is not taken back.
                [[ $stage/$point != start/*-down ]] || continue
                daemon_stop
                CRIO_CRASH_AT=$kind/$stage/$point daemon_start
                if life >"$E2E_TEST/said" 2>&1 3>&-; then
                        echo "$kind $stage $point: was not reached"
                        bad=1
                        continue
                fi
                wait_until daemon_is_gone || { echo "$kind $stage $point: failed, but lives:"
                        cat "$E2E_TEST/said"; bad=1; }
                kills=$((kills + 1))
                daemon_stop KILL
                daemon_start
                bystander "$pod" "$id" | diff "$E2E_TEST/bystander" - ||
                        { echo "$kind $stage $point: another pod's answers changed"; bad=1; }
                # The caller asks again, as the kubelet would, and then takes all away.
                life >"$E2E_TEST/said" 2>&1 3>&- ||
                        { echo "$kind $stage $point: cannot go on:"; cat "$E2E_TEST/said"; bad=1; }
                crictl pods -q --no-trunc | grep -v "$pod" | xargs -r "$CRICTL" rmp -f \
                        >"$E2E_TEST/said" 2>&1 ||
                        { echo "$kind $stage $point: cannot remove:"; cat "$E2E_TEST/said"; bad=1; }
                clean() { traces >"$E2E_TEST/now" && cmp -s "$E2E_TEST/traces" "$E2E_TEST/now"; }
                wait_until clean || { echo "$kind $stage $point: left behind:"
                        diff "$E2E_TEST/traces" "$E2E_TEST/now" | head -n 20; bad=1
                        cp "$E2E_TEST/now" "$E2E_TEST/traces"; }
        done <"$E2E_DIR/stages"
        echo "# $point: $(wc -l <"$E2E_DIR/stages") stages, $kills kills" >&3
        daemon_stop KILL
        daemon_start
        return $bad
}

@test "killed before a stage is taken" {
        walk before-up
}

@test "killed after a stage is taken" {
        walk after-up
}

@test "killed before a stage is released" {
        walk before-down
}

@test "killed after a stage is released" {
        walk after-down
}

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0

load lib

setup_file() {
        e2e_setup_file "$BUSYBOX"
}

teardown_file() {
        e2e_teardown_file
}


teardown() {
        e2e_teardown
}

# The daemon's own configuration: nothing here is plain CRI.

setup() {
        only_ours
        e2e_setup
}

drop_in() {
        cat >"$E2E_DIR/config.d/$1"
}

# try [OPTION...]: a start that must fail; what it said is in $output
try() {
        refused timeout 10 "$CRIO" --config "$E2E_DIR/crio.conf" --config-dir "$E2E_DIR/config.d" \
                --listen "$E2E_TEST/other.sock" --root "$E2E_TEST/other" \
                --runroot "$E2E_TEST/otherrun" "$@"
        rm -f "$E2E_DIR"/config.d/*
}

@test "crio config prints all keys, and what it prints loads again" {
        "$CRIO" --config "" --config-dir "" config --default >"$E2E_TEST/default.conf"
        for key in root runroot log_dir listen stream_port cgroup_manager conmon default_runtime \
                pause_image network_dir plugin_dirs enable_metrics enable_nri hooks_dir; do
                grep -qE "^#? ?$key = " "$E2E_TEST/default.conf"
        done
        "$CRIO" --config "$E2E_TEST/default.conf" --config-dir "" config >"$E2E_TEST/again.conf"
        "$CRIO" --config "$E2E_TEST/again.conf" --config-dir "" config >"$E2E_TEST/third.conf"
        cmp "$E2E_TEST/again.conf" "$E2E_TEST/third.conf"
}

@test "crio config shows what is set" {
        "$CRIO" --config "$E2E_DIR/crio.conf" --config-dir "" config >"$E2E_TEST/out"
        grep -q "$E2E_DIR/root" "$E2E_TEST/out"
        grep -q "cgroupfs" "$E2E_TEST/out"
        "$CRIO" --config "$E2E_DIR/crio.conf" --config-dir "" --log-level debug config |
                grep -q '^log_level = "debug"'
}

@test "drop-ins come after the file, in order; flags come last" {
        printf '[crio.runtime]\nlog_level = "warn"\n' | drop_in 10-a.conf
        printf '[crio.runtime]\nlog_level = "error"\n' | drop_in 20-b.conf
        "$CRIO" --config "$E2E_DIR/crio.conf" --config-dir "$E2E_DIR/config.d" config |
                grep -q '^log_level = "error"'
        "$CRIO" --config "$E2E_DIR/crio.conf" --config-dir "$E2E_DIR/config.d" --log-level fatal config |
                grep -q '^log_level = "fatal"'
        rm "$E2E_DIR"/config.d/*
}

@test "a wrong value is refused with file and key" {
        printf '[crio.runtime]\n\ncgroup_manager = "nonsense"\n' | drop_in 10-wrong.conf
        try
        contains "$output" cgroup_manager nonsense
        printf '[crio]\nlog_dir = "relative"\n' | drop_in 10-wrong.conf
        try
        contains "$output" log_dir
        printf '[crio.runtime]\nlog_level = 5\n' | drop_in 10-wrong.conf
        try
        contains "$output" log_level 10-wrong.conf
}

@test "a file that is no TOML is refused with its line" {
        printf '[crio]\nroot = "/x"\nthis is not\n' | drop_in 10-wrong.conf
        try
        contains "$output" 10-wrong.conf 3
}

@test "a runtime, monitor or file that is not there" {
        printf '[crio.runtime.runtimes.test]\nruntime_path = "/no/such/runtime"\n' | drop_in 10.conf
        try
        contains "$output" /no/such/runtime
        try --conmon /no/such/conmon --runtimes "x:/no/such:/run/x" --default-runtime x
        contains "$output" /no/such
        try --config /no/such/file.conf
        contains "$output" /no/such/file.conf
}

@test "a file of registries that is named and not there" {
        try --registries-conf /no/such/registries.conf
        contains "$output" registries.conf
}

@test "a log file that cannot be written" {
        try --log /no/such/folder/log
        contains "$output" "/no/such/folder/log"
}

@test "an option that does not exist" {
        try --no-such-option
        contains "$output" no-such-option
        try no-such-command
        contains "$output" no-such-command
}

@test "settings without effect yet are named once" {
        printf '[crio.runtime]\nblockio_config_file = "/x/y"\n' | drop_in 10.conf
        daemon_restart
        grep -q blockio_config_file "$E2E_DIR/daemon.log"
        rm "$E2E_DIR/config.d/10.conf"
        daemon_restart
}

@test "it starts from flags alone" {
        daemon_stop
        mkdir "$E2E_TEST"/{root,runroot,logs}
        setsid "$CRIO" --config "" --config-dir "" --listen "$E2E_SOCKET" --root "$E2E_TEST/root" \
                --runroot "$E2E_TEST/runroot" --log-dir "$E2E_TEST/logs" --cgroup-manager cgroupfs \
                --conmon "$CONMON" --runtimes "test:$E2E_RUNTIME:$E2E_TEST/rt" --default-runtime test \
                --cni-config-dir "$E2E_DIR/net.d" --cni-plugin-dir "$CNI_PLUGINS" --enable-nri=false \
                --registries-conf "$E2E_REGISTRY/registries.conf" --log-level debug \
                --namespaces-dir "$E2E_TEST/ns" --container-exits-dir "$E2E_TEST/exits" \
                --container-attach-socket-dir "$E2E_TEST/attach" \
                --version-file "$E2E_TEST/version" --clean-shutdown-file "$E2E_TEST/clean" \
                --log "$E2E_TEST/log" --profile \
                >>"$E2E_DIR/daemon.log" 2>&1 3>&- &
        echo $! >"$E2E_DIR/daemon.pid"
        wait_until daemon_answers
        crictl info >/dev/null
        grep -q "serves $E2E_SOCKET" "$E2E_TEST/log"
        grep -q 'profile has no effect' "$E2E_DIR/daemon.log"
        daemon_stop
        daemon_start
}

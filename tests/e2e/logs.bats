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

@test "lines of both streams, in the format of the CRI" {
        pod=$(pod one)
        id=$(script "$pod" first 'echo out; sleep 0.2; echo err >&2; sleep 0.2; printf "no end"')
        exit_code "$id"
        log=$(log_of "$id")
        equal "$(wc -l <<<"$log")" 3
        stamp='^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{9}(Z|[+-][0-9]{2}:[0-9]{2})'
        sed -n 1p <<<"$log" | grep -qE "$stamp stdout F out$"
        sed -n 2p <<<"$log" | grep -qE "$stamp stderr F err$"
        # The newline that the log needs is not the container's: the last line is partial.
        sed -n 3p <<<"$log" | grep -qE "$stamp stdout [FP] no end$"
        equal "$(crictl logs "$id" 2>/dev/null | head -n 1)" out
}

@test "a long line is split and can be put together again" {
        pod=$(pod one)
        id=$(script "$pod" first 'head -c 100000 /dev/zero | tr "\0" x; echo; echo end')
        exit_code "$id"
        text_of "$id" >"$E2E_TEST/joined"
        equal "$(head -n 1 "$E2E_TEST/joined" | tr -d '\n' | wc -c)" 100000
        equal "$(sed -n 2p "$E2E_TEST/joined")" end
        # No line of the file is longer than what readers take.
        [ "$(log_of "$id" | wc -L)" -lt 20000 ]
}

@test "ten megabytes, every line" {
        pod=$(pod one)
        id=$(script "$pod" first 'seq 1 1000000 | tail -n 1000000')
        exit_code "$id"
        text_of "$id" | cmp - <(seq 1 1000000)
}

@test "reopen after a rotation loses nothing" {
        pod=$(pod one)
        id=$(script "$pod" first 'i=0; while [ $i -lt 2000 ]; do i=$((i + 1)); echo $i; [ $((i % 10)) != 0 ] || sleep 0.01; done')
        path=$(of "$id" .status.logPath)
        for i in 1 2 3; do
                mv "$path" "$path.$i"
                crictl logs -r "$id" >/dev/null
                wait_until test -e "$path"
        done
        exit_code "$id"
        cat "$path".1 "$path".2 "$path".3 "$path" | joined | cmp - <(seq 1 2000)
}

@test "the log is complete before the end is told" {
        pod=$(pod one)
        for i in {1..20}; do
                id=$(script "$pod" "round-$i" "seq 1 5000")
                exit_code "$id"
                text_of "$id" | cmp - <(seq 1 5000)
        done
}

@test "no log path, no log" {
        pod=$(pod one)
        id=$(script "$pod" first 'echo hello; exit 4' 'del(.log_path)')
        equal "$(exit_code "$id")" 4
}

@test "a log path cannot leave its folder" {
        only_ours
        pod=$(pod one)
        run script "$pod" first 'echo hello' '.log_path = "../../escaped.log"'
        if [ "$status" -eq 0 ]; then exit_code "$output"; fi
        [ ! -e "$E2E_TEST/../escaped.log" ]
        [ ! -e "$E2E_DIR/escaped.log" ]
}

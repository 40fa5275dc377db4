#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# Images and a registry that lie (fake/registry.py has the table of cases). Whatever they say: a clear
# error or a contained image, a canary that nobody touched, nothing left in the store, and memory that
# does not grow with what is served.

load lib

setup_file() {
        [ "$DAEMON" = crio ] || skip "not for $DAEMON"
        e2e_setup_file "$BUSYBOX"
        export CANARY=$E2E_DIR/canary LIES=$E2E_DIR/lies
        mkdir -p "$CANARY" "$LIES"
        chmod 750 "$CANARY"
        echo sings >"$CANARY/file"
        chmod 640 "$CANARY/file"
        mkfifo "$LIES/alive"
        setsid python3 -B "$E2E_SOURCE/tests/e2e/fake/registry.py" "$LIES" <"$LIES/alive" \
                >"$LIES/log" 2>&1 3>&- &
        echo $! >"$LIES/pid"
        # The server lives as long as this end of the pipe is open.
        setsid sleep 3600 >"$LIES/alive" 2>/dev/null 3>&- &
        echo $! >"$LIES/holder"
        wait_until test -e "$LIES/address"
        export E2E_REGISTRIES=$E2E_DIR/registries.conf
        {
                cat "$E2E_REGISTRY/registries.conf"
                printf '\n[[registry]]\nprefix = "lies.test"\nlocation = "%s"\ninsecure = true\n' \
                        "$(cat "$LIES/address")"
        } >"$E2E_REGISTRIES"
        daemon_restart
        tree >"$E2E_DIR/tree.before"
}

teardown_file() {
        [ -z "${LIES:-}" ] || kill "$(cat "$LIES/holder")" "$(cat "$LIES/pid")" || true
        e2e_teardown_file
}

setup() {
        e2e_setup
        store >"$E2E_TEST/store.before"
        tree >"$E2E_TEST/tree.before"
}

teardown() {
        e2e_teardown
}

# What must not change: the canary with modes, owners and contents, and the root of the host.
tree() {
        find "$CANARY" -printf '%p %m %u %g %y %l %s %T@\n' | sort
        cat "$CANARY/file"
        stat -c '%a %u %g' / /etc /etc/passwd /tmp
        ls -A /
}

store() {
        find "$E2E_DIR/root" -mindepth 1 ! -name '*.lock' -printf '%P %y\n' | sort
}

# Highest memory that a worker of the daemon had, in KiB, while COMMAND runs.
peak_of() {
        local pid job now peak=0
        "$@" >"$E2E_TEST/said" 2>&1 3>&- &
        job=$!
        while kill -0 $job 2>/dev/null; do
                for pid in $(pgrep -P "$(daemon_pid)" crio-image); do
                        now=$(awk '/^VmHWM:/ { print $2 }' "/proc/$pid/status" 2>/dev/null || true)
                        [ "${now:-0}" -le "$peak" ] || peak=$now
                done
                sleep 0.02
        done
        code=0
        wait $job || code=$?
        peak_kib=$peak
}

# try CASE [OPTION...]: pull it; sets code, peak_kib and said. Nothing may be left of a failure.
try() {
        local name=$1
        shift
        peak_of timeout 120 "$CRICTL" pull "$@" "lies.test/$name:latest"
        said=$(cat "$E2E_TEST/said")
        [ $code != 124 ] || { echo "$name: no answer in two minutes"; return 1; }
        if [ $code = 0 ]; then
                crictl rmi "lies.test/$name:latest" >/dev/null
        fi
        [ "$peak_kib" -lt 65536 ] || { echo "$name: the worker had $peak_kib KiB"; return 1; }
        store | diff "$E2E_TEST/store.before" - || { echo "$name: left in the store"; return 1; }
        tree | diff "$E2E_TEST/tree.before" - || { echo "$name: the canary is hurt"; return 1; }
}

# all_refused CASE...
all_refused() {
        local name bad=0
        for name; do
                try "$name" || bad=1
                [ $code != 0 ] || { echo "$name: was not refused"; bad=1; }
                [ -n "$said" ] || { echo "$name: no word of why"; bad=1; }
        done
        return $bad
}

# all_contained CASE...: refused or not, but nothing got out
all_contained() {
        local name bad=0
        for name; do
                try "$name" || bad=1
        done
        return $bad
}

cases() {
        grep -E "$1" "$LIES/cases"
}

@test "the fake registry can tell the truth" {
        try honest
        equal "$code" 0
}

@test "wrong digests and sizes" {
        all_refused layer-of-other-content layer-of-other-content-same-size config-of-other-content \
                diff-id-of-other-content fewer-diff-ids-than-layers layer-longer-than-said \
                layer-shorter-than-said layer-of-negative-size layer-of-enormous-size layer-cut-off
}

@test "bodies without end" {
        all_refused layer-without-end manifest-without-end manifest-of-four-gibibytes config-without-end
}

@test "digests that are none" {
        all_refused $(cases '^digest-')
}

@test "manifests that are none, or two things at once" {
        all_refused manifest-of-a-million-layers manifest-nested-without-end manifest-that-is-no-json \
                manifest-cut-off manifest-that-is-empty manifest-and-index-in-one \
                manifest-said-to-be-an-index manifest-of-unknown-kind index-that-names-itself \
                index-for-other-machines schema-one
}

@test "a configuration of wrong types" {
        all_contained config-of-wrong-types
}

@test "layers that want out" {
        all_contained $(cases '^escape-')
}

@test "attributes that redirect overlay are dropped" {
        crictl pull lies.test/xattr-that-redirects:latest
        equal "$(python3 -c '
import os, sys
for base, folders, files in os.walk(sys.argv[1]):
    for path in (os.path.join(base, name) for name in folders + files):
        names = os.listxattr(path, follow_symlinks=False)
        if "trusted.overlay.redirect" in names or (base.endswith("/diff") and
                                                   "trusted.overlay.opaque" in names):
            print(path, names)' "$E2E_DIR/root")" ""
        crictl rmi lies.test/xattr-that-redirects:latest
}

@test "bombs and noise" {
        all_refused bomb-of-the-wrong-digest tar-of-noise gzip-of-noise gzip-cut-off zstd-of-noise
        all_contained name-of-a-megabyte header-of-many-megabytes deep-folders sparse-without-end
}

@test "credentials go to the registry and to nobody else" {
        secret=word-that-is-secret
        coded=$(printf 'user:%s' $secret | base64)
        bad=0
        for name in realm-on-another-host redirect-to-another-host challenge-for-ever foreign-layer \
                realm-that-is-a-file realm-that-is-no-url realm-with-a-line-break; do
                : >"$LIES/requests"
                try "$name" --creds "user:$secret"
                [ $code != 0 ] || { echo "$name: was not refused"; bad=1; }
                own=$(sed 's/.*://' "$LIES/address")
                # Without TLS nobody knows who the other host is.
                equal "$(grep -v "^$own " "$LIES/requests" | grep -vE ' -$')" "" ||
                        { echo "$name: the credentials went to another host"; bad=1; }
                lacks "$said" $secret || bad=1
                lacks "$said" "$coded" || bad=1
        done
        equal $bad 0
        lacks "$(cat "$E2E_DIR/daemon.log")" $secret
        lacks "$(cat "$E2E_DIR/daemon.log")" "$coded"
}

@test "realms, redirects and headers that lead nowhere" {
        all_refused realm-without-end redirect-in-a-circle redirect-to-a-file headers-without-end \
                error-of-many-megabytes error-with-escapes status-that-is-no-number
}

@test "what a registry says cannot forge a line or move the cursor" {
        try error-with-escapes
        lacks "$said" $'\e'
        lacks "$(cat "$E2E_DIR/daemon.log")" $'\e'
        equal "$(grep -c '^level=fatal' "$E2E_DIR/daemon.log")" 0
}

@test "the daemon itself stayed small" {
        [ "$(rss_of "$(daemon_pid)")" -lt 65536 ]
        tree | diff "$E2E_DIR/tree.before" -
}

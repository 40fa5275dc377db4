#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0

load lib

setup_file() {
        e2e_setup_file "$BUSYBOX" "$GROUP_IMAGE"
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

@test "a container is created, running, exited, and gone" {
        pod=$(pod one)
        id=$(create "$pod" first)
        equal "$(of "$id" .status.state)" CONTAINER_CREATED
        crictl start "$id"
        equal "$(of "$id" .status.state)" CONTAINER_RUNNING
        equal "$(crictl ps -q --no-trunc)" "$id"
        crictl stop "$id"
        equal "$(of "$id" .status.state)" CONTAINER_EXITED
        equal "$(crictl ps -q)" ""
        equal "$(crictl ps -aq --no-trunc)" "$id"
        crictl rm "$id"
        equal "$(crictl ps -aq)" ""
        refused crictl inspect "$id"
        contains "$output" NotFound
}

@test "what was asked for is what is told" {
        pod=$(pod one)
        id=$(container "$pod" told '.labels = {"a": "b"} | .annotations = {"c/d": "e"} |
                .metadata.attempt = 3')
        equal "$(of "$id" .status.metadata.name)" told
        equal "$(of "$id" .status.metadata.attempt)" 3
        equal "$(of "$id" .status.labels.a)" b
        equal "$(of "$id" '.status.annotations["c/d"]')" e
        equal "$(of "$id" .status.image.image)" "$BUSYBOX"
        contains "$(of "$id" .status.imageRef)" sha256:
        contains "$(of "$id" .status.logPath)" /told.log
        [ "$(of "$id" .info.pid)" -gt 1 ]
}

@test "containers are found by id, pod, name, image, label and state" {
        one=$(pod one)
        two=$(pod two)
        a=$(container "$one" alpha '.labels = {"color": "red"}')
        b=$(create "$two" beta)
        equal "$(crictl ps -aq --no-trunc --id "$a")" "$a"
        equal "$(crictl ps -aq --no-trunc --id "${a:0:10}")" "$a"
        equal "$(crictl ps -aq --no-trunc --pod "$two")" "$b"
        equal "$(crictl ps -aq --no-trunc --pod "${two:0:10}")" "$b"
        equal "$(crictl ps -aq --no-trunc --name beta)" "$b"
        equal "$(crictl ps -aq --no-trunc --label color=red)" "$a"
        equal "$(crictl ps -aq --no-trunc --state created)" "$b"
        equal "$(crictl ps -aq --no-trunc --state running)" "$a"
        equal "$(crictl ps -aq | wc -l)" 2
}

@test "exit codes" {
        pod=$(pod one)
        for code in 0 1 42 255; do
                equal "$(exit_code "$(script "$pod" "code-$code" "exit $code")")" "$code"
        done
        id=$(script "$pod" signalled 'kill -9 $$')
        # Process 1 of its namespace cannot kill itself.
        equal "$(exit_code "$id")" 0
        id=$(container "$pod" killed)
        kill -KILL "$(of "$id" .info.pid)"
        equal "$(exit_code "$id")" 137
        equal "$(of "$id" .status.reason)" Error
        id=$(script "$pod" fine true)
        equal "$(exit_code "$id")" 0
        equal "$(of "$id" .status.reason)" Completed
}

@test "times are in order" {
        only_ours
        pod=$(pod one)
        id=$(script "$pod" quick true)
        exit_code "$id"
        created=$(date -d "$(of "$id" .status.createdAt)" +%s%N)
        started=$(date -d "$(of "$id" .status.startedAt)" +%s%N)
        finished=$(date -d "$(of "$id" .status.finishedAt)" +%s%N)
        [ "$created" -le "$started" ]
        [ "$started" -le "$finished" ]
        [ "$finished" -le "$(date +%s%N)" ]
}

@test "a graceful stop, and one with a deadline" {
        pod=$(pod one)
        id=$(script "$pod" polite 'trap "exit 7" TERM; echo ready; while :; do sleep 0.05; done')
        said_ready() { [[ $(text_of "$1") == *ready* ]]; }
        wait_until said_ready "$id"
        crictl stop -t 10 "$id"
        equal "$(of "$id" .status.exitCode)" 7
        id=$(script "$pod" deaf 'trap "" TERM; echo ready; while :; do sleep 0.05; done')
        wait_until said_ready "$id"
        crictl stop -t 1 "$id"
        equal "$(of "$id" .status.exitCode)" 137
}

@test "the stop signal of the image" {
        crictl pull images.test/bench:latest
        pod=$(pod one)
        id=$(container "$pod" first '.image.image = "images.test/bench:latest"')
        crictl stop -t 60 "$id"
        equal "$(of "$id" .status.exitCode)" 137
        crictl rm "$id"
        crictl rmi images.test/bench:latest
}

@test "stopping and removing twice succeeds" {
        pod=$(pod one)
        id=$(container "$pod" first)
        crictl stop "$id"
        crictl stop "$id"
        crictl rm "$id"
}

@test "a running container is not removed without force" {
        pod=$(pod one)
        id=$(container "$pod" first)
        refused crictl rm "$id"
        crictl rm -f "$id"
        equal "$(crictl ps -aq)" ""
}

@test "a second start changes nothing, and what has ended is not started" {
        pod=$(pod one)
        id=$(container "$pod" first)
        pid=$(of "$id" .info.pid)
        # An error, or the answer to a retry.
        run crictl start "$id"
        equal "$(of "$id" .status.state)" CONTAINER_RUNNING
        equal "$(of "$id" .info.pid)" "$pid"
        equal "$(in_container "$id" ps | grep -c "sleep 1000000")" 1
        crictl stop "$id"
        refused crictl start "$id"
}

@test "a command that does not exist" {
        pod=$(pod one)
        run create "$pod" missing '.command = ["/no/such/program"]'
        if [ "$status" -eq 0 ]; then
                refused crictl start "$output"
        fi
        contains "$output" /no/such/program
}

@test "an image that is not there" {
        pod=$(pod one)
        refused create "$pod" first '.image.image = "images.test/nothing:latest"'
        equal "$(crictl ps -aq)" ""
}

@test "a pod that is not there" {
        pod=$(pod one)
        cp "$E2E_TEST/$pod.json" "$E2E_TEST/none.json"
        refused crictl create none "$(container_config first)" "$E2E_TEST/none.json"
}

@test "command, arguments, environment and folder" {
        pod=$(pod one)
        id=$(container "$pod" first '.command = ["sh", "-c"] | .working_dir = "/usr" |
                .args = ["echo $A-$B; pwd; exit 3"] |
                .envs = [{"key": "A", "value": "one two"}, {"key": "B", "value": "=x\ny"}]')
        equal "$(exit_code "$id")" 3
        contains "$(text_of "$id")" "one two-=x y" /usr
}

@test "without a command it is the image's" {
        pod=$(pod one)
        id=$(container "$pod" first 'del(.command) | .args = ["sh", "-c", "exit 5"]')
        equal "$(exit_code "$id")" 5
}

@test "the same request again does not make a second container" {
        only_ours
        pod=$(pod one)
        config=$(container_config twice)
        first=$(crictl create "$pod" "$config" "$E2E_TEST/$pod.json")
        echo "$first" >>"$E2E_DIR/ids"
        equal "$(crictl create "$pod" "$config" "$E2E_TEST/$pod.json")" "$first"
        equal "$(crictl ps -aq --no-trunc)" "$first"
}

@test "mounts: folders, files, read-only" {
        mkdir "$E2E_TEST/volume"
        echo inside >"$E2E_TEST/volume/file"
        echo alone >"$E2E_TEST/alone"
        pod=$(pod one)
        id=$(container "$pod" first ".mounts = [
                {host_path: \"$E2E_TEST/volume\", container_path: \"/data\"},
                {host_path: \"$E2E_TEST/volume\", container_path: \"/ro/deep/er\", readonly: true},
                {host_path: \"$E2E_TEST/alone\", container_path: \"/etc/alone\"}]")
        equal "$(in_container "$id" cat /data/file)" inside
        equal "$(in_container "$id" cat /etc/alone)" alone
        in_container "$id" sh -c 'echo changed >/data/file'
        equal "$(cat "$E2E_TEST/volume/file")" changed
        refused in_container "$id" sh -c 'echo no >/ro/deep/er/file'
        equal "$(of "$id" '.status.mounts | length')" 3
        equal "$(of "$id" '.status.mounts[1].readonly')" true
}

@test "a host folder that does not exist is made" {
        only_ours
        pod=$(pod one)
        id=$(container "$pod" first ".mounts = [
                {host_path: \"$E2E_TEST/made\", container_path: \"/data\"}]")
        in_container "$id" touch /data/file
        [ -e "$E2E_TEST/made/file" ]
}

@test "devices" {
        pod=$(pod one)
        id=$(container "$pod" first '.devices = [{"host_path": "/dev/net/tun",
                "container_path": "/dev/some-tun", "permissions": "rw"}]')
        contains "$(in_container "$id" ls -l /dev/some-tun)" "10, 200"
        for name in null zero full random urandom tty; do
                in_container "$id" test -c /dev/$name
        done
}

@test "limits, and changing them" {
        pod=$(pod one)
        id=$(container "$pod" first '.linux.resources = {"memory_limit_in_bytes": 67108864,
                "cpu_shares": 512, "cpu_quota": 50000, "cpu_period": 100000}')
        limit() {
                local folder
                folder=$(sed -n 's/^[0-9]*:memory://p' "/proc/$(of "$id" .info.pid)/cgroup")
                if [ -n "$folder" ]; then
                        cat "/sys/fs/cgroup/memory$folder/memory.limit_in_bytes"
                else
                        cat "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$(of "$id" .info.pid)/cgroup")/memory.max"
                fi
        }
        contains "$(cat "/proc/$(of "$id" .info.pid)/cgroup")" "$E2E_CGROUP"
        equal "$(limit)" 67108864
        crictl update --memory 134217728 "$id"
        equal "$(limit)" 134217728
        equal "$(of "$id" .status.resources.linux.memoryLimitInBytes)" 134217728
}

@test "out of memory" {
        pod=$(pod one)
        id=$(script "$pod" hungry 'x=$(yes | head -c 200000000 | tr -d "\n"); echo ${#x}' \
                '.linux.resources = {"memory_limit_in_bytes": 16777216}')
        wait_until is_state "$id" EXITED
        equal "$(of "$id" .status.reason)" OOMKilled
        [ "$(of "$id" .status.exitCode)" -ne 0 ]
}

@test "a terminal" {
        pod=$(pod one)
        id=$(container "$pod" first '.tty = true | .command = ["sh", "-c", "tty; ls -l /proc/self/fd/1"]')
        equal "$(exit_code "$id")" 0
        contains "$(text_of "$id")" /dev/pts/0
        lacks "$(text_of "$id")" "not a tty"
}

@test "standard input is closed when it is not asked for" {
        pod=$(pod one)
        id=$(container "$pod" first '.command = ["cat"]')
        equal "$(exit_code "$id")" 0
}

@test "two hundred that end at once, each with its own exit code" {
        pod=$(pod one)
        for i in {1..200}; do
                config=$(container_config "code-$i" ".command = [\"sh\", \"-c\", \"exit $i\"]")
                id=$(crictl create "$pod" "$config" "$E2E_TEST/$pod.json")
                crictl start "$id" >/dev/null
                echo "$i $id" >>"$E2E_TEST/list"
        done
        cut -d ' ' -f 2 "$E2E_TEST/list" >>"$E2E_DIR/ids"
        none_runs() { [ -z "$(crictl ps -q)" ]; }
        wait_until none_runs
        cut -d ' ' -f 2 "$E2E_TEST/list" | xargs "$CRICTL" inspect |
                jq -r '.. | objects | .status? | objects | "\(.exitCode) \(.id)"' |
                sort -n >"$E2E_TEST/codes"
        cmp "$E2E_TEST/list" "$E2E_TEST/codes"
}

#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0

load lib

setup_file() {
        e2e_setup_file
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

digest_in_registry() {
        awk -v name="$1" '$1 == name { print $2 }' "$E2E_REGISTRY/digests"
}

remove_images() {
        crictl rmi -a >/dev/null 2>&1 || true
}

@test "an image is pulled, listed, told, and removed" {
        remove_images
        equal "$(crictl images -q)" ""
        crictl pull "$BUSYBOX"
        equal "$(crictl images -o json | jq -r '.images[0].repoTags[0]')" "$BUSYBOX"
        equal "$(crictl images -o json | jq -r '.images[0].repoDigests[0]')" \
                "images.test/busybox@$(digest_in_registry "$BUSYBOX")"
        [ "$(crictl images -o json | jq -r '.images[0].size')" -gt 1000000 ]
        id=$(crictl images -q)
        equal "$(crictl inspecti "$BUSYBOX" | jq -r .status.id)" "$id"
        equal "$(crictl inspecti "$id" | jq -r .status.id)" "$id"
        crictl rmi "$BUSYBOX"
        equal "$(crictl images -q)" ""
        refused crictl inspecti "$BUSYBOX"
}

@test "by digest, and by tag and digest" {
        remove_images
        digest=$(digest_in_registry "$BUSYBOX")
        crictl pull "images.test/busybox@$digest"
        equal "$(crictl images -o json | jq -r '.images[0].repoTags | length')" 0
        equal "$(crictl images -o json | jq -r '.images[0].repoDigests[0]')" \
                "images.test/busybox@$digest"
        crictl inspecti "images.test/busybox@$digest" >/dev/null
        crictl pull "images.test/busybox:latest@$digest"
        equal "$(crictl images -q | wc -l)" 1
        refused crictl pull "images.test/busybox@sha256:$(printf '0%.0s' {1..64})"
        remove_images
}

@test "one image with three tags" {
        remove_images
        for tag in 1 2 3; do
                crictl pull gcr.io/k8s-staging-cri-tools/test-image-tags:$tag
        done
        equal "$(crictl images -q | wc -l)" 1
        equal "$(crictl images -o json | jq -r '.images[0].repoTags | length')" 3
        remove_images
        equal "$(crictl images -q)" ""
}

@test "removing what is not there succeeds, and an image that is pulled again comes again" {
        remove_images
        crictl pull "$BUSYBOX"
        crictl pull "$BUSYBOX"
        equal "$(crictl images -q | wc -l)" 1
        crictl rmi "$BUSYBOX"
        crictl pull "$BUSYBOX"
        pod=$(pod one)
        id=$(container "$pod" first)
        equal "$(in_container "$id" echo hello)" hello
}

@test "the user of an image" {
        while read -r name uid username; do
                image=gcr.io/k8s-staging-cri-tools/test-image-user-$name:latest
                crictl pull "$image"
                status=$(crictl inspecti "$image")
                equal "$(jq -r '.status.uid.value // ""' <<<"$status")" "$uid"
                equal "$(jq -r '.status.username // ""' <<<"$status")" "$username"
        done <<-E
	uid 1002
	uid-group 1003
	E
        crictl pull gcr.io/k8s-staging-cri-tools/test-image-user-username:latest
        equal "$(crictl inspecti gcr.io/k8s-staging-cri-tools/test-image-user-username:latest |
                jq -r .status.username)" www-data
        remove_images
}

@test "the platform is chosen from an index" {
        remove_images
        crictl pull images.test/multiarch:latest
        equal "$(crictl inspecti images.test/multiarch:latest | jq -r .info.imageSpec.architecture)" \
                "$(dpkg --print-architecture)"
        equal "$(crictl images -o json | jq -r '.images[0].repoDigests[0]')" \
                "images.test/multiarch@$(digest_in_registry images.test/multiarch:latest)"
        remove_images
}

@test "an image in use is not removed under a container" {
        crictl pull "$BUSYBOX"
        pod=$(pod one)
        id=$(container "$pod" first)
        crictl rmi "$BUSYBOX" || true
        equal "$(in_container "$id" cat /www/index.html)" \
                "<html><body>it works</body></html>"
        crictl rmp -f "$pod"
        remove_images
        equal "$(crictl images -q)" ""
}

@test "names that cannot be" {
        for name in '' 'UPPER/case' 'images.test/a:b:c' 'images.test/a@sha256:short' 'images.test/../x' \
                'images.test/a@md5:00000000000000000000000000000000' 'images.test//a' \
                "images.test/$(printf 'a%.0s' {1..300})" 'images.test/a b'; do
                refused crictl pull "$name"
        done
        equal "$(crictl images -q)" ""
}

@test "a repository, tag and registry that are not there" {
        refused crictl pull images.test/no-such-thing:latest
        refused crictl pull images.test/busybox:no-such-tag
        contains "$output" no-such-tag
        refused crictl pull 127.0.0.1:1/busybox:latest
        equal "$(crictl images -q)" ""
}

@test "the file system of the images" {
        crictl pull "$BUSYBOX"
        info=$(crictl imagefsinfo)
        [ "$(jq -r '.status.imageFilesystems[0].usedBytes.value' <<<"$info")" -gt 1000000 ]
        contains "$(jq -r '.status.imageFilesystems[0].fsId.mountpoint' <<<"$info")" "$E2E_DIR"
        remove_images
}

@test "the same image eight times at once is fetched once" {
        only_ours
        remove_images
        for i in {1..8}; do
                crictl pull "$NGINX" >"$E2E_TEST/out-$i" 2>&1 3>&- &
        done
        wait
        equal "$(cat "$E2E_TEST"/out-* | sort -u | wc -l)" 1
        equal "$(crictl images -q | wc -l)" 1
        remove_images
}

@test "nothing of a removed image stays" {
        only_ours
        remove_images
        before=$(find "$E2E_DIR/root" -type f | wc -l)
        crictl pull "$NGINX"
        [ "$(find "$E2E_DIR/root" -type f | wc -l)" -gt $((before + 10)) ]
        remove_images
        equal "$(find "$E2E_DIR/root" -type f | wc -l)" "$before"
        daemon_restart
        equal "$(find "$E2E_DIR/root" -type f | wc -l)" "$before"
}

@test "images are there after a restart" {
        crictl pull "$BUSYBOX"
        before=$(crictl images -o json | jq -S .)
        daemon_restart KILL
        equal "$(crictl images -o json | jq -S .)" "$before"
        remove_images
}

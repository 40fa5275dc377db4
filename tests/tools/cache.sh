# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# The cache of tools that the tests need and Debian does not have: one folder for each tool and
# version, outside the source tree, so that a second run costs nothing. Sourced.

: "${CRIO_TEST_CACHE:=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/crio-c}"

# cache_make NAME-VERSION COMMAND...: run "COMMAND... FOLDER" once; what it makes in the folder
# appears whole or not at all. Two runs at a time wait for each other. The command is a program and
# not a function, because "set -e" has no effect in a function that is part of a condition.
cache_make() {
        local name=$1 dir=$CRIO_TEST_CACHE/$1 tmp lock began
        shift
        [ -e "$dir" ] && return 0
        mkdir -p "$CRIO_TEST_CACHE"
        exec {lock}>"$CRIO_TEST_CACHE/.lock-$name"
        flock "$lock"
        if [ ! -e "$dir" ]; then
                began=$SECONDS
                echo "building $name ..." >&2
                tmp=$(mktemp -d "$CRIO_TEST_CACHE/.new-$name.XXXXXX")
                if ! "$@" "$tmp" >"$tmp.log" 2>&1; then
                        tail -n 40 "$tmp.log" >&2
                        echo "$name: build failed, see $tmp.log" >&2
                        chmod -R u+w "$tmp"
                        rm -rf "$tmp"
                        exec {lock}>&-
                        return 1
                fi
                chmod 755 "$tmp"
                mv -T "$tmp" "$dir"
                rm -f "$tmp.log"
                echo "building $name: done in $((SECONDS - began)) s" >&2
        fi
        exec {lock}>&-
}

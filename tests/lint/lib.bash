# shellcheck shell=bash
# lib.bash - what the lints share. To be sourced by them with their own arguments:
#   SOURCE_DIR BUILD_DIR
# A lint prints what is wrong, a line each, and exits 1; 77 when its tool is not installed.
set -euo pipefail
export LC_ALL=C.UTF-8

source_dir=$(cd "$1" && pwd)
# shellcheck disable=SC2034 # used by those that source this
build_dir=$(cd "$2" && pwd)
cd "$source_dir"
faults=0

# need TOOL: skips the lint when it is not there.
need() {
    command -v "$1" >/dev/null || {
        echo "$1 is not installed: apt-get install $1"
        exit 77
    }
}

# files PATTERN...: what is committed (or all there is, outside of git), a line each.
files() {
    if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
        git ls-files -- "$@" | while read -r file; do
            if [[ -e $file ]]; then printf '%s\n' "$file"; fi
        done
    else
        local names=() pattern
        for pattern in "$@"; do names+=(-o -name "${pattern##*/}"); done
        find . -path './build*' -prune -o -type f \( "${names[@]:1}" \) -print | sed 's|^\./||'
    fi | sort
}

fault() {
    printf '%s\n' "$*"
    faults=$((faults + 1))
}

verdict() {
    if ((faults > 0)); then
        echo "$faults fault(s)"
        exit 1
    fi
    exit 0
}

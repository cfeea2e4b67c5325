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

# Whether the source folder is a git work tree of its own: a copy inside of another one is not, nor what
# git will not touch because it belongs to somebody else.
in_git() {
    [[ $(git rev-parse --show-toplevel 2>/dev/null) == "$(pwd -P)" ]]
}

# files PATTERN...: what is committed (or, without git, all there is but what .gitignore names), a line
# each. In a PATTERN '*' stands for '/' as well.
files() {
    local names=() pattern
    if in_git; then
        git ls-files -- "$@" | while read -r file; do
            if [[ -e $file ]]; then printf '%s\n' "$file"; fi
        done
    else
        for pattern in "$@"; do names+=(-o -path "./$pattern"); done
        find . \( -path './build*' -o -path ./.git -o -path ./.cache -o -path ./compose/state \
            -o -path ./compose/image \) -prune -o -type f \( "${names[@]:1}" \) \
            ! -name '*.o' ! -name compile_commands.json -print | sed 's|^\./||'
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

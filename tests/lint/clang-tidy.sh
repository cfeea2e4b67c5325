#!/bin/bash
# clang-tidy.sh - static analysis of the product's sources with the checks of .clang-tidy.
# shellcheck source=tests/lint/lib.bash
. "$(dirname "${BASH_SOURCE[0]}")/lib.bash"
need clang-tidy
[[ -e $build_dir/compile_commands.json ]] || {
    echo "no compile_commands.json in $build_dir"
    exit 77
}

# One file at a time: its va_list checker mixes up several (version 14). Two beside each other: this
# is the longest of all tests, and other tests run meanwhile.
files 'agent/*.c' 'bridge/*.c' 'client/*.c' |
    xargs -P 2 -n 1 clang-tidy --quiet -p "$build_dir" --warnings-as-errors='*' \
        2> >(grep -vE '^[0-9]+ warnings? (generated|treated)|^Suppressed|^Use -header-filter' >&2) ||
    fault "clang-tidy found something (above)"
verdict

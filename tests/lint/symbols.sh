#!/bin/bash
# symbols.sh - no name is defined by two of our libraries: a program that links both would fail.
# shellcheck source=tests/lint/lib.bash
. "$(dirname "${BASH_SOURCE[0]}")/lib.bash"
need nm

doubled=$(find "$build_dir" -name 'libstudio_*.a' -exec nm -g --defined-only {} + 2>/dev/null |
    awk 'NF == 3 && $2 ~ /[TDBR]/ && $3 !~ /^(__|_?asan|_?ubsan)/ { print $3 }' | sort | uniq -d)
[[ -z $doubled ]] || fault "defined by more than one library: ${doubled//$'\n'/ }"
verdict

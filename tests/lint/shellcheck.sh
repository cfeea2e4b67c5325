#!/bin/bash
# The shell scripts, by their first line.
# shellcheck source=tests/lint/lib.bash
. "$(dirname "${BASH_SOURCE[0]}")/lib.bash"
need shellcheck

mapfile -t scripts < <(files '*' | while read -r file; do
    if head -c 80 "$file" | head -n 1 | grep -qE '^#!.*sh$|^# shellcheck shell='; then
        printf '%s\n' "$file"
    fi
done)
shellcheck --external-sources "${scripts[@]}" || fault "shellcheck found something (above)"
verdict

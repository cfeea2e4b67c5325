#!/bin/bash
# format.sh - the layout of all C files is what .clang-format says.
# shellcheck source=tests/lint/lib.bash
. "$(dirname "${BASH_SOURCE[0]}")/lib.bash"
need clang-format

mapfile -t sources < <(files '*.c' '*.h')
clang-format --dry-run --ferror-limit=3 -Werror "${sources[@]}" ||
    fault "mend it with: clang-format -i FILE"
verdict

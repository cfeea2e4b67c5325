#!/bin/bash
# headers.sh - each header compiles alone, the public ones also as C++.
# shellcheck source=tests/lint/lib.bash
. "$(dirname "${BASH_SOURCE[0]}")/lib.bash"
need gcc

flags=(-std=c11 -D_GNU_SOURCE -Wall -Wextra -Wpedantic -Werror -fsyntax-only
    -Iinclude -Iagent -Itests -I.)
# Where libpq has its header; without it those of the second engine are passed over.
read -ra postgres < <(pkg-config --cflags libpq 2>/dev/null)
flags+=("${postgres[@]}")
while read -r header; do
    [[ ${#postgres[@]} -gt 0 || $header != */postgres/* ]] || continue
    # In a file of its own: the header as the main file is warned about for being one.
    printf '#include "%s"\nextern int not_empty;\n' "$header" |
        gcc "${flags[@]}" -x c - || fault "$header does not compile alone"
done < <(files '*.h')

if command -v g++ >/dev/null; then
    for header in include/studio/agent.h include/studio/client.h; do
        printf '#include "%s"\n' "${header#include/}" |
            g++ -std=c++11 -Iinclude -fsyntax-only -x c++ - || fault "$header is no C++"
    done
fi
verdict

#!/bin/bash
# cppcheck.sh - static analysis of the product's sources; exceptions in cppcheck.supp, with reasons.
# shellcheck source=tests/lint/lib.bash
. "$(dirname "${BASH_SOURCE[0]}")/lib.bash"
need cppcheck

mapfile -t sources < <(files 'agent/*.c' 'bridge/*.c' 'client/*.c')
mkdir -p "$build_dir/cppcheck/include"
# Of the system's headers only those whose macros are half of the code that uses them.
ln -sf /usr/include/uthash.h /usr/include/utlist.h "$build_dir/cppcheck/include"
cppcheck --quiet --error-exitcode=1 --std=c11 --language=c --platform=unix64 -j 2 \
    --enable=warning,performance,portability --inline-suppr \
    "--suppressions-list=tests/lint/cppcheck.supp" "--cppcheck-build-dir=$build_dir/cppcheck" \
    --library=posix "-I$build_dir/cppcheck/include" -D_GNU_SOURCE -D__linux__ -Iinclude -Iagent -I. \
    --template='{file}:{line}: {id}: {message}' "${sources[@]}" ||
    fault "cppcheck found something (above)"
verdict

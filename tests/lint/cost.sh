#!/bin/bash
# cost.sh - what an update costs, in instructions and allocations of the whole agent: figures that a busy
# machine does not change. Fails above 110 % of those in cost.figures.
#
# Usage: cost.sh SOURCE_DIR BUILD_DIR [--write]
#
# --write puts the new figures into cost.figures, to be committed with what made them higher or lower. They
# hold for the build that tests/run makes: other builds are skipped.
# shellcheck source=tests/lint/lib.bash
. "$(dirname "${BASH_SOURCE[0]}")/lib.bash"
need valgrind

for setting in STUDIO_SANITIZE:STRING=none CMAKE_BUILD_TYPE:STRING=RelWithDebInfo CMAKE_C_FLAGS:STRING=; do
    grep -qx "$setting" "$build_dir/CMakeCache.txt" || {
        echo "The figures are those of a build with $setting"
        exit 77
    }
done
/usr/bin/python3 -B tests/lint/cost.py "$build_dir/bin/studio-agent" tests/lint/cost.figures "${@:3}"

#!/bin/bash
# packaging.sh - the packages are of this version and day, need what the build needs, and show what the library shows.
# shellcheck source=tests/lint/lib.bash
. "$(dirname "${BASH_SOURCE[0]}")/lib.bash"
debian=compose/deb/debian

# defined NAME: as version.h has it.
defined() {
    sed -nE "s/^#define $1 +\"([^\"]+)\".*/\1/p" include/studio/version.h
}

newest=$(sed -nE '1s/.*\(([^)]+)\).*/\1/p' $debian/changelog)
[[ $newest == "$(defined STUDIO_VERSION)" ]] || fault "$debian/changelog begins with $newest, not the version of version.h"
day=$(date -u -d "$(sed -nE '/^ -- /{s/.*>  //p;q}' $debian/changelog)" +%F)
[[ $day == "$(defined STUDIO_RELEASED)" ]] || fault "$debian/changelog is of $day, not of the day of version.h"

# The compiler is always there, pkg-config has a new name.
while read -r package; do
    grep -qE "^ $package(,| )" $debian/control || fault "$debian/control does not build with $package"
done < <(sed -nE '/^\[build\]/,/^\[run\]/s/^([a-z][^ ]+) .*/\1/p' compose/packages | grep -vxE 'gcc|libc6-dev|pkg-config')

shown=$(nm -D --defined-only "$build_dir/lib/libstudio-client.so" | sed 's/.* //' | sort)
listed=$(sed -nE 's/^ ([a-z_]+)@Base .*/\1/p' $debian/libstudio-client1.symbols | sort)
[[ $shown == "$listed" ]] || fault "libstudio-client1.symbols differs from the library: $(diff <(echo "$listed") <(echo "$shown"))"
verdict

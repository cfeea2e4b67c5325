#!/bin/bash
# library.sh - what is installed is what the pages say: programs outside of the tree are built from
# the examples on the pages, in C and C++, by pkg-config, by find_package and by add_subdirectory, and
# talk to each other; a library shows what its headers declare and nothing else.
# shellcheck source=tests/lint/lib.bash
. "$(dirname "${BASH_SOURCE[0]}")/lib.bash"
need g++
need pkg-config
grep -q '^STUDIO_SANITIZE:STRING=none' "$build_dir/CMakeCache.txt" || exit 77

work=$(mktemp -d)
prefix=$work/prefix
agent=
# shellcheck disable=SC2317 # called by the trap
finish() {
    [[ -z $agent ]] || kill "$agent" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

# run COMMAND...: shows what it said only when it fails; the rest has no sense then.
run() {
    "$@" >"$work/log" 2>&1 || {
        cat "$work/log"
        fault "failed: $*"
        verdict
    }
}

# example PAGE NAME: the C program on the page, also under a C++ name.
# shellcheck disable=SC2016 # the backquotes are the page's
example() {
    sed -n '/^```c$/,/^```$/{/^```/d;p}' "$1" >"$work/$2.c"
    cp "$work/$2.c" "$work/$2_cpp.cpp"
}

# A library's symbols on standard input, its headers as arguments.
check_symbols() {
    local what=$1
    shift
    sed -nE 's/.* [TDRB] //p' | sort >"$work/shown"
    # Without comments; types of functions end in _fn.
    (cd "$prefix/include/studio" && cat "$@") | gcc -fpreprocessed -dD -E -P - |
        grep -oE '\bstudio_[a-z_]+\(|^extern .*studio_[a-z_]+[;[]' |
        sed -E 's/.*(studio_[a-z_]+).$/\1/' | grep -v '_fn$' | sort -u >"$work/declared"
    diff "$work/declared" "$work/shown" >"$work/log" ||
        fault "$what: declared (<) and shown (>) differ: $(<"$work/log")"
}

# with_pkg_config NAME PACKAGE: by hand, as a Makefile would.
with_pkg_config() {
    local flags warnings=(-Wall -Wextra -Wpedantic -Werror)
    read -ra flags < <(pkg-config --cflags --libs "$2")
    run gcc -std=gnu11 "${warnings[@]}" "$work/$1.c" -o "$work/$1" -pthread "${flags[@]}"
    run g++ -std=c++20 "${warnings[@]}" -Wno-missing-field-initializers \
        "$work/$1_cpp.cpp" -o "$work/$1_cpp" -pthread "${flags[@]}"
}

# cmake_project FOLDER HOW_TO_FIND TARGET...: report.c and embed.c as somebody else's programs.
cmake_project() {
    local folder=$work/$1 find=$2
    shift 2
    mkdir "$folder"
    {
        printf 'cmake_minimum_required(VERSION 3.18)\nproject(user C CXX)\nset(CMAKE_CXX_STANDARD 20)\n'
        printf '%s\n' "$find"
        printf 'add_executable(%s ../%s)\ntarget_link_libraries(%s studio::%s)\n' "$@"
    } >"$folder/CMakeLists.txt"
    run cmake -S "$folder" -B "$folder/build" -G Ninja "-DCMAKE_PREFIX_PATH=$prefix"
    run cmake --build "$folder/build"
}

# talk FOLDER EMBED REPORT: the one as agent, the other as its client.
talk() {
    local url token said
    token=$("$prefix/bin/studio-agent" token new --data "$work/data$2" 'ARO-001_*' 2>/dev/null)
    rm -f "$work/url"
    "$1/$2" "$work/data$2" >"$work/url" &
    agent=$!
    until [[ -s $work/url ]]; do
        kill -0 "$agent" || { fault "$2 has ended"; return; }
        sleep 0.05
    done
    url=$(<"$work/url")
    said=$(STUDIO_URL=$url STUDIO_TOKEN=$token "$1/$3" 2>&1) || true
    [[ $said == "on the agent's disk" ]] || fault "$3 says '$said'"
    kill "$agent"
    wait "$agent" || fault "$2 has failed"
    agent=
}

run cmake --install "$build_dir" --prefix "$prefix"
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name studio-client.pc)")
export PKG_CONFIG_PATH
lib=$(dirname "$PKG_CONFIG_PATH")
export LD_LIBRARY_PATH=$lib
example README.md report
example include/README.md embed

nm -D --defined-only "$lib/libstudio-client.so" | check_symbols libstudio-client.so client.h
nm -D --defined-only "$lib/libstudio-agent.so" | check_symbols libstudio-agent.so agent.h error.h status.h
nm -g --defined-only "$lib/libstudio-client.a" | check_symbols libstudio-client.a client.h error.h status.h

with_pkg_config report studio-client
with_pkg_config embed studio-agent
talk "$work" embed report
talk "$work" embed_cpp report_cpp

cmake_project found 'find_package(studio 0.1 REQUIRED)' report report.c report client \
    report_static report.c report_static client_static report_cpp report_cpp.cpp report_cpp client \
    embed embed.c embed agent embed_cpp embed_cpp.cpp embed_cpp agent
talk "$work/found/build" embed report_static
talk "$work/found/build" embed_cpp report_cpp

# As a part of a bigger project; what it needs is built with it.
cmake_project inside "add_subdirectory($source_dir studio EXCLUDE_FROM_ALL)" \
    report report.c report client report_cpp report_cpp.cpp report_cpp client_static

# Without the packages of the tests.
run cmake -S "$source_dir" -B "$work/plain" -DMOSQUITTO_LIBRARY=OFF
grep -q 'The tests are not built' "$work/log" || fault "nothing is said of tests that are not built"
[[ ! -e $work/plain/tests ]] || fault "tests are built without their packages"
verdict

#!/bin/bash
# hardening.sh - what we ship is built so that a fault in it is hard to make use of, read back from the
# programs and libraries themselves: positions that differ with each start, nothing of the linker's tables
# writable after it, calls checked against the size of their buffers, stacks guarded and never jumped over,
# jumps and returns checked by the processor. For builds as they are shipped; others are skipped.
# shellcheck source=tests/lint/lib.bash
. "$(dirname "${BASH_SOURCE[0]}")/lib.bash"
need readelf

for setting in STUDIO_SANITIZE:STRING=none CMAKE_BUILD_TYPE:STRING=RelWithDebInfo; do
    grep -qx "$setting" "$build_dir/CMakeCache.txt" || {
        echo "Held against a build with $setting"
        exit 77
    }
done

# has FILE WHAT PATTERN [OPTION...]: `readelf OPTION...` of the file shows a line of the pattern.
has() {
    local file=$1 what=$2 pattern=$3
    shift 3
    readelf -W "$@" "$file" 2>/dev/null | grep -E -- "$pattern" >/dev/null || fault "${file#"$build_dir"/}: $what"
}

# hasnt FILE WHAT PATTERN [OPTION...]
hasnt() {
    local file=$1 what=$2 pattern=$3
    shift 3
    ! readelf -W "$@" "$file" 2>/dev/null | grep -E -- "$pattern" >/dev/null || fault "${file#"$build_dir"/}: $what"
}

# Of a program or library that is linked.
check_linked() {
    has "$1" 'is at a fixed address' '^ *Type: +DYN' -h
    has "$1" 'has no relro' 'GNU_RELRO' -l
    has "$1" 'binds late' 'BIND_NOW|FLAGS_1.*NOW' -d
    hasnt "$1" 'has a stack that can be run' 'GNU_STACK.* E ' -l
    hasnt "$1" 'has code that is written to' 'TEXTREL' -d
    hasnt "$1" 'looks for libraries where it was built' 'R(UN)?PATH' -d
    has "$1" 'calls nothing that is checked against the size of a buffer' ' __[a-z]+_chk' --dyn-syms
    has "$1" 'has no guard on its stack' ' __stack_chk_fail' --dyn-syms
}

# What the compiler says it was told, of every file of ours.
check_compiled() {
    local flag told
    told=$(readelf -p .debug_str -p .debug_line_str "$1" 2>/dev/null | grep -oE 'GNU C[0-9]+ .*' || true)
    [[ -n $told ]] || fault "${1#"$build_dir"/}: does not say how it was compiled"
    for flag in -fstack-clash-protection -fstack-protector-strong -fPI[CE] "$branches"; do
        ! grep -vE -- "$flag" <<<"$told" || fault "${1#"$build_dir"/}: compiled without $flag (above)"
    done
}

# The machine it was built for, which may not be this one.
case $(readelf -h "$build_dir/bin/studio-agent" | sed -n 's/^ *Machine: *//p') in
    *X86-64) branches=-fcf-protection feature='x86 feature: IBT, SHSTK' ;;
    AArch64) branches=-mbranch-protection feature='AArch64 feature: BTI, PAC' ;;
    *) branches=-O feature= ;;
esac

for file in "$build_dir"/bin/studio-{agent,client} "$build_dir"/lib/libstudio-{agent,client}.so; do
    check_linked "$file"
    check_compiled "$file"
done

# The mark of a whole program stands only where all it is linked from has it, and Paho's archive of Debian 12
# has not; our own objects do.
if [[ -n $feature ]]; then
    while read -r archive; do
        objects=$(readelf -nW "$archive" 2>/dev/null | grep -c '^File: ')
        marked=$(readelf -nW "$archive" 2>/dev/null | grep -c "$feature" || true)
        ((objects == marked)) ||
            fault "${archive#"$build_dir"/}: $marked of $objects objects have '$feature'"
    done < <(find "$build_dir"/{agent,bridge,client} -name 'libstudio_*.a')
fi
verdict

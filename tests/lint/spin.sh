#!/bin/bash
# spin.sh - the model of who may write an agent's store in a database (agent/store/postgres/ownership.pml): spin finds no order of
# events in which it breaks a promise, and finds one for each fault that is planted.
#
#     tests/lint/spin.sh . build          what CI runs: small numbers, every state
#     tests/lint/spin.sh . build full     larger ones, some minutes and 5 GB
#     tests/lint/spin.sh . build show -DHASTY -DTAKES=2     the events that lead to a fault
# shellcheck source=tests/lint/lib.bash
. "$(dirname "${BASH_SOURCE[0]}")/lib.bash"
need spin
need gcc

model=$source_dir/agent/store/postgres/ownership.pml
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# make_checker COMPILER_OPTIONS DEFINES...
make_checker() {
    local options=$1
    shift
    spin -a "$@" "$model" >said && read -ra options <<<"$options" &&
        gcc -w "${options[@]}" -DSAFETY -DVECTORSZ=512 -o pan pan.c && return
    cat said
    fault "spin cannot read the model ($*)"
    verdict
}

states() { sed -nE 's/^ *([0-9.e+]+) states, stored.*/\1 states/p; s/.*depth reached ([0-9]+),.*/depth \1/p' said | xargs; }

# holds COMPILER_OPTIONS CHECKER_OPTIONS DEFINES...: there is no error in all that can happen.
holds() {
    local checker
    read -ra checker <<<"$2"
    make_checker "$1" "${@:3}"
    ./pan -m1000000 "${checker[@]}" >said
    if ! grep -q 'errors: 0' said || grep -qE 'Search not completed|max search depth too small|out of memory' said; then
        cat said
        fault "it does not hold, or not all was seen: ${*:3}"
    fi
    echo "${*:3}: $(states)"
}

# breaks FAULT WORDS ERRORS DEFINES...: it is found, as one of the first ERRORS, by the assertion that names it.
breaks() {
    make_checker -O0 -DKILLS=0 -DRENEWALS=0 "-D$1" "${@:4}"
    ./pan -m1000000 "-c$3" >said
    grep -qF "assertion violated ($2)" said || fault "the fault $1 is not found"
    echo "$1: found after $(states)"
}

case ${3:-} in
    show)
        make_checker -O0 "${@:4}"
        ./pan -m1000000 | grep -m1 -E 'pan:1|errors: 0'
        [[ ! -e ownership.pml.trail ]] || spin -k ownership.pml.trail -p "${@:4}" "$model"
        exit
        ;;
    full)
        holds '-O2 -DCOLLAPSE' -w26 -DTAKES=2 -DCUTS=1 -DKILLS=0 -DRENEWALS=0
        holds '-O2 -DCOLLAPSE' -w26 -DTAKES=3 -DCUTS=1 -DCANCELS=0 -DRESTARTS=0 -DRENEWALS=0
        ;;
    *)
        one=(-DTAKES=2 -DCUTS=1 -DRENEWALS=0)
        holds -O1 -w22 "${one[@]}" -DCANCELS=0 -DRESTARTS=0
        holds -O1 -w22 "${one[@]}" -DKILLS=0 -DBATCHES=1
        holds -O1 -w22 -DTAKES=2 -DCUTS=2 -DKILLS=0 -DCANCELS=0 -DRESTARTS=0 -DPROMOTIONS=0
        ;;
esac
breaks NO_CHECK 'asked[2].boot==log[last].boot' 1 -DTAKES=2 -DCUTS=1
breaks NO_LINE 'known[asked[2].batch]!=8' 1 -DTAKES=2 -DCUTS=1
breaks ASYNC 'times==1' 100 -DTAKES=1 -DCUTS=0
breaks HASTY 'times==0' 1 -DTAKES=2 -DCUTS=1
breaks LIGHT 'times==1' 1 -DTAKES=2 -DCUTS=1
verdict

#!/bin/bash
# completion.sh - what bash offers behind the beginning of a command line, of both programs.
# shellcheck source=tests/lint/lib.bash
. "$(dirname "${BASH_SOURCE[0]}")/lib.bash"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/folder"
touch "$work/agent.ini"

# offered WORD...: what the last, unfinished one may become; as bash splits words, '=' is one.
offered() {
    # shellcheck disable=SC2034 # read by the completion
    local COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=() function
    function=$(complete -p "$1" | sed -E 's/.*-F ([^ ]+).*/\1/')
    "$function" "$1" "${!#}" "${*: -2:1}"
    printf '%s\n' "${COMPREPLY[@]}" | sort | paste -sd' '
}

# expect WORDS WORD...: exactly this is offered; expect_some: this and more.
expect() {
    local wanted=$1 got
    shift
    got=$(offered "$@")
    [[ $got == "$wanted" ]] || fault "$*<Tab>: '$got', not '$wanted'"
}

expect_some() {
    local wanted=$1 word got
    shift
    got=$(offered "$@")
    for word in $wanted; do
        [[ " $got " == *" $word "* ]] || fault "$*<Tab>: no '$word' in '$got'"
    done
}

for program in studio-agent studio-client; do
    # shellcheck source=/dev/null
    . "$build_dir/share/bash-completion/completions/$program"
done

expect_some 'check token store reload republish --listen --data --config --set -c' studio-agent ''
expect token studio-agent tok
expect_some 'new list revoke --role --data' studio-agent token ''
expect 'device operator viewer' studio-agent token new 'A_*' --role ''
expect --expires studio-agent token new --e
expect_some 'check export import restored --data' studio-agent store ''
expect '' studio-agent reload --lis
expect 'debug error info warn' studio-agent --log-level ''
expect info studio-agent --log-level = i
expect 'debug error info warn' studio-agent --log-level =
expect "$work/agent.ini $work/folder" studio-agent -c "$work/"
expect "$work/folder" studio-agent --data "$work/"
expect '' studio-agent --listen ''

expect_some 'set get watch sdp= zcam= --table' studio-client ''
expect 'watch' studio-client w
expect 'calibration down exception standby up' studio-client set sdp = ''
expect 'down' studio-client sdp d
expect 'false true' studio-client set sdp=up maintenance =
expect '--table --tables' studio-client --table ARO-002 get --tab
expect_some 'roulette= --custom' studio-client set ''
expect "$work/agent.ini $work/folder" studio-client --token-file "$work/"
verdict

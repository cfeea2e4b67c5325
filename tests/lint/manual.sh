#!/bin/bash
# manual.sh - the pages of the manual are without a fault for mandoc, and tell every option and command.
# shellcheck disable=SC2016 # the backquotes are those of tables in Markdown
# shellcheck source=tests/lint/lib.bash
. "$(dirname "${BASH_SOURCE[0]}")/lib.bash"
need mandoc

man=$build_dir/share/man
pages=("$man"/man1/studio-{agent,client}.1 "$man/man5/studio-agent.ini.5" "$man/man7/studio-agent-protocol.7")
mandoc -Tlint -Wwarning "${pages[@]}" || fault "mandoc found something (above)"

# shown PAGE: as it is read.
shown() {
    mandoc -Tutf8 "$1" | sed -E 's/.\x08//g'
}

# tells PAGE WORD...: each is there.
tells() {
    local page=$1 word text
    text=$(shown "$page")
    shift
    for word in "$@"; do
        [[ $text == *"$word"* ]] || fault "${page##*/} does not tell '$word'"
    done
}

mapfile -t keys < <("$build_dir/bin/studio-agent" --help options | sed -nE 's/^\| `[a-z]+\.([a-z_]+)` .*/\1 =/p')
((${#keys[@]} > 30)) || fault "no options found"
tells "${pages[2]}" "${keys[@]}"
mapfile -t flags < <("$build_dir/bin/studio-agent" --help options | sed -nE 's/^[^|]*\|[^|]*\| `(--[a-z-]+)` .*/\1/p')
tells "${pages[0]}" "${flags[@]}" check 'token new PATTERN' 'store restored' --set
mapfile -t flags < <("$build_dir/bin/studio-client" --help | sed -nE 's/^  (--[a-z-]+) .*/\1/p')
tells "${pages[1]}" "${flags[@]}" 'set KEY=VALUE...' "'Ann B.'" zcam
mapfile -t words < <(sed -nE 's/^\| `(studio[^`]*)`.*/\1/p' include/PROTOCOL.md)
((${#words[@]} > 20)) || fault "no topics and figures found"
tells "${pages[3]}" "${words[@]}" 'Missing authentication parameters' '{"sdp":"up"}'
! shown "${pages[3]}" | grep -nE '\*\*|`|\]\(' || fault "marks of Markdown are left (above)"
verdict

#!/bin/bash
# layers.sh - who may include whom, and how long a file may be (see the folders' READMEs).
# shellcheck source=tests/lint/lib.bash
. "$(dirname "${BASH_SOURCE[0]}")/lib.bash"

line_limit=500

# Each big library is seen by one file (or layer) only: header, then the files that may include it.
libraries='
libwebsockets.h     agent/net/(lws|inside|context|connection|ws|http)\.[ch] client/[a-z_]+\.[ch]
MQTTProperties.h    bridge/link_props\.[ch]
MQTTAsync.h         bridge/link_paho\.c tests/bench/peers/publisher\.c
libpq-fe.h          agent/store/postgres/link\.h
sqlite3.h           agent/store/sqlite/[a-z_]+\.[ch] tests/.*
cjson/cJSON.h       agent/protocol/[a-z_]+\.[ch] client/client_json\.c tests/.*
ini.h               agent/config/[a-z_]+\.c
histedit.h          client/program/[a-z_]+\.c
editline/readline.h client/program/[a-z_]+\.c
ev.h                agent/net/[a-z_]+\.[ch] tests/.*
mosquitto.h         tests/support/.*
'
# These are included by no more product files than this (the agent's context, loop, WebSocket and HTTP each
# have one, the client's WebSocket and HTTP).
exactly='
libwebsockets.h agent 6
libwebsockets.h client 2
MQTTAsync.h bridge 1
'
# What a layer may include of ours (its own folder and include/studio always).
layers='
include/studio
agent/base
agent/model      base
agent/protocol   base model
agent/store      base model
agent/store/sqlite base model store
agent/store/postgres base model store
agent/config     base model
agent/auth       base model protocol config
agent/core       base model protocol store config auth bridge
agent/net        base model protocol store config auth core
agent/api        base model protocol store config auth core net
agent/cmd        base model store config auth bridge
bridge           base model
client           base model protocol
client/program   base model protocol client
'

# Every inclusion there is, as "file header".
mapfile -t inclusions < <(files '*.c' '*.h' | tr '\n' '\0' |
    xargs -0 grep -HE '^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"]' |
    sed -E 's/^([^:]+):[^<"]*[<"]([^>"]+)[>"].*/\1 \2/')

check_libraries() {
    local library allowed pattern ok file header folder count inclusion users
    while read -r library allowed; do
        [[ -n $library ]] || continue
        for inclusion in "${inclusions[@]}"; do
            [[ ${inclusion#* } == "$library" ]] || continue
            file=${inclusion% *}
            ok=no
            for pattern in $allowed; do
                if [[ $file =~ ^$pattern$ ]]; then ok=yes; fi
            done
            [[ $ok == yes ]] || fault "$file includes <$library>: only $allowed may"
        done
    done <<<"$libraries"
    while read -r header folder count; do
        [[ -n $header ]] || continue
        users=()
        for inclusion in "${inclusions[@]}"; do
            [[ $inclusion == "$folder/"*" $header" ]] && users+=("${inclusion% *}")
        done
        ((${#users[@]} <= count)) ||
            fault "<$header> is included by ${#users[@]} files of $folder/, not $count: ${users[*]}"
    done <<<"$exactly"
}

check_layers() {
    local folder allowed own file header part inclusion
    while read -r folder allowed; do
        [[ -n $folder ]] || continue
        own=${folder#agent/}
        for inclusion in "${inclusions[@]}"; do
            file=${inclusion% *}
            header=${inclusion#* }
            [[ ${file%/*} == "$folder" ]] || continue
            part=${header%%/*}
            case $part in
                base | model | protocol | store | config | auth | core | net | cmd | bridge | client) ;;
                *) continue ;; # of the system, of the same folder, or public
            esac
            [[ $header != "$part" && " $own $allowed " != *" $part "* ]] || continue
            fault "$file includes \"$header\": $folder may know ${allowed:-nothing} only"
        done
    done <<<"$layers"
}

check_lengths() {
    local file lines
    while read -r lines file; do
        [[ $file == total ]] || ((lines <= line_limit)) ||
            fault "$file has $lines lines, over $line_limit: probably two things"
    done < <(files '*.c' '*.h' '*.js' | tr '\n' '\0' | xargs -0 wc -l)
}

check_libraries
check_layers
check_lengths
verdict

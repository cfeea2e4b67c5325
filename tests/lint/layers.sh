#!/bin/bash
# layers.sh - who may include whom, and how long a file may be (see the folders' READMEs).
# shellcheck source=tests/lint/lib.bash
. "$(dirname "${BASH_SOURCE[0]}")/lib.bash"

line_limit=600

# Each big library is seen by one file (or layer) only: header, then the files that may include it.
libraries='
libwebsockets.h     agent/net/[a-z_]+\.[ch]  client/[a-z_]+\.[ch]
MQTTAsync.h         bridge/link_paho\.c
sqlite3.h           agent/store/[a-z_]+\.[ch] tests/.*
cjson/cJSON.h       agent/protocol/[a-z_]+\.[ch] client/client_json\.c tests/.*
ini.h               agent/config/[a-z_]+\.c
histedit.h          client/[a-z_]+\.c
editline/readline.h client/[a-z_]+\.c
ev.h                agent/net/[a-z_]+\.[ch] tests/.*
mosquitto.h         tests/support/.*
'
# These must be included by exactly this many product files.
exactly='
libwebsockets.h agent 1
libwebsockets.h client 1
MQTTAsync.h bridge 1
'
# What a layer may include of ours (its own folder and include/studio always).
layers='
include/studio
agent/base
agent/model      base
agent/protocol   base model
agent/store      base
agent/config     base model
agent/core       base model protocol store config
agent/net        base model protocol store config core
bridge           base
client           base model protocol
'

# inclusions FILE: the headers it includes, a line each.
inclusions() {
    sed -nE 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"]([^>"]+)[>"].*/\1/p' "$1"
}

check_libraries() {
    local file header allowed pattern ok name
    while read -r name allowed; do
        [[ -n $name ]] || continue
        while read -r file; do
            inclusions "$file" | grep -qx "$name" || continue
            ok=no
            for pattern in $allowed; do
                if [[ $file =~ ^$pattern$ ]]; then ok=yes; fi
            done
            [[ $ok == yes ]] || fault "$file includes <$name>: only $allowed may"
        done < <(files '*.c' '*.h')
    done <<<"$libraries"
    while read -r header folder count; do
        [[ -n $header ]] || continue
        mapfile -t users < <(files "$folder/*.c" "$folder/*.h" | while read -r file; do
            if inclusions "$file" | grep -qx "$header"; then echo "$file"; fi
        done)
        ((${#users[@]} <= count)) ||
            fault "<$header> is included by ${#users[@]} files of $folder/, not $count: ${users[*]}"
    done <<<"$exactly"
}

check_layers() {
    local folder allowed own file header part
    while read -r folder allowed; do
        [[ -n $folder ]] || continue
        own=${folder#agent/}
        while read -r file; do
            while read -r header; do
                case $header in
                    studio/*) continue ;;
                    */*) part=${header%%/*} ;;
                    *) continue ;;
                esac
                case $part in
                    base | model | protocol | store | config | core | net | bridge | client) ;;
                    *) continue ;; # a system header in a folder
                esac
                [[ " $own $allowed " == *" $part "* ]] ||
                    fault "$file includes \"$header\": $folder may know ${allowed:-nothing} only"
            done < <(inclusions "$file")
        done < <(files "$folder/*.c" "$folder/*.h" | grep -E "^$folder/[^/]+$")
    done <<<"$layers"
}

check_lengths() {
    local file lines
    while read -r file; do
        lines=$(wc -l <"$file")
        ((lines <= line_limit)) ||
            fault "$file has $lines lines, over $line_limit: probably two things"
    done < <(files '*.c' '*.h' '*.js')
}

check_libraries
check_layers
check_lengths
verdict

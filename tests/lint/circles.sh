#!/bin/bash
# circles.sh - no circle of files: what a file includes and what it calls never leads back to it.
#
# x.c and x.h count as one, unless other files of the folder define a part of what x.h declares; then
# each counts by itself. Includes are read from the sources; calls, and uses of data, from the object
# files of the build: a symbol that one object wants and exactly one other defines. A call through a
# table of functions is not seen: that is the way to call up. Mend a circle by moving what both sides
# need below them (a type into a header of its own, a function into the file that owns its data).
# shellcheck source=tests/lint/lib.bash
. "$(dirname "${BASH_SOURCE[0]}")/lib.bash"
need nm
[[ -e $build_dir/compile_commands.json ]] || {
    echo "no compile_commands.json in $build_dir"
    exit 77
}

# "FILE OBJECT" for each file of ours, as the libraries and programs have it.
objects() {
    sed -nE "s#^ *\"command\": .* -o ([^ ]+) -c $source_dir/((agent|bridge|client)/[^ ]+\.c)\",?\$#\2 $build_dir/\1#p" \
        "$build_dir/compile_commands.json" | grep -v -e -faulty
}

# The facts, a line each: "object O FILE", "wants O SYMBOL", "defines O SYMBOL", "file FILE",
# "includes FILE HEADER", "declares FILE NAME".
facts() {
    objects | sed -E 's/^([^ ]+) (.*)/object \2 \1/'
    objects | cut -d' ' -f2 | xargs nm -A 2>/dev/null | sed -nE \
        -e 's/^([^:]+): +U ([^ ]+)$/wants \1 \2/p' \
        -e 's/^([^:]+):[0-9a-f]+ [TDBRC] ([^ ]+)$/defines \1 \2/p'
    files 'agent/*.[ch]' 'bridge/*.[ch]' 'client/*.[ch]' 'include/*.h' | sed 's/^/file /'
    files 'agent/*.[ch]' 'bridge/*.[ch]' 'client/*.[ch]' | xargs grep -H '^#include "' |
        sed -E 's/^([^:]+):#include "([^"]+)".*/includes \1 \2/'
    files 'agent/*.h' 'bridge/*.h' 'client/*.h' | xargs grep -HoE '\b[a-z][a-z0-9_]+\(' |
        sed -E 's/^([^:]+):(.*)\(/declares \1 \2/'
}

# Reads the facts, writes who needs whom: "FROM TO WHY".
edges() {
    awk '
        $1 == "object" { of[$2] = $3 }
        $1 == "wants" { wants[++n] = of[$2]; wanted[n] = $3 }
        $1 == "defines" { home[$3] = of[$2]; homes[$3]++ }
        $1 == "file" { there[$2] }
        $1 == "includes" { user[++m] = $2; used[m] = $3 }
        $1 == "declares" { declarer[++d] = $2; declared[d] = $3 }
        function stem(file) { return substr(file, 1, length(file) - 2) }
        function folder(file) {
            sub(/[^\/]*$/, "", file)
            return file
        }
        function unit(file) {
            return (stem(file) ".c") in there && (stem(file) ".h") in there && !(stem(file) in shared) \
                ? stem(file) : file
        }
        # As the compiler finds it: beside the file, or from one of these.
        function found(file, header) {
            if ((folder(file) header) in there) return folder(file) header
            if (("agent/" header) in there) return "agent/" header
            if (("include/" header) in there) return "include/" header
            return header in there ? header : ""
        }
        END {
            for (i = 1; i <= d; i++)
                if (homes[declared[i]] == 1 && stem(home[declared[i]]) != stem(declarer[i]) &&
                    folder(home[declared[i]]) == folder(declarer[i]))
                    shared[stem(declarer[i])]
            for (i = 1; i <= m; i++)
                if (found(user[i], used[i]) != "")
                    print unit(user[i]), unit(found(user[i], used[i])), "include"
            for (i = 1; i <= n; i++)
                if (homes[wanted[i]] == 1)
                    print unit(wants[i]), unit(home[wanted[i]]), wanted[i]
        }'
}

# Reads the edges, writes those within a circle, circles apart by a blank line.
circles() {
    awk '
        $1 != $2 {
            key = $1 " " $2
            if (!(key in why)) { from[++edges] = $1; to[edges] = $2 }
            if (index(why[key] ",", " " $3 ",") == 0)
                why[key] = why[key] (key in why && why[key] != "" ? ", " : " ") $3
        }
        # What needs nobody, or is needed by nobody, is in no circle: off with it, again and again.
        function prune(    i, n, needs, needed) {
            do {
                n = 0
                split("", needs)
                split("", needed)
                for (i = 1; i <= edges; i++)
                    if (!gone[i]) { needs[from[i]]; needed[to[i]] }
                for (i = 1; i <= edges; i++)
                    if (!gone[i] && (!(from[i] in needed) || !(to[i] in needs))) { gone[i] = 1; n++ }
            } while (n > 0)
        }
        function reach(start,    i, n, seen) {
            seen[start]
            do {
                n = 0
                for (i = 1; i <= edges; i++)
                    if (!gone[i] && from[i] in seen && !(to[i] in seen)) { seen[to[i]]; n++ }
            } while (n > 0)
            for (i in seen) reaches[start, i]
        }
        function tied(a, b) { return (a, b) in reaches && (b, a) in reaches }
        END {
            prune()
            for (i = 1; i <= edges; i++)
                if (!gone[i]) { names[from[i]]; names[to[i]] }
            for (a in names) reach(a)
            for (a in names) {
                circle = ""
                for (i = 1; i <= edges; i++)
                    if (!gone[i] && !(from[i] in told) && tied(a, from[i]) && tied(a, to[i]))
                        circle = circle "  " from[i] " -> " to[i] ":" why[from[i] " " to[i]] "\n"
                for (b in names)
                    if (tied(a, b)) told[b]
                if (circle != "") print circle
            }
        }'
}

[[ -n $(objects) ]] || fault "no object file of ours is known in $build_dir"
found=$(facts | edges | circles)
[[ -z $found ]] || fault "files that lead back to themselves:"$'\n'"$found"
verdict

#!/bin/bash
# docs.sh - the top level is what it should be, each folder has a README, nothing names one machine.
# shellcheck source=tests/lint/lib.bash
. "$(dirname "${BASH_SOURCE[0]}")/lib.bash"

allowed='CMakeLists\.txt|README\.md|LICENSE|agent|bridge|client|include|tests|compose|\..*'
while read -r entry; do
    [[ $entry =~ ^($allowed)$ ]] || fault "$entry does not belong at the top level"
done < <(files '*' | cut -d/ -f1 | sort -u)

for folder in . agent bridge client client/program include tests compose; do
    [[ -s $folder/README.md ]] || fault "$folder/ has no README.md"
done

# Links between the pages must lead somewhere.
while read -r page; do
    while read -r target; do
        [[ $target =~ ^(https?:|mailto:|#) ]] && continue
        target=${target%%#*}
        [[ -e $(dirname "$page")/$target ]] || fault "$page links to $target, which is not there"
    done < <(grep -oE '\]\([^) ]+\)' "$page" | sed -E 's/^\]\(//; s/\)$//')
done < <(files '*.md')

# Paths that exist on one machine only.
while read -r hit; do
    fault "a path of one machine: $hit"
done < <(files '*' | grep -v '^tests/lint/docs\.sh$' | tr '\n' '\0' |
    xargs -0 grep -nIE '(^|[^[:alnum:]_.$}])/(work|farm|home/[a-z]+|root)/|/tmp/[a-z]+-?build' || true)
verdict

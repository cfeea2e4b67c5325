#!/bin/bash
# monitoring.sh - what Prometheus is given can be read by it, and each alert fires when it should: the
# configuration, the rules and their tests, the expressions of the dashboard (compose/monitoring/).
# shellcheck source=tests/lint/lib.bash
. "$(dirname "${BASH_SOURCE[0]}")/lib.bash"
need promtool

folder=compose/monitoring
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# clean WHAT COMMAND...
clean() {
    local what=$1
    shift
    "$@" >"$scratch/output" 2>&1 || fault "$what: $(<"$scratch/output")"
}

# Token and authority stand in files that only the container has.
cp "$folder/rules.yml" "$scratch/"
for file in prometheus.yml prometheus.tls.yml; do
    sed 's|/studio/users/.*|/dev/null|' "$folder/$file" >"$scratch/$file"
    clean "$folder/$file" promtool check config "$scratch/$file"
done
clean "$folder/rules.yml" promtool check rules "$folder/rules.yml"
clean "$folder/rules.test.yml" promtool test rules "$folder/rules.test.yml"
clean "the dashboard" /usr/bin/python3 -B tests/schema/monitoring.py --rules
cp "$scratch/output" "$scratch/dashboard.yml"
clean "$folder/dashboard.json" promtool check rules "$scratch/dashboard.yml"
verdict

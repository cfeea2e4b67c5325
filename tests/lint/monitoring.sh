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

# The token stands in a file that only the container has.
sed 's|/studio/users/prometheus/token|/dev/null|' "$folder/prometheus.yml" >"$scratch/prometheus.yml"
cp "$folder/rules.yml" "$scratch/"
clean "$folder/prometheus.yml" promtool check config "$scratch/prometheus.yml"
clean "$folder/rules.yml" promtool check rules "$folder/rules.yml"
clean "$folder/rules.test.yml" promtool test rules "$folder/rules.test.yml"
clean "the dashboard" /usr/bin/python3 -B tests/schema/monitoring.py --rules
cp "$scratch/output" "$scratch/dashboard.yml"
clean "$folder/dashboard.json" promtool check rules "$scratch/dashboard.yml"
verdict

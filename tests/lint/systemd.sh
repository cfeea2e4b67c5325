#!/bin/bash
# systemd.sh - the units of compose/systemd/ are understood by systemd, and the service may do little more than
# what it does: an exposure of 1.2 at most.
# shellcheck source=tests/lint/lib.bash
. "$(dirname "${BASH_SOURCE[0]}")/lib.bash"
need systemd-analyze

exposure=1.2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The program is not installed here.
for unit in compose/systemd/*.{service,socket}; do
    [[ -e $unit ]] || continue
    sed 's|^\(Exec[A-Za-z]*\)=/usr/bin/studio-agent|\1=/bin/true|' "$unit" >"$scratch/${unit##*/}"
done
systemd-analyze verify --man=no "$scratch"/* >"$scratch/output" 2>&1 || fault "$(<"$scratch/output")"
# What it only warns of is a mistake as well.
if grep -F "$scratch" "$scratch/output"; then fault "systemd does not understand all of a unit"; fi

systemd-analyze security --offline=yes --no-pager --threshold="${exposure/./}" \
    "$scratch/studio-agent.service" >"$scratch/output" 2>&1 ||
    fault "the service's exposure is above $exposure: $(grep -v '^✓' "$scratch/output")"
verdict

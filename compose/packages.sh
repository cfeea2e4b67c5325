# shellcheck shell=bash
# packages.sh - installs what is missing of the list in compose/packages. To be sourced:
#
#     . compose/packages.sh
#     packages_install build run
#
# Nothing missing: no network, no root, no output. Nothing that was there is upgraded on purpose,
# and no service is started: see packages_without_services.

packages_list="$(dirname "${BASH_SOURCE[0]}")/packages"

# Prints the packages of the given sections, one per line.
packages_of() {
    local word section='' wanted=" $* "
    while read -r word _; do
        case $word in
            '' | '#'*) continue ;;
            '['*']') section=${word:1:-1} ;;
            *) if [[ $wanted == *" $section "* ]]; then printf '%s\n' "$word"; fi ;;
        esac
    done <"$packages_list" | sort -u
}

# Prints those of the given sections that are not installed.
packages_missing() {
    local package
    for package in $(packages_of "$@"); do
        [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
            printf '%s\n' "$package"
    done
}

# Runs a command as root: directly or through sudo.
packages_as_root() {
    if ((EUID == 0)); then
        "$@"
    else
        sudo "$@"
    fi
}

# Runs a command as root during which packages may not start or restart services: the packages ask
# /usr/sbin/policy-rc.d, whose exit status 101 means no. One that is there already is left alone.
packages_without_services() {
    local policy=/usr/sbin/policy-rc.d status=0
    if [[ -e $policy ]]; then
        packages_as_root "$@"
        return
    fi
    # A shell of its own, so that the file goes away whatever ends it.
    # shellcheck disable=SC2016 # expanded there, not here
    packages_as_root bash -c '
        policy=$1; shift
        trap "rm -f \"\$policy\"" EXIT
        trap "exit 130" INT TERM HUP
        printf "#!/bin/sh\nexit 101\n" >"$policy" && chmod 755 "$policy" && "$@"
    ' packages "$policy" "$@" || status=$?
    return "$status"
}

# Packages that also make a service start at boot, on its usual port. They come for their programs only.
packages_services=(mosquitto prometheus nginx haproxy)

# True if this service is installed or running, and not ours to change.
packages_has_service() {
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]] ||
        { command -v systemctl >/dev/null && systemctl cat "$1.service" >/dev/null 2>&1; }
}

# packages_leave_off SERVICE...: those that were not there before stay off.
packages_leave_off() {
    local service
    command -v systemctl >/dev/null || return 0
    for service in "$@"; do
        packages_as_root systemctl disable --now "$service.service" >/dev/null 2>&1 || true
        echo "The system's own $service service stays off (systemctl enable --now $service)."
    done
}

# packages_install SECTION...: installs what is missing. Returns 1 with a message if it cannot.
packages_install() {
    local missing service new=()
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        echo "This is not a Debian system: install what $packages_list names by hand." >&2
        return 1
    fi
    mapfile -t missing < <(packages_missing "$@")
    ((${#missing[@]} == 0)) && return 0

    echo "Installing ${#missing[@]} Debian packages: ${missing[*]}"
    if ((EUID != 0)) && ! command -v sudo >/dev/null; then
        echo "Run this as root, or install them as root: apt-get install ${missing[*]}" >&2
        return 1
    fi
    for service in "${packages_services[@]}"; do
        if packages_of "$@" | grep -qx "$service" && ! packages_has_service "$service"; then
            new+=("$service")
        fi
    done
    if ! { packages_as_root apt-get -qq update &&
        packages_without_services env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
            apt-get -q -y --no-install-recommends -o Dpkg::Use-Pty=0 install "${missing[@]}"; }; then
        echo "The packages could not be installed (see above); is the network there?" >&2
        return 1
    fi
    packages_leave_off "${new[@]}"
}

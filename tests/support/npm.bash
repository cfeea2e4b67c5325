# npm.bash - sourced by the tests in JavaScript: their packages, and how they are run.

skip() {
    printf 'skipped: %s\n' "$*"
    exit 77
}

# npm_install FROM TO: the packages of FROM/package-lock.json in TO/node_modules, in its versions; installed
# again only when it has changed.
npm_install() {
    local from=$1 to=$2
    if ! command -v node >/dev/null || ! command -v npm >/dev/null; then skip "node or npm is not installed"; fi
    (($(node -p 'process.versions.node.split(".")[0]') >= 20)) || skip "node is older than 20"
    mkdir -p "$to"
    cp "$from/package.json" "$to/"
    if ! cmp -s "$from/package-lock.json" "$to/installed.json"; then
        cp "$from/package-lock.json" "$to/"
        npm ci --prefix "$to" --omit=optional --ignore-scripts --no-audit --no-fund >"$to/npm.log" 2>&1 ||
            skip "npm is not reachable ($to/npm.log)"
        cp "$from/package-lock.json" "$to/installed.json"
    fi
}

# npm_tests SOURCE_DIR BUILD_DIR NAME PATTERN [FILE...]: runs tests/NAME/test_*.mjs, those whose name matches; the
# FILEs stand beside them.
npm_tests() {
    local source build pattern=$4 name=$3
    source=$(cd "$1" && pwd)
    build=$(cd "$2" && pwd)
    local dir=$build/$name arguments=(--test --test-reporter=spec --test-concurrency=1)
    npm_install "$source/tests/$name" "$dir/npm"
    # The packages are found beside the tests, which the sources are not to be changed for.
    cp "$source/tests/$name"/*.mjs "$source/tests/support/stage.mjs" "${@:5}" "$dir/npm/"
    export LC_ALL=C.UTF-8 STUDIO_BIN=${STUDIO_BIN:-$build/bin} TESTS_KEPT=$dir
    PATH=$PATH:/usr/sbin # where mosquitto is
    if [[ -n $pattern ]]; then arguments+=("--test-name-pattern=$pattern"); fi
    exec node "${arguments[@]}" "$dir/npm/"test_*.mjs
}

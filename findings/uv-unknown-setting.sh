#!/bin/bash
# Guess: an older uv that meets a setting it does not know ignores that setting, and `required-version` makes it refuse the project.
# What happens: it prints a warning, ignores the whole [tool.uv] table with `required-version` in it, locks newer packages than
# `exclude-newer` allows, and ends with status 0. Without the unknown setting, the same uv refuses the project.
# Why it matters here: a generated service froze its versions with `exclude-newer` beside `exclude-dependencies`, which uv 0.8 does
# not know. Teammates with that uv got other versions without an error. The service now excludes a package by an override,
# which older versions of uv know too.
# Seen on 2026-11-30 with uv 0.8.0 and 0.9.30.
set -euo pipefail

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"

for version in 0.8.0 0.9.30; do
    python3 -m venv "uv-$version"
    "uv-$version/bin/pip" install -q "uv==$version"
done

project() {
    rm -rf project
    mkdir project
    cat > project/pyproject.toml << TOML
[project]
name = "x"
version = "1"
requires-python = ">=3.11"
dependencies = ["six<=1.16.0"]

[tool.uv]
required-version = ">=0.9"
exclude-newer = "2020-03-01T00:00:00Z"
$1
TOML
}

lock() {
    local status=0 six="none"
    (cd project && "../uv-$1/bin/uv" lock > ../printed 2>&1) || status=$?
    [ ! -f project/uv.lock ] || six=$(grep -A1 '^name = "six"' project/uv.lock | sed -n 's/^version = "\(.*\)"/\1/p')
    echo "uv $1, $2: status $status, six $six, $(grep -c '^warning: Failed to parse' printed || true) warning"
}

{
    for version in 0.8.0 0.9.30; do
        project ''
        lock "$version" "known settings"
        project 'exclude-dependencies = ["flask"]'
        lock "$version" "exclude-dependencies"
    done
} > seen
cat seen
cat > expected << 'TXT'
uv 0.8.0, known settings: status 2, six none, 0 warning
uv 0.8.0, exclude-dependencies: status 0, six 1.16.0, 1 warning
uv 0.9.30, known settings: status 0, six 1.14.0, 0 warning
uv 0.9.30, exclude-dependencies: status 0, six 1.14.0, 0 warning
TXT
diff expected seen || { echo "Changed: see the lines above ('<' is what was seen on 2026-11-30)." >&2; exit 1; }
echo "As described."

#!/bin/sh
# Drives the explorer with a real browser, against a real network under load. First brings what this
# machine lacks for that: Debian's chromium, and Playwright in an environment of its own.
#
#     sh tools/browser/run.sh            the checks, at 390 and 1440 pixels
#     sh tools/browser/run.sh DIR        the same, and pictures of every view into DIR
#
# Not part of ./check: it needs a browser of some hundred megabytes, and minutes.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
venv=$root/target/playwright

say() {
    printf 'browser: %s\n' "$*" >&2
}

if ! command -v chromium >/dev/null 2>&1; then
    install="apt-get install --yes --no-install-recommends chromium python3-venv"
    if ! command -v apt-get >/dev/null 2>&1 || [ "$(id -u)" -ne 0 ]; then
        say "chromium is needed; on Debian: sudo $install"
        exit 1
    fi
    say "$install"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update --quiet --quiet
    # Unquoted: several words.
    $install >/dev/null
fi
if ! [ -x "$venv/bin/python" ] || ! "$venv/bin/python" -c 'import playwright' 2>/dev/null; then
    python3 -m venv "$venv"
    # Without its own browsers: chromium is Debian's.
    "$venv/bin/pip" install --quiet --disable-pip-version-check playwright==1.65.2
fi
weft=${WEFT:-$root/target/release/weft}
if ! [ -x "$weft" ]; then
    (cd "$root" && cargo build --release --package weft)
fi
exec "$venv/bin/python" "$here/explorer.py" --weft "$weft" ${1:+--pictures "$1"}

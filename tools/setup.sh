#!/bin/sh
# Brings what the build needs and this machine lacks. Says nothing and does nothing if all is there.
#
#     sh tools/setup.sh          what ./dev needs
#     sh tools/setup.sh check    what ./check needs besides
#
# A script and not part of xtask: xtask is Rust, and even that does not link without a C compiler.
set -eu

say() {
    printf 'setup: %s\n' "$*" >&2
}

has() {
    command -v "$1" >/dev/null 2>&1
}

# A compiler without the headers of the C library passes `has`, but cannot build a thing.
compiles() {
    has cc && printf '#include <stdlib.h>\n' | cc -E - >/dev/null 2>&1
}

packages=
compiles || packages="gcc libc6-dev"
has git || packages="$packages git ca-certificates"

if [ -n "$packages" ]; then
    install="apt-get install --yes --no-install-recommends $packages"
    if ! has apt-get; then
        say "a C compiler with headers (cc) and git are needed; please install them"
        exit 1
    elif [ "$(id -u)" -ne 0 ]; then
        say "some system packages are missing; please type"
        say "    sudo $install"
        exit 1
    fi
    say "$install"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update --quiet --quiet
    # Unquoted: several words.
    $install >/dev/null
fi

# Clients that are not ours, for the tests of the gateway; without them those are left out.
if ! has mosquitto_pub || ! has coap-client-notls || ! has curl; then
    clients="mosquitto-clients libcoap3-bin curl"
    if has apt-get && [ "$(id -u)" -eq 0 ]; then
        say "apt-get install $clients"
        export DEBIAN_FRONTEND=noninteractive
        { apt-get update --quiet --quiet &&
            apt-get install --yes --no-install-recommends $clients >/dev/null; } ||
            say "went on without: $clients"
    else
        say "to test the gateway with them, please install: $clients"
    fi
fi

# The Python package of the tiny client is installed into a fresh environment by the tests.
if ! python3 -c 'import ensurepip, venv' >/dev/null 2>&1; then
    if has apt-get && [ "$(id -u)" -eq 0 ]; then
        say "apt-get install python3-venv"
        export DEBIAN_FRONTEND=noninteractive
        apt-get update --quiet --quiet
        apt-get install --yes --no-install-recommends python3-venv >/dev/null
    else
        say "to test the Python package, please install: python3-venv"
    fi
fi

if ! has cargo; then
    say "Rust is needed; please type"
    say "    curl https://sh.rustup.rs -sSf | sh"
    exit 1
fi

components=
cargo fmt --version >/dev/null 2>&1 || components="rustfmt"
cargo clippy --version >/dev/null 2>&1 || components="$components clippy"
if [ -n "$components" ]; then
    if ! has rustup; then
        say "missing beside cargo: $components; please install"
        exit 1
    fi
    # Unquoted: several words.
    rustup component add $components
fi

# `./check` counts instructions with valgrind, and builds the verifier for browsers and the client
# for microcontrollers for these targets; without them it says what it left out. Where there is no way to them, that is found out soon.
[ "${1:-}" = check ] || exit 0
if ! has valgrind; then
    if has apt-get && [ "$(id -u)" -eq 0 ]; then
        say "apt-get install valgrind"
        export DEBIAN_FRONTEND=noninteractive
        { apt-get update --quiet --quiet &&
            apt-get install --yes --no-install-recommends valgrind >/dev/null; } ||
            say "went on without: valgrind"
    else
        say "to count instructions, please install: valgrind"
    fi
fi
for target in wasm32-unknown-unknown thumbv7em-none-eabihf; do
    if has rustup && ! rustup target list --installed | grep -q "^$target\$"; then
        say "rustup target add $target"
        timeout 60 rustup target add "$target" >/dev/null 2>&1 || say "went on without: $target"
    fi
done

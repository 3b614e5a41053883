#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Builds the POSIX suites of src/suites/programs.txt from the registry of crates, statically, so that the guest can run them
# without libraries. The host's tests run them just as well.
#
#     vm/build-suites.sh [OUT]      # to OUT/bin, target/suites/bin if nothing is said
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-target/suites}
pins=src/suites/programs.txt
cargo=${CARGO:-cargo}
# What decides about the programs: their versions, the compiler, and how it is called.
key=$(cat "$pins" "$0" && "${RUSTC:-rustc}" --version)
[ "$(cat "$out/installed" 2>/dev/null)" != "$key" ] || exit 0
rm -f "$out/installed"
flags=(
	-Ctarget-feature=+crt-static
	-Cstrip=symbols
	"--remap-path-prefix=${CARGO_HOME:-${HOME-}/.cargo}=/cargo"
)
unset RUSTFLAGS
CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f' && echo "${flags[*]}")
export CARGO_ENCODED_RUSTFLAGS
mapfile -t programs <"$pins"
CARGO_TARGET_DIR=$out/build "$cargo" install --quiet --locked --force --no-track --target x86_64-unknown-linux-gnu --root "$out" \
	"${programs[@]}"
echo "$key" >"$out/installed"

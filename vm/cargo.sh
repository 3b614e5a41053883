#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Cargo, building in the release profile what names no path of this machine, in a directory that programs and tests share:
#
#     vm/cargo.sh test --test search
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
flags=("--remap-path-prefix=$root=/vexfs" "--remap-path-prefix=${CARGO_HOME:-${HOME-}/.cargo}=/cargo")
unset RUSTFLAGS
# Paths may hold spaces: only this variable separates flags without doubt.
CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f' && echo "${flags[*]}")
export CARGO_ENCODED_RUSTFLAGS
# With a target that is named, these flags are not those of build scripts and macros.
exec "${CARGO:-cargo}" "$1" --release --target x86_64-unknown-linux-gnu --target-dir "$root/target" "${@:2}"

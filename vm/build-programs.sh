#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Builds the programs statically, the same on every machine: the guest has no libraries, and the host runs them just as well, so that
# everything is compiled once. Options go to cargo.
#
#     vm/build-programs.sh [--quiet] [--bin NAME]      # to target/static/x86_64-unknown-linux-gnu/release
set -euo pipefail
cd "$(dirname "$0")/.."
flags=(
	-Ctarget-feature=+crt-static
	-Cstrip=debuginfo
	"--remap-path-prefix=$PWD=/vexfs"
	"--remap-path-prefix=${CARGO_HOME:-${HOME-}/.cargo}=/cargo"
)
unset RUSTFLAGS
# Paths may hold spaces: only this variable separates flags without doubt.
CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f' && echo "${flags[*]}")
export CARGO_ENCODED_RUSTFLAGS
# The target is named even where it is the host: build scripts and macros must not be linked statically.
exec "${CARGO:-cargo}" build --locked --release --target x86_64-unknown-linux-gnu --target-dir target/static "$@"

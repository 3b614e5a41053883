#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Builds the programs statically, the same on every machine: the guest has no libraries, and the host runs them just as well.
#
#     vm/build-programs.sh [--quiet] [--bin NAME]...     # to target/static
#
# All but the last step of each program is what vm/cargo.sh builds for the tests.
set -euo pipefail
cd "$(dirname "$0")/.."
programs=()
quiet=()
while [ $# -gt 0 ]; do
	case $1 in
	--quiet) quiet=(--quiet) ;;
	--bin) programs+=("$2") && shift ;;
	*) echo "vm/build-programs.sh: $1 is neither --quiet nor --bin NAME" >&2 && exit 2 ;;
	esac
	shift
done
[ ${#programs[@]} -gt 0 ] || programs=(vexfs vexfs-validate vexfs-init)
mkdir -p target/static
for program in "${programs[@]}"; do
	vm/cargo.sh rustc "${quiet[@]}" --locked --bin "$program" -- -Ctarget-feature=+crt-static -Cstrip=debuginfo
	# Whole at once: somebody may be running it.
	cp "target/x86_64-unknown-linux-gnu/release/$program" "target/static/.$program.$$"
	mv "target/static/.$program.$$" "target/static/$program"
done

#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# The flake, built and run for real with the stand-in for nixpkgs (nix/debian/README.md): what it must give, what must come out
# equal, and what must be refused, with the reason. `make nix` calls this; it takes root.
#
#     tests/nix.sh [--beside-suites]      # without the tests and clippy in the sandbox, which `make test` has of its own
set -uo pipefail
cd "$(dirname "$0")/.." || exit
root=$PWD
system=x86_64-linux
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
passed=0
failed=0

nix() { "$root/nix/debian/with" "$@"; }

# done_with NAME STATUS LOG: one line for each test; the end of its log where it went wrong.
done_with() {
	if [ "$2" = 0 ]; then
		passed=$((passed + 1))
		printf '%6d s  pass  %s\n' $((SECONDS - begun)) "$1"
	else
		failed=$((failed + 1))
		printf '%6d s  FAIL  %s\n' $((SECONDS - begun)) "$1"
		tail -n 40 "$3" | sed 's/^/          /'
	fi
}

# works NAME COMMAND...: exits with 0.
works() {
	local name=$1 status=0
	shift
	begun=$SECONDS
	"$@" >"$scratch/log" 2>&1 || status=$?
	done_with "$name" $status "$scratch/log"
}

# refused NAME REASON COMMAND...: does not exit with 0, and says REASON.
refused() {
	local name=$1 reason=$2 status=0
	shift 2
	begun=$SECONDS
	"$@" >"$scratch/log" 2>&1 || status=$?
	if [ $status = 0 ]; then
		echo "it was not refused" >>"$scratch/log"
		done_with "$name" 1 "$scratch/log"
	elif ! grep -qF -- "$reason" "$scratch/log"; then
		echo "it failed (exit code $status), but not for this reason: $reason" >>"$scratch/log"
		done_with "$name" 1 "$scratch/log"
	else
		done_with "$name" 0 "$scratch/log"
	fi
}

# checkout NAME: the files of this checkout, somewhere else and now.
checkout() {
	mkdir -p "$scratch/$1/vexfs"
	git ls-files -z | tar -c --null -T - | tar -x -m -C "$scratch/$1/vexfs"
	git -C "$scratch/$1/vexfs" init -q
	git -C "$scratch/$1/vexfs" add -A
	echo "$scratch/$1/vexfs"
}

# changed FILE SED: an edit that must have changed something.
changed() {
	cp "$1" "$scratch/before"
	sed -i "$2" "$1"
	if cmp -s "$1" "$scratch/before"; then
		echo "tests/nix.sh: $1 has nothing for $2" >&2
		exit 2
	fi
}

# built WHAT: where its output lies, seen from outside.
built() { nix build --no-link --print-out-paths "git+file://$root#$1" 2>/dev/null | sed "s|^/nix|$root/target/nix/store-root|"; }
drv() { nix eval --raw "git+file://$1#$2.drvPath" 2>/dev/null; }

echo "the flake, with the stand-in for nixpkgs"

works "flake.lock fits flake.nix" nix flake metadata --no-update-lock-file
if [ "${1-}" = --beside-suites ]; then
	works "nix flake check --no-build" nix flake check --no-build
	others='all: toString (builtins.attrNames (removeAttrs all [ "tests" "clippy" ]))'
	for check in $(nix eval --raw ".#checks.$system" --apply "$others"); do
		works "nix build .#checks.$system.$check" nix build -L ".#checks.$system.$check" --no-link
	done
else
	works "nix flake check" nix flake check -L
fi
works "nix build .#uml-debug-bundle" nix build -L .#uml-debug-bundle --no-link
for what in bundle uml-bundle image; do
	works "nix build .#$what" nix build -L .#$what --no-link
	works "nix build .#$what --rebuild: the same bytes" nix build -L .#$what --rebuild --no-link
done

# What a reviewer does. Results go to ./out of the caller.
reviewed() (
	mkdir "$scratch/reviewer" && cd "$scratch/reviewer" || exit
	nix run -L "git+file://$root#validate" -- --accel icount --once \
		--criteria "$(built "checks.$system.vm")/criteria.json" || exit
	cmp out/latest/results.json "$(built "checks.$system.vm")/results.json"
)
works "nix run .#validate: the results of the check in the sandbox, to the byte" reviewed
# And then with somebody else's pack: here, that of the run before, in another place.
reproduced() (
	cd "$scratch/reviewer" || exit
	nix shell "git+file://$root#toolkit" -c vexfs-validate pack --out pack.tar.gz || exit
	mkdir again && cd again || exit
	nix run -L "git+file://$root#reproduce" -- ../pack.tar.gz || exit
)
works "nix run .#reproduce: every figure to the digit" reproduced
refused "nix run .#validate keeps the exit code and passes arguments on" "unexpected argument '--nonsense'" \
	nix run .#validate -- --nonsense

# nix/attributes says what the flake uses.
nothing_idle() {
	local offered idle
	offered=$(nix eval --impure --raw --expr 'builtins.concatStringsSep "\n" (builtins.attrNames (import ./nix/debian/default.nix
		{ kernelVersion = ""; modDirVersion = ""; ccVersion = ""; rustVersion = ""; stamp = ""; }))' 2>/dev/null) || return
	idle=$(grep -vxFf <(nix/attributes --names; echo supplier) <<<"$offered")
	[ -z "$idle" ] || { echo "not used by the flake: $idle"; return 1; }
}
works "the stand-in offers nothing that the flake does not use" nothing_idle

# What an output is built from, all the way down.
built_from() { nix derivation show -r "$(drv "$root" "$1")"; }
without() { ! built_from "$1" | grep -F -- "$2"; }
works "validate waits for no peers and no disk with them" without validate vexfs-peers
# The bundles are named by their derivations, which are there, and built by a run alone.
before_help() {
	built_from "$1" >"$scratch/derivations.json" || return
	python3 - "$scratch/derivations.json" "$(drv "$root" "$1")" <<-'END'
		import json, re, sys
		derivations, waiting, found = json.load(open(sys.argv[1])), [sys.argv[2]], set()
		while waiting:
		    derivation = waiting.pop()
		    if derivation not in found:
		        found.add(derivation)
		        waiting += derivations[derivation]["inputDrvs"]
		name = lambda derivation: derivation.split("-", 1)[1]
		late = r"vexfs-(bundle|module|peers)|linux-(uml|6)"
		early = sorted(name(d) for d in found if re.match(late, name(d)))
		named = [d for d in derivations if re.match("vexfs-bundle", name(d))]
		sys.exit(f"built first: {early}; bundles that are named: {len(named)}" if early or len(named) != 3 else 0)
	END
}
for command in validate validate-peers reproduce reproduce-peers; do
	works "$command -- --help waits for no kernel, bundle or peers" before_help $command
done
# Its programs are links to the host's, which are there where /nix is.
in_dev_shell() {
	local shell
	shell=$(nix build --no-link --print-out-paths "git+file://$root#devShells.$system.default" 2>/dev/null) || return
	# shellcheck disable=SC2016
	nix shell "git+file://$root#toolkit" -c bash -euc '
		inputs=$(sed -n "s/^declare -x nativeBuildInputs=\"\(.*\)\"$/\1/p" "$1")
		base=$(sed -n "s/^declare -x basePath=\"\(.*\)\"$/\1/p" "$1")
		path=$(printf "%s/bin:" $inputs $base)
		PATH=$path VEXFS_DEV_SHELL=1 bash vm/install-host-tools.sh
	' - "$shell"
}
works "the dev shell has what the Makefile needs" in_dev_shell
works "no bundle waits for the toolkit's tests" without bundle vexfs-tests
pinned_files() {
	built_from peers >"$scratch/peers.json" || return
	python3 - "$scratch/peers.json" peers/wheels.json peers/requirements.txt <<-'END'
		import json, re, sys
		derivations, files = json.load(open(sys.argv[1])).values(), json.load(open(sys.argv[2]))
		pinned = re.findall(r"sha256:(\w+)", open(sys.argv[3]).read())
		fetched = {(d["name"], d["outputs"]["out"].get("hash")) for d in derivations}
		lacking = [f["file"] for f in files if (f["file"], f["sha256"]) not in fetched or f["sha256"] not in pinned]
		sys.exit(f"not fetched as pinned: {lacking}" if lacking or len(files) < 80 else 0)
	END
}
works "the peers are the files of peers/wheels.json, by hashes of peers/requirements.txt" pinned_files

# Elsewhere and later, with other documentation.
other=$(checkout elsewhere)
echo "One more line." >>"$other/README.md"
for what in toolkit module bundle uml-bundle image; do
	works "another checkout gives the same $what" [ "$(drv "$root" $what)" = "$(drv "$other" $what)" ]
done

echo "what must be refused"

lock=$(checkout lock)
changed "$lock/flake.nix" 's|"github:NixOS/nixpkgs/nixos-26.05"|"path:./nix/debian"|'
refused "flake.lock of another flake.nix" "--no-update-lock-file" \
	nix flake metadata --no-update-lock-file "git+file://$lock"

stale=$(checkout stale)
changed "$stale/Cargo.toml" '/^\[dependencies\]/a humantime = "2"'
refused "a stale Cargo.lock" "no matching package named \`humantime\` found" nix build -L "git+file://$stale#toolkit" --no-link

crate=$(checkout crate)
changed "$crate/Cargo.lock" '/^name = "anyhow"/,/^checksum/s/^checksum = ".\{8\}/checksum = "00000000/'
refused "a wrong hash of a crate" "hash mismatch in fixed-output derivation" \
	nix build -L "git+file://$crate#toolkit" --no-link

input=$(checkout input)
changed "$input/nix/module.nix" '/nativeBuildInputs/d'
refused "a module without its nativeBuildInputs" "pahole: command not found" \
	nix build -L "git+file://$input#module" --no-link

flags=$(checkout flags)
changed "$flags/nix/module.nix" 's/makeFlags = kernelModuleMakeFlags/makeFlags = kernel.makeFlags/'
refused "a module with the kernel's own makeFlags" "attribute 'makeFlags' missing" \
	nix build -L "git+file://$flags#module" --no-link

other_kernel=$(checkout other-kernel)
changed "$other_kernel/nix/module.nix" 's|^  installPhase = .*|&\n    sed -i "s/vermagic=6\\.12\\.[0-9]/vermagic=6.12.0/" vexfs.ko|'
refused "a module for another kernel" "was built for the kernel 6.12.0" \
	nix build -L "git+file://$other_kernel#bundle" --no-link

series=$(checkout series)
changed "$series/nix/kernels.nix" '/"6\.12"/d'
refused "a module for a series of Linux that it was not built for" "is marked as broken" \
	nix eval --raw "git+file://$series#module.drvPath"

fewer=$(checkout fewer)
changed "$fewer/nix/vm-check.json" 's/"cycles": 3/"cycles": 2/'
refused "a run in the sandbox that misses a limit" "verdict: FAIL" \
	nix build -L "git+file://$fewer#checks.$system.uml" --no-link

cp -r "$(built bundle)" "$scratch/bundle"
chmod -R u+w "$scratch/bundle"
printf 'V' | dd of="$scratch/bundle/initramfs" bs=1 seek=4096 conv=notrunc status=none
refused "a bundle with one changed byte" "initramfs is not the file that the manifest describes" \
	nix shell .#toolkit -c vexfs-validate run --bundle "$scratch/bundle" --out "$scratch/out" \
	--accel icount --criteria nix/vm-check.json

echo "bundle $(sed -n 's/.*"bundle_blake3": "\([0-9a-f]*\)".*/\1/p' "$scratch/reviewer/out/latest/verdict.json")"
echo "$passed passed, $failed failed"
[ $failed = 0 ]

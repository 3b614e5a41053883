# SPDX-License-Identifier: MIT OR Apache-2.0
# shellcheck shell=bash disable=SC2154,SC2086,SC2164
# nixpkgs' generic builder and its hooks for Rust: the parts that the flake uses.
set -eo pipefail
PATH=
for i in $nativeBuildInputs $basePath; do PATH=$PATH${PATH:+:}$i/bin; done
export PATH HOME=/homeless-shelter SHELL=/nix/debian/usr/bin/bash CONFIG_SHELL=/nix/debian/usr/bin/bash
# What the bundles have compiled is not compiled again.
export CCACHE=/nix/debian/usr/bin/ccache CCACHE_DIR=/nix/debian/ccache
export SOURCE_DATE_EPOCH=1 TZ=UTC LC_ALL=C.UTF-8
target=x86_64-unknown-linux-gnu
makeFlagsArray=()

runHook() { if [ -n "${!1-}" ]; then eval "${!1}"; fi; }
unpackPhase() {
	runHook preUnpack
	sourceRoot=$(basename "$src")
	sourceRoot=${sourceRoot#*-}
	case $src in
	*.tar.xz)
		sourceRoot=${sourceRoot%.tar.xz}
		mkdir "$sourceRoot"
		tar xf "$src" -C "$sourceRoot" --strip-components=1
		;;
	*) cp -r "$src" "$sourceRoot" ;;
	esac
	chmod -R u+w "$sourceRoot"
	if [ -n "$isRust" ]; then
		mkdir -p .cargo
		printf '[source.crates-io]\nreplace-with = "vendored-sources"\n[source.vendored-sources]\ndirectory = "%s"\n' \
			"$cargoDeps" >.cargo/config.toml
	fi
	runHook postUnpack
	cd "$sourceRoot"
}
patchPhase() {
	runHook prePatch
	runHook postPatch
	if [ -n "$isRust" ]; then
		diff Cargo.lock "$cargoDeps/Cargo.lock" || { echo "ERROR: Cargo.lock is not the one that was vendored" >&2; exit 1; }
	fi
}
# As in nixpkgs, makeFlags are split at white space and expanded by make alone.
flagged() { (set -x; make SHELL="$SHELL" ${enableParallelBuilding:+-j$NIX_BUILD_CORES} $makeFlags "${makeFlagsArray[@]}" "$@"); }
cargoed() {
	(
		export CARGO_PROFILE_RELEASE_STRIP=false RUST_TEST_THREADS=$NIX_BUILD_CORES
		set -x
		cargo "$1" -j "$NIX_BUILD_CORES" --profile release --target $target --offline "${@:2}"
	)
}
buildPhase() {
	runHook preBuild
	if [ -n "$isRust" ]; then cargoed build $cargoBuildFlags; else flagged; fi
	runHook postBuild
}
checkPhase() {
	runHook preCheck
	cargoed test $cargoTestFlags -- $checkFlags
	runHook postCheck
}
installPhase() {
	runHook preInstall
	mkdir -p "$out/bin"
	find target/$target/release -maxdepth 1 -type f -executable ! -name '*.so' -exec cp -t "$out/bin" {} +
	runHook postInstall
}
fixupPhase() {
	local o
	for o in ${outputs:-out}; do
		[ -e "${!o}" ] || { echo "output $o was not made" >&2; exit 1; }
		if [ -n "$(find "${!o}" -xtype l)" ]; then echo "broken links:"; find "${!o}" -xtype l; exit 1; fi
		[ -z "$dontStrip" ] || continue
		find "${!o}" -type f \( -path '*/bin/*' -o -path '*/lib/*' \) -exec bash -c \
			'for f; do [ "$(head -c4 "$f" | tail -c3)" != ELF ] || { chmod u+w "$f"; strip -S -p "$f"; }; done' bash {} +
	done
}

export CARGO_HOME=$NIX_BUILD_TOP/.cargo-home
for i in unpack patch build check install; do # a phase given as an attribute
	p=${i}Phase
	if [ -n "${!p-}" ]; then eval "$p() { eval \"\$$p\"; }"; fi
done
if [ -n "${buildCommand-}" ]; then
	if [ -n "${buildCommandPath-}" ]; then buildCommand=$(<"$buildCommandPath"); fi
	eval "$buildCommand"
else
	for i in unpack patch build check install fixup; do
		[ $i != check ] || [ -n "$doCheck" ] || continue
		echo "Running phase: ${i}Phase"
		${i}Phase
	done
fi

#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# get-nix.sh DIR [SUITE]: the Nix of Debian's SUITE (trixie: 2.26) into DIR, beside the host's own packages. Debian 12's own
# Nix, 2.8, is too old. DIR/nix and DIR/nix-store, which are one program, run it with the libraries of that suite. Nothing is
# installed; does nothing where it is there.
set -euo pipefail
dir=$(realpath -m "$1")
suite=${2:-trixie}
if [ -x "$dir/nix" ] && [ -x "$dir/nix-store" ]; then exit 0; fi

# The mirror is the one that this machine's own apt is set up with.
codename=$(. /etc/os-release && echo "${VERSION_CODENAME-}")
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: $codename" 'Component: main' | head -n 1)
if [ -z "$mirror" ]; then
	echo "this machine's apt has no Debian mirror, from which Nix comes: name one in /etc/apt/sources.list" >&2
	exit 2
fi
echo "getting Nix from Debian's $suite"
rm -rf "$dir"
mkdir -p "$dir"/{lists/partial,archives/partial,parts}
printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' "$mirror" "$suite" \
	/usr/share/keyrings/debian-archive-keyring.gpg >"$dir/parts/suite.sources"
apt=(apt-get -qq -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$dir/parts" -o "Dir::State::Lists=$dir/lists"
	-o "Dir::Cache::archives=$dir/archives" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o Dir::State::status=/dev/null
	-o APT::Sandbox::User=root)
"${apt[@]}" update
"${apt[@]}" install --download-only --no-install-recommends -y nix-bin >/dev/null
for package in "$dir"/archives/*.deb; do dpkg-deb -x "$package" "$dir/root"; done
rm -rf "$dir"/{lists,archives,parts}
# nix-store would call itself to ask for remote builders, and take its loader for itself; ./with tells nix the same.
for name in nix-store nix; do
	options=
	[ $name = nix ] || options="--option build-hook ''"
	cat >"$dir/$name.partial" <<-END
		#!/bin/sh
		exec $dir/root/usr/lib64/ld-linux-x86-64.so.2 --argv0 $name --library-path $dir/root/usr/lib/x86_64-linux-gnu $dir/root/usr/bin/nix $options "\$@"
	END
	chmod +x "$dir/$name.partial"
	"$dir/$name.partial" --version
	mv "$dir/$name.partial" "$dir/$name"
done

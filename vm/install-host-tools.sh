#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# What a Debian 12 host needs besides Rust, to build the bundle, boot it and run the tests. Does nothing where all is there.
# `--browser` adds Chromium, in which a test looks at the report. In the dev shell of Nix nothing is installed, whoever calls
# this: what it lacks is named.
# QEMU comes from bookworm-backports: the one of Debian 12 itself (7.2) corrupts cmpxchg16b under TCG (docs/machine.md).
set -euo pipefail

tools=(gcc ld make bc bison flex patch perl pahole sparse xz python3)
files=(/usr/include/stdlib.h /usr/lib/x86_64-linux-gnu/libc.a /usr/lib/x86_64-linux-gnu/libelf.so.1 /usr/lib/python3*/ensurepip)
packages=(gcc libc6-dev binutils make bc bison flex patch perl pahole sparse xz-utils libelf1 python3-venv ca-certificates)
# For the bootable image: systemd's EFI stub goes into it, UEFI firmware boots it, the others examine it.
files+=(/usr/lib/systemd/boot/efi/linuxx64.efi.stub /usr/share/OVMF/OVMF_CODE_4M.fd /sbin/sgdisk /sbin/fsck.vfat)
packages+=(systemd-boot-efi ovmf gdisk dosfstools)
# For the peers, which can be done without: hnswlib is built from its sources.
wanted=()
headers=$(python3 -c 'import sysconfig; print(sysconfig.get_path("include"))' 2>/dev/null || true)
command -v g++ >/dev/null || wanted+=(g++)
[ -e "$headers/Python.h" ] || wanted+=(Python.h)
packages+=(g++ python3-dev)
# Without root, mounts are made by it.
tools+=(fusermount3)
packages+=(fuse3)
# For the flake, without nixpkgs: it compiles a second time what the bundles have compiled.
tools+=(git shellcheck ccache)
packages+=(git shellcheck ccache)

if [ "${1:-}" = --browser ]; then
	tools+=(chromium chromedriver)
	packages+=(chromium chromium-driver fonts-dejavu-core)
fi

missing=()
# These paths are Debian's.
[ -z "${VEXFS_DEV_SHELL-}" ] || files=()
for t in "${tools[@]}"; do command -v "$t" >/dev/null || missing+=("$t"); done
for f in "${files[@]}"; do compgen -G "$f" >/dev/null || missing+=("$f"); done
# Nothing where there is no QEMU.
qemu_major() { (qemu-system-x86_64 --version 2>/dev/null || true) | sed -n 's/.*version \([0-9]*\).*/\1/p'; }
major=$(qemu_major)
[ "${major:-0}" -ge 8 ] || missing+=("qemu-system-x86_64 >= 8")
if [ "$(id -u)" = 0 ] && [ -z "${VEXFS_DEV_SHELL-}" ] && command -v apt-get >/dev/null; then missing+=("${wanted[@]}"); fi
[ ${#missing[@]} -gt 0 ] || exit 0

if [ -n "${VEXFS_DEV_SHELL-}" ]; then
	echo "The dev shell lacks what VexFS needs: ${missing[*]}. nix/shell.nix should have it." >&2
	exit 2
fi

if [ "$(id -u)" != 0 ]; then
	echo "VexFS needs on this host: ${missing[*]}. An administrator installs them with: sudo $(realpath "$0")${1:+ $1}" >&2
	exit 2
fi
if ! command -v apt-get >/dev/null; then
	echo "VexFS needs on this host: ${missing[*]}. Install them with this system's package manager." >&2
	exit 2
fi
echo "installing what this host lacks: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -qq install -y --no-install-recommends "${packages[@]}" >/dev/null
major=$(qemu_major)
if [ "${major:-0}" -lt 8 ]; then
	# The mirror is the one that this machine's own apt is set up with; its configuration stays as it is.
	mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' 'Component: main' | head -n 1)
	if [ -z "$mirror" ]; then
		echo "This is no Debian 12 with a mirror: install QEMU 8 or newer with its package manager." >&2
		exit 2
	fi
	dir=$(mktemp -d)
	trap 'rm -rf "$dir"' EXIT
	mkdir -p "$dir/parts" "$dir/lists/partial"
	cp /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list "$dir/parts" 2>/dev/null || true
	printf 'Types: deb\nURIs: %s\nSuites: bookworm-backports\nComponents: main\nSigned-By: %s\n' "$mirror" \
		/usr/share/keyrings/debian-archive-keyring.gpg >"$dir/parts/backports.sources"
	apt=(apt-get -qq -o "Dir::Etc::sourceparts=$dir/parts" -o "Dir::State::Lists=$dir/lists")
	"${apt[@]}" update
	"${apt[@]}" install -y --no-install-recommends -t bookworm-backports qemu-system-x86 >/dev/null
fi
qemu-system-x86_64 --version | head -n 1

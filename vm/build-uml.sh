#!/bin/bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Builds User-Mode Linux from unpacked sources, where they lie, and moves what is worth keeping to the new or empty OUT:
#
#     vm/build-uml.sh SOURCE OUT [FRAGMENT]
#
# The options are those of vm/uml.config; FRAGMENT has further ones, which outweigh them.
#
#     OUT/linux                                 the kernel, a static program
#     OUT/lib/modules/RELEASE/modules.builtin   what is built in
#     OUT/lib/modules/RELEASE/build             what modules are built from; it may be moved
#
# The compiler is $CC, or else gcc. The same sources, compiler and C library give the same bytes, wherever SOURCE lies.
# Where $CCACHE names a ccache, what it has compiled already is taken from $CCACHE_DIR.
set -euo pipefail
recipe=$(realpath "$(dirname "$0")")
source=$1 out=$2 further=${3:-/dev/null} cc=${CC:-gcc} cached=${CCACHE:+$CCACHE }

# None of the caller's flags: arch/um takes CFLAGS as they are.
unset MAKEFLAGS CFLAGS CPPFLAGS LDFLAGS KCFLAGS KAFLAGS KCPPFLAGS KBUILD_OUTPUT CROSS_COMPILE
export LC_ALL=C
# ccache takes these for a part of what is compiled.
unset LANG LANGUAGE LC_CTYPE LC_MESSAGES
# The kernel carries its configuration, and Kconfig writes there what it finds: the name by which the compiler was called, and the
# versions of a rustc and a pahole that have no part in it.
compiler=$("$cc" --version)
compiler=${compiler%%$'\n'*}
found=(CC_VERSION_TEXT="gcc ${compiler#* }" RUSTC=none PAHOLE=none)
# By one name for all of its names: ccache takes it for a part of what is compiled.
[ -z "$cached" ] || CCACHE_COMPILER=$(realpath "$(command -v "$cc")")
export CCACHE_COMPILER
# Within the sources all paths are relative. An empty LOCALVERSION keeps git's state out of the release.
build=(
	make --silent --no-print-directory -C "$source" -j "${JOBS:-$(nproc)}" ARCH=um CC="$cached$cc" HOSTCC="$cached$cc" LOCALVERSION=
	"${found[@]}" KBUILD_BUILD_TIMESTAMP=1970-01-01 KBUILD_BUILD_USER=vexfs KBUILD_BUILD_HOST=vexfs KBUILD_BUILD_VERSION=1
)
# Strictly: a kernel that needs the patch no more refuses it.
patch --quiet --batch --forward --fuzz=0 -d "$source" -p1 <"$recipe/uml-host.patch"
# What the further options name is theirs to say.
named=$(grep -oE '^(# )?CONFIG_[A-Z0-9_]+' "$further" | sed 's/^# //' || true)
fragment=$source/vexfs.config
grep -vE "^(# )?($(paste -sd'|' <<<"${named:-none}"))[= ]" "$recipe/uml.config" | cat - "$further" >"$fragment"
"${build[@]}" KCONFIG_ALLCONFIG="$fragment" allnoconfig

# Kconfig says nothing when it drops an option: it may depend on another, or be gone.
dropped=$(grep '^CONFIG_' "$fragment" | grep -vxF -f "$source/.config" | cut -d= -f1 | paste -sd' ' || true)
if [ -n "$dropped" ]; then
	echo "${3:-vm/uml.config}: this kernel's Kconfig drops $dropped" >&2
	exit 1
fi

"${build[@]}" all

release=$(<"$source/include/config/kernel.release")
modules=$out/lib/modules/$release
mkdir -p "$modules/build/arch/x86"
mv "$source/linux" "$out"
mv "$source/modules.builtin" "$modules"
mv "$source"/{Makefile,.config,Module.symvers,include,scripts} "$modules/build"
mv "$source/arch/um" "$modules/build/arch"
mv "$source"/arch/x86/{Makefile*,include,um} "$modules/build/arch/x86"
find "$modules/build" -xtype l -delete
find "$modules/build/arch" \( -name '*.[oa]' -o -name '.*.cmd' \) -delete

# SPDX-License-Identifier: MIT OR Apache-2.0
# User-Mode Linux from the sources of whichever linuxPackages calls this, with what modules for it are built from.
# The debug kernel looks for faults of the module, and is slow.
{
  lib,
  stdenv,
  kernel,
  bc,
  bison,
  flex,
  glibc,
  perl,
  debug ? false,
}:
let
  recipe = lib.fileset.toSource {
    root = ../vm;
    fileset = lib.fileset.unions [
      ../vm/build-uml.sh
      ../vm/uml.config
      ../vm/uml-host.patch
    ];
  };
  # Further options, and what they add to the release.
  options = if debug then "${../vm/debug.config}" else "";
  modDirVersion = "${kernel.version}-vexfs-uml${if debug then "-debug" else ""}";
  uml = stdenv.mkDerivation {
    pname = "linux-uml";
    inherit (kernel) version src;

    nativeBuildInputs = [
      bc
      bison
      flex
      perl
    ];
    # It runs on any host, without libraries.
    buildInputs = [ glibc.static ];
    hardeningDisable = [ "all" ];
    # What modules are built from stays as it was built; these two would look at each of its files.
    dontStrip = true;
    dontPatchELF = true;

    buildPhase = ''
      runHook preBuild
      JOBS=$NIX_BUILD_CORES bash ${recipe}/build-uml.sh . $out ${options}
      runHook postBuild
    '';
    installPhase = "test -d $out/lib/modules/${modDirVersion}";

    # As a kernel of nixpkgs has them, for module.nix and bundle.nix.
    passthru = {
      inherit modDirVersion;
      inherit (kernel) kernelOlder;
      dev = uml;
      modules = uml;
      moduleBuildDependencies = [ perl ];
    };

    meta = {
      description = "Linux as a program of the host";
      license = lib.licenses.gpl2Only;
      platforms = [ "x86_64-linux" ];
    };
  };
in
uml

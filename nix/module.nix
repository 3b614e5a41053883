# SPDX-License-Identifier: MIT OR Apache-2.0
# vexfs.ko for the kernel of whichever linuxPackages calls this.
{
  lib,
  stdenv,
  kernel,
  kernelModuleMakeFlags,
}:
stdenv.mkDerivation {
  pname = "vexfs-module";
  version = "${(import ./version.nix).version}-${kernel.version}";

  src = lib.fileset.toSource {
    root = ../kernel;
    fileset = lib.fileset.unions [
      ../kernel/Kbuild
      ../kernel/Makefile
      (lib.fileset.fileFilter (file: file.hasExt "c" || file.hasExt "h") ../kernel)
    ];
  };

  hardeningDisable = [
    "pic"
    "format"
  ];
  nativeBuildInputs = kernel.moduleBuildDependencies;
  makeFlags = kernelModuleMakeFlags ++ [
    "KDIR=${kernel.dev}/lib/modules/${kernel.modDirVersion}/build"
    # Where this is set, pahole writes the types in one order, whatever the number of its threads.
    "KBUILD_BUILD_TIMESTAMP=@1"
  ];
  enableParallelBuilding = true;

  # Its bytes, the build id among them, must not tell where it was built.
  preBuild = ''
    makeFlagsArray+=(
      "KCFLAGS=-ffile-prefix-map=$PWD=vexfs $moduleFlags"
      "KAFLAGS=-ffile-prefix-map=$PWD=vexfs"
    )
  '';

  # modules_install would compress it where the kernel's configuration says so: the bundle takes it as it is.
  installPhase = ''
    runHook preInstall
    install -Dm444 -t $out/lib/modules/${kernel.modDirVersion}/extra vexfs.ko
    runHook postInstall
  '';

  meta = {
    description = "Kernel module that makes vector files searchable through a stackable filesystem";
    license = lib.licenses.gpl2Only;
    platforms = [ "x86_64-linux" ];
    # Stacked filesystems use functions that change from version to version.
    broken = !builtins.elem (lib.versions.majorMinor kernel.version) (import ./kernels.nix);
  };
}

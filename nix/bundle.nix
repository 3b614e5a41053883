# SPDX-License-Identifier: MIT OR Apache-2.0
# The bundle: made by the toolkit, from nixpkgs' kernel and the module and program that were built for it.
{
  lib,
  stdenv,
  e2fsprogs,
  runCommand,
  writeText,
  rustc,
  kernel,
  module,
  toolkit,
  # What boots it, and what of the kernel that is.
  machine ? "qemu",
  image ? "bzImage",
  # What else the guest is for (vexfs-validate assemble --help).
  roles ? [ ],
  # The stand-in for nixpkgs says here who it is.
  supplier ? "nixpkgs",
}:
let
  release = kernel.modDirVersion;
  storeHash =
    package: builtins.substring 0 32 (baseNameOf (builtins.unsafeDiscardStringContext package.outPath));
  provenance = writeText "provenance.json" (
    builtins.toJSON {
      kernel = {
        inherit release supplier;
        packages = [
          {
            name = "linux";
            inherit (kernel) version;
            hash = "nix:${storeHash kernel}";
          }
        ];
      };
      module_compiler = lib.getName stdenv.cc.cc + " " + lib.getVersion stdenv.cc.cc;
      guest_compiler = "rustc " + lib.getVersion rustc;
    }
  );
in
runCommand "vexfs-bundle-${release}"
  {
    nativeBuildInputs = [
      toolkit
      e2fsprogs
    ];
    passthru = { inherit kernel module; };
  }
  ''
    vexfs-validate assemble \
      --machine ${machine} \
      --kernel ${kernel}/${image} \
      --modules ${kernel.modules}/lib/modules/${release} \
      --module ${module}/lib/modules/${release}/extra/vexfs.ko \
      --init ${toolkit}/bin/vexfs-init \
      --provenance ${provenance} \
      ${lib.concatMapStringsSep " " (role: "--role ${role}") roles} \
      --out $out
  ''

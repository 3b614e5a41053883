# SPDX-License-Identifier: MIT OR Apache-2.0
# A command that runs on the bundles, with this QEMU, and beside these peers where any are given. Its results go to ./out of
# whoever calls it.
{
  lib,
  writeShellApplication,
  qemu_kvm,
  toolkit,
  bundle,
  umlBundle,
  debugBundle,
  peers ? null,
  peersDisk ? null,
  # How it is called, and what vexfs-validate is to do.
  name,
  subcommand,
  description,
}:
let
  # Named by its derivation, which vexfs-validate has built when a run needs it: --help waits for no kernel. What is built of it
  # is no dependency of this command.
  later = package: builtins.unsafeDiscardOutputDependency package.drvPath;
in
writeShellApplication {
  inherit name;
  runtimeInputs = [
    toolkit
    qemu_kvm
  ];
  text = ''
    exec vexfs-validate ${subcommand} \
      --qemu-bundle ${later bundle} --uml-bundle ${later umlBundle} --debug-bundle ${later debugBundle} \
      ${
        lib.optionalString (
          peers != null
        ) "--peers ${later peers}/bin/python3 --peers-disk ${later peersDisk}"
      } "$@"
  '';
  meta = { inherit description; };
}

# SPDX-License-Identifier: MIT OR Apache-2.0
# A command that runs on the bundle, with this QEMU, and beside these peers where any are given. Its results go to ./out of
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
writeShellApplication {
  inherit name;
  runtimeInputs = [
    toolkit
    qemu_kvm
  ];
  text = ''
    exec vexfs-validate ${subcommand} \
      --bundle ${bundle} --uml-bundle ${umlBundle} --debug-bundle ${debugBundle} \
      ${
        lib.optionalString (peers != null) "--peers ${peers}/bin/python3 --peers-disk ${peersDisk}"
      } "$@"
  '';
  meta = { inherit description; };
}

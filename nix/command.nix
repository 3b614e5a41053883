# SPDX-License-Identifier: MIT OR Apache-2.0
# A command that runs on the bundle, with this QEMU and these peers. Its results go to ./out of whoever calls it.
{
  writeShellApplication,
  qemu_kvm,
  toolkit,
  bundle,
  umlBundle,
  debugBundle,
  peers,
  peersDisk,
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
      --peers ${peers}/bin/python3 --peers-disk ${peersDisk} "$@"
  '';
  meta = { inherit description; };
}

# SPDX-License-Identifier: MIT OR Apache-2.0
# `nix run .#validate`: a run on the bundle, with this QEMU. Its results go to ./out of whoever calls it.
{
  writeShellApplication,
  qemu_kvm,
  toolkit,
  bundle,
  peers,
  peersDisk,
}:
writeShellApplication {
  name = "vexfs-validation";
  runtimeInputs = [
    toolkit
    qemu_kvm
  ];
  text = ''
    exec vexfs-validate run --bundle ${bundle} --peers ${peers}/bin/python3 --peers-disk ${peersDisk} "$@"
  '';
  meta.description = "Boots the bundle, runs the workload through both drivers, gives a verdict";
}

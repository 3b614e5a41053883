# SPDX-License-Identifier: MIT OR Apache-2.0
# `nix run .#reproduce -- FILE`: a pack verified, run again on the bundle with this QEMU, and compared. The results go to ./out of
# whoever calls it.
{
  writeShellApplication,
  qemu_kvm,
  toolkit,
  bundle,
  peers,
}:
writeShellApplication {
  name = "vexfs-reproduction";
  runtimeInputs = [
    toolkit
    qemu_kvm
  ];
  text = ''
    exec vexfs-validate reproduce --bundle ${bundle} --peers ${peers}/bin/python3 "$@"
  '';
  meta.description = "Verifies a pack, runs the same again on the bundle, and compares";
}

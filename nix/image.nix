# SPDX-License-Identifier: MIT OR Apache-2.0
# One disk image that boots on any virtual machine with UEFI and validates by itself (docs/image.md).
{
  runCommand,
  systemd,
  toolkit,
  bundle,
}:
runCommand "vexfs-image"
  {
    nativeBuildInputs = [ toolkit ];
  }
  ''
    mkdir $out
    vexfs-validate image \
      --bundle ${bundle.override { roles = [ "disks" ]; }} \
      --stub ${systemd}/lib/systemd/boot/efi/linuxx64.efi.stub \
      --out $out/vexfs.img
  ''

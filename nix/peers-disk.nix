# SPDX-License-Identifier: MIT OR Apache-2.0
# The disk from which a guest runs the engines of peers.nix, where KVM works.
{
  runCommand,
  closureInfo,
  e2fsprogs,
  toolkit,
  peers,
}:
runCommand "vexfs-peers.ext4"
  {
    nativeBuildInputs = [
      e2fsprogs
      toolkit
    ];
  }
  ''
    vexfs-validate peers-disk --closure ${closureInfo { rootPaths = [ peers ]; }}/store-paths --out $out
  ''

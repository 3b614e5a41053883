# SPDX-License-Identifier: MIT OR Apache-2.0
# All that development needs, and what the Makefile's targets need here (develop.mk). vm/install-host-tools.sh looks for it.
{
  mkShell,
  toolkit,
  module,
  bc,
  bison,
  ccache,
  clippy,
  flex,
  fuse3,
  git,
  nixfmt,
  pahole,
  perl,
  python313,
  qemu_kvm,
  rustfmt,
  shellcheck,
  sparse,
}:
let
  # Of tests/requirements.in, in nixpkgs' versions.
  python = python313.withPackages (packages: [
    packages.h5py
    packages.numpy
    packages.selenium
  ]);
in
mkShell {
  inputsFrom = [
    toolkit
    module
  ];
  packages = [
    bc
    bison
    ccache
    clippy
    flex
    fuse3
    git
    nixfmt
    pahole
    perl
    python
    qemu_kvm
    rustfmt
    shellcheck
    sparse
  ];
  env = {
    VEXFS_DEV_SHELL = "1";
    VEXFS_PYTHON = "${python}/bin/python3";
  };
}

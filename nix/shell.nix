# SPDX-License-Identifier: MIT OR Apache-2.0
# All that development needs.
{
  mkShell,
  toolkit,
  module,
  clippy,
  rustfmt,
  nixfmt,
  qemu_kvm,
  shellcheck,
  sparse,
}:
mkShell {
  inputsFrom = [
    toolkit
    module
  ];
  packages = [
    clippy
    rustfmt
    nixfmt
    qemu_kvm
    shellcheck
    sparse
  ];
}

# SPDX-License-Identifier: MIT OR Apache-2.0
# Rust and Nix as their formatters write them.
{
  lib,
  runCommand,
  cargo,
  rustfmt,
  nixfmt,
}:
let
  sources = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.unions [
      ../Cargo.toml
      ../Cargo.lock
      ../src
      ../tests
      (lib.fileset.fileFilter (file: file.hasExt "nix") ../.)
    ];
  };
in
runCommand "vexfs-format"
  {
    nativeBuildInputs = [
      cargo
      rustfmt
      nixfmt
    ];
  }
  ''
    cd ${sources}
    cargo fmt --check
    find . -name '*.nix' -exec nixfmt --check {} +
    touch $out
  ''

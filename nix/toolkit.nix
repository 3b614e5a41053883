# SPDX-License-Identifier: MIT OR Apache-2.0
# vexfs, which is mount.fuse.vexfs as well, vexfs-validate and vexfs-init (PID 1 of the guest), each one static program.
{
  lib,
  callPackage,
  rustPlatform,
  installShellFiles,
  e2fsprogs,
  glibc,
}:
let
  toolkit = rustPlatform.buildRustPackage {
    pname = "vexfs";
    inherit (import ./version.nix) version;

    src = lib.fileset.toSource {
      root = ../.;
      fileset = lib.fileset.unions [
        ../Cargo.toml
        ../Cargo.lock
        ../src
        # Cargo.toml names it.
        ../tests/fuzz/staticlib.rs
        ../vm
        ../kernel/uapi
        ../peers
      ];
    };
    cargoLock.lockFile = ../Cargo.lock;

    # A test makes the empty ext4 of the guest.
    nativeBuildInputs = [
      installShellFiles
      e2fsprogs
    ];
    # The guest has no libraries.
    buildInputs = [ glibc.static ];
    env.RUSTFLAGS = "-C target-feature=+crt-static";

    # Nothing that is built of it waits for its tests: tests.nix.
    doCheck = false;

    postInstall = ''
      ln -s vexfs $out/bin/mount.fuse.vexfs
      $out/bin/vexfs-validate manual manual
      installManPage manual/man/*
      for name in vexfs vexfs-validate; do
        installShellCompletion --cmd $name \
          --bash manual/completions/$name.bash \
          --fish manual/completions/$name.fish \
          --zsh manual/completions/_$name
      done
    '';

    passthru.tests.suites = callPackage ./tests.nix { inherit toolkit; };

    meta = {
      description = "Search vectors in files, and validate the kernel module that does so";
      license = [
        lib.licenses.mit
        lib.licenses.asl20
      ];
      platforms = [ "x86_64-linux" ];
      mainProgram = "vexfs";
    };
  };
in
toolkit

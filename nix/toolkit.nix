# SPDX-License-Identifier: MIT OR Apache-2.0
# vexfs, vexfs-validate and vexfs-init (PID 1 of the guest), each one static program.
{
  lib,
  rustPlatform,
  installShellFiles,
  glibc,
}:
rustPlatform.buildRustPackage {
  pname = "vexfs";
  inherit (import ./version.nix) version;

  src = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.unions [
      ../Cargo.toml
      ../Cargo.lock
      ../src
      ../tests
      ../vm
      ../kernel/uapi
      ../peers
    ];
  };
  cargoLock.lockFile = ../Cargo.lock;

  nativeBuildInputs = [ installShellFiles ];
  # The guest has no libraries.
  buildInputs = [ glibc.static ];
  env.RUSTFLAGS = "-C target-feature=+crt-static";

  # A sandbox has no FUSE, no NumPy and no bundle, and a static program loads no library (kernel_search). What needs these is
  # tested by `make test`, and in the guest by the check `vm`.
  cargoTestFlags = [
    "--lib"
    "--bins"
  ]
  ++
    lib.concatMap
      (name: [
        "--test"
        name
      ])
      [
        "abi"
        "cli"
        "distance"
        "flat"
        "fvecs"
        "kernel_logs"
        "serve"
        "vector_file"
      ];
  # Nor has it a /sys, and its files may have no extended attributes.
  checkFlags = map (name: "--skip=guest::steps::${name}") [
    "files::tests::every_operation_holds_on_this_machines_own_filesystem"
    "identity::tests::this_very_machine_can_be_described"
  ];

  postInstall = ''
    $out/bin/vexfs-validate manual manual
    installManPage manual/man/*
    for name in vexfs vexfs-validate; do
      installShellCompletion --cmd $name \
        --bash manual/completions/$name.bash \
        --fish manual/completions/$name.fish \
        --zsh manual/completions/_$name
    done
  '';

  meta = {
    description = "Search vectors in files, and validate the kernel module that does so";
    license = [
      lib.licenses.mit
      lib.licenses.asl20
    ];
    platforms = [ "x86_64-linux" ];
    mainProgram = "vexfs";
  };
}

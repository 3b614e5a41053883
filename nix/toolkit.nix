# SPDX-License-Identifier: MIT OR Apache-2.0
# vexfs, vexfs-validate and vexfs-init (PID 1 of the guest), each one static program.
{
  lib,
  rustPlatform,
  installShellFiles,
  e2fsprogs,
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

  # A test makes the empty ext4 of the guest.
  nativeBuildInputs = [
    installShellFiles
    e2fsprogs
  ];
  # The guest has no libraries.
  buildInputs = [ glibc.static ];
  env.RUSTFLAGS = "-C target-feature=+crt-static";

  cargoTestFlags = [
    "--lib"
    "--bins"
    "--test=search"
    "--test=toolkit"
  ];
  # A sandbox has no FUSE, no NumPy, no bundle, no /sys, its files may have no extended attributes, and a static program loads no
  # library. What needs these is tested by `make test`, and in the guest by the check `vm`. Here run the unit tests, each of which
  # is in a module `tests`, and these of the suites.
  checkFlags = [
    "tests::"
    "abi::"
    "cli::"
    "distance::"
    "flat::"
    "fvecs::"
    "kernel_logs::"
    "serve::"
    "vector_file::"
  ]
  ++ map (name: "--skip=${name}") [
    # The bash of a build in nixpkgs completes nothing.
    "cli::a_shell_takes_the_completions_and_completes"
    "exercise::files::tests::every_operation_holds_on_this_machines_own_filesystem"
    # File handles take root.
    "fuse::lower::tests::a_closed_inode_is_told_from_another_with_its_number"
    "fuse::lower::tests::no_more_are_open_than_may_be_and_each_is_found_again"
    "guest::steps::identity::tests::this_very_machine_can_be_described"
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

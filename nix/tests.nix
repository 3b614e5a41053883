# SPDX-License-Identifier: MIT OR Apache-2.0
# The toolkit's tests, as far as a sandbox lets them run. No other output waits for them.
{ lib, toolkit }:
toolkit.overrideAttrs (old: {
  pname = "vexfs-tests";
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
  # They build what they need.
  buildPhase = "runHook preBuild; runHook postBuild";
  doCheck = true;
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
    "many_queries::"
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
  postInstall = "";
  installPhase = "touch $out";
})

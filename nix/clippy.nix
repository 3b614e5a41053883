# SPDX-License-Identifier: MIT OR Apache-2.0
# The toolkit without a warning of clippy.
{ tests, clippy }:
tests.overrideAttrs (old: {
  pname = "vexfs-clippy";
  nativeBuildInputs = old.nativeBuildInputs ++ [ clippy ];
  # Without --target it would hold for build scripts as well, which cannot be linked statically.
  env = removeAttrs old.env [ "RUSTFLAGS" ];
  buildPhase = ''
    runHook preBuild
    cargo clippy --offline --release --all-targets -- -D warnings
    runHook postBuild
  '';
  doCheck = false;
  installPhase = "touch $out";
})

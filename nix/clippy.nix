# SPDX-License-Identifier: MIT OR Apache-2.0
# The toolkit without a warning of clippy.
{ toolkit, clippy }:
toolkit.overrideAttrs (old: {
  pname = "vexfs-clippy";
  nativeBuildInputs = old.nativeBuildInputs ++ [ clippy ];
  buildPhase = ''
    runHook preBuild
    cargo clippy --offline --release --all-targets -- -D warnings
    runHook postBuild
  '';
  doCheck = false;
  installPhase = "touch $out";
})

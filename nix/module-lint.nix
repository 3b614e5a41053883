# SPDX-License-Identifier: MIT OR Apache-2.0
# The module's sources: no warning with W=1, none of sparse.
{ module, sparse }:
module.overrideAttrs (old: {
  pname = "vexfs-module-lint";
  nativeBuildInputs = old.nativeBuildInputs ++ [ sparse ];
  moduleFlags = "-Werror";
  makeFlags = old.makeFlags ++ [
    "W=1"
    "C=2"
    "CF=-Wsparse-error"
  ];
  installPhase = "touch $out";
})

# SPDX-License-Identifier: MIT OR Apache-2.0
# Module and bundle once more, elsewhere and later: every byte is the same.
{
  runCommand,
  bundle,
  module,
}:
let
  again = module.overrideAttrs (old: {
    pname = "vexfs-module-again";
    postUnpack = ''
      mkdir another
      mv $sourceRoot another/place
      sourceRoot=another/place
    '';
  });
in
runCommand "vexfs-bundle-twice" { } ''
  cmp ${module}/lib/modules/*/extra/vexfs.ko ${again}/lib/modules/*/extra/vexfs.ko
  diff -r ${bundle} ${bundle.override { module = again; }}
  cat ${bundle}/manifest.json > $out
''

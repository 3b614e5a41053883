# SPDX-License-Identifier: MIT OR Apache-2.0
# Module and bundle once more, elsewhere and later: every byte is the same.
{
  lib,
  runCommand,
  bundles,
}:
let
  again =
    module:
    module.overrideAttrs (old: {
      pname = "vexfs-module-again";
      postUnpack = ''
        mkdir another
        mv $sourceRoot another/place
        sourceRoot=another/place
      '';
    });
  same = bundle: ''
    cmp ${bundle.module}/lib/modules/*/extra/vexfs.ko ${again bundle.module}/lib/modules/*/extra/vexfs.ko
    diff -r ${bundle} ${bundle.override { module = again bundle.module; }}
    cat ${bundle}/manifest.json >> $out
  '';
in
runCommand "vexfs-bundle-twice" { } (lib.concatMapStringsSep "\n" same bundles)

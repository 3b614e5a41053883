# SPDX-License-Identifier: MIT OR Apache-2.0
# pkgs.vexfs, and linuxPackages.vexfs for every kernel.
final: prev: {
  vexfs = final.callPackage ./toolkit.nix { };
  kernelPackagesExtensions = prev.kernelPackagesExtensions ++ [
    (linuxPackages: _: { vexfs = linuxPackages.callPackage ./module.nix { }; })
  ];
}

# SPDX-License-Identifier: MIT OR Apache-2.0
{
  description = "A stand-in for nixpkgs, made of Debian's packages (README.md)";

  outputs = { self }: {
    lib = import ./lib.nix;
    legacyPackages.x86_64-linux = import ./default.nix (import ./host.nix);
  };
}

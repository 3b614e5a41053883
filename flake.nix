# SPDX-License-Identifier: MIT OR Apache-2.0
# What this gives, and how to use it: docs/nix.md. This file only wires; the work is done in nix/.
{
  description = "VexFS: vectors searchable in files, and the toolkit that validates its kernel module in a VM";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";

  outputs =
    { self, nixpkgs }:
    let
      system = "x86_64-linux";
      pkgs = nixpkgs.legacyPackages.${system};

      # The kernel that is validated. nix/kernels.nix has the others that the module builds for.
      linuxPackages = pkgs.linuxPackages_6_12;

      toolkit = pkgs.callPackage ./nix/toolkit.nix { };
      module = linuxPackages.callPackage ./nix/module.nix { };
      bundle = linuxPackages.callPackage ./nix/bundle.nix {
        inherit toolkit module;
        roles = [ "peers" ];
      };
      # The machines beside it: the same sources as a program of the host.
      umlBundleOf =
        { machine, kernel }:
        linuxPackages.callPackage ./nix/bundle.nix {
          inherit toolkit machine kernel;
          module = linuxPackages.callPackage ./nix/module.nix {
            inherit kernel;
            kernelModuleMakeFlags = [ "ARCH=um" ];
          };
          image = "linux";
          roles = [ "peers" ];
        };
      umlBundle = umlBundleOf {
        machine = "uml";
        kernel = linuxPackages.callPackage ./nix/uml-kernel.nix { };
      };
      debugBundle = umlBundleOf {
        machine = "uml-debug";
        kernel = linuxPackages.callPackage ./nix/uml-kernel.nix { debug = true; };
      };
      image = pkgs.callPackage ./nix/image.nix { inherit toolkit bundle; };
      peers = pkgs.callPackage ./nix/peers.nix { };
      peersDisk = pkgs.callPackage ./nix/peers-disk.nix { inherit toolkit peers; };
      command =
        given:
        pkgs.callPackage ./nix/command.nix (
          given
          // {
            inherit
              toolkit
              bundle
              umlBundle
              debugBundle
              peers
              peersDisk
              ;
          }
        );
      validate = command {
        name = "vexfs-validation";
        subcommand = "run";
        description = "Boots the bundle, runs the workload through both drivers, gives a verdict";
      };
      reproduce = command {
        name = "vexfs-reproduction";
        subcommand = "reproduce";
        description = "Verifies a pack, runs the same again on the bundle, and compares";
      };
      app = package: {
        type = "app";
        program = "${package}/bin/${package.name}";
        meta = { inherit (package.meta) description; };
      };
    in
    {
      packages.${system} = {
        inherit
          toolkit
          module
          bundle
          image
          validate
          reproduce
          ;
        uml-bundle = umlBundle;
        uml-debug-bundle = debugBundle;
        default = validate;
        nixos-test = pkgs.callPackage ./nix/nixos-test.nix {
          inherit linuxPackages bundle;
          nixosModule = self.nixosModules.default;
        };
      };

      apps.${system} = {
        validate = app validate;
        reproduce = app reproduce;
      };

      checks.${system} = {
        # Its build runs its tests.
        inherit toolkit;
        clippy = pkgs.callPackage ./nix/clippy.nix { inherit toolkit; };
        format = pkgs.callPackage ./nix/format.nix { };
        module = linuxPackages.callPackage ./nix/module-lint.nix { inherit module; };
        bundle-twice = pkgs.callPackage ./nix/bundle-twice.nix {
          bundles = [
            bundle
            umlBundle
          ];
        };
        vm = pkgs.callPackage ./nix/vm-check.nix { inherit toolkit bundle; };
        uml = pkgs.callPackage ./nix/uml-check.nix {
          inherit toolkit;
          bundle = umlBundle;
        };
      };

      devShells.${system}.default = pkgs.callPackage ./nix/shell.nix { inherit toolkit module; };

      formatter.${system} = pkgs.nixfmt-tree;

      overlays.default = import ./nix/overlay.nix;

      nixosModules.default = import ./nix/nixos-module.nix;
    };
}

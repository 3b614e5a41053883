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
      tests = toolkit.tests.suites;
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
              ;
          }
        );
      # Nobody waits for a Python with all engines who does not ask for them.
      besidePeers =
        given:
        command (
          given
          // {
            name = "${given.name}-peers";
            inherit peers peersDisk;
          }
        );
      validation = {
        name = "vexfs-validation";
        subcommand = "run";
        description = "Boots the bundle, runs the workload through both drivers, gives a verdict";
      };
      reproduction = {
        name = "vexfs-reproduction";
        subcommand = "reproduce";
        description = "Verifies a pack, runs the same again on the bundle, and compares";
      };
      commands = {
        validate = command validation;
        validate-peers = besidePeers validation;
        reproduce = command reproduction;
        reproduce-peers = besidePeers reproduction;
      };
      app = package: {
        type = "app";
        program = "${package}/bin/${package.name}";
        meta = { inherit (package.meta) description; };
      };
    in
    {
      packages.${system} = commands // {
        inherit
          toolkit
          module
          bundle
          image
          peers
          ;
        uml-bundle = umlBundle;
        uml-debug-bundle = debugBundle;
        default = commands.validate;
        nixos-test = pkgs.callPackage ./nix/nixos-test.nix {
          inherit linuxPackages bundle;
          nixosModule = self.nixosModules.default;
        };
      };

      apps.${system} = builtins.mapAttrs (_: app) commands;

      checks.${system} = {
        inherit toolkit tests;
        clippy = pkgs.callPackage ./nix/clippy.nix { inherit tests; };
        format = pkgs.callPackage ./nix/format.nix { };
        module = linuxPackages.callPackage ./nix/module-lint.nix { inherit module; };
        bundle-twice = pkgs.callPackage ./nix/bundle-twice.nix {
          bundles = [
            bundle
            umlBundle
          ];
        };
        vm = pkgs.callPackage ./nix/vm-check.nix {
          inherit toolkit bundle;
          chosen = id: id != "kernel.stacking";
        };
        # It takes the most time of all, so that it can be built elsewhere.
        vm-stacking = pkgs.callPackage ./nix/vm-check.nix {
          inherit toolkit bundle;
          chosen =
            id:
            builtins.elem id [
              "bundle.intact"
              "machine.accelerator"
              "machine.guest"
              "module.identity"
              "kernel.stacking"
              "kernel.log"
              "kernel.taint"
              "guest.completed"
            ];
        };
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

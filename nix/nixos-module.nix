# SPDX-License-Identifier: MIT OR Apache-2.0
# programs.vexfs: the tools, the kernel module for this system's kernel, and mounts of stores (docs/nix.md).
{
  config,
  lib,
  pkgs,
  utils,
  ...
}:
let
  cfg = config.programs.vexfs;
  by = driver: lib.filterAttrs (_: mount: mount.driver == driver) cfg.mounts;

  # systemd expands specifiers such as %i in most settings, and splits some at spaces.
  literal = lib.replaceStrings [ "%" ] [ "%%" ];
  quoted = path: ''"${lib.replaceStrings [ "\\" ''"'' ] [ "\\\\" ''\"'' ] (literal path)}"'';

  mountOptions = {
    options = {
      store = lib.mkOption {
        type = lib.types.path;
        example = "/srv/vectors";
        description = "The directory to present.";
      };
      driver = lib.mkOption {
        type = lib.types.enum [
          "kernel"
          "fuse"
        ];
        default = "kernel";
        description = "Which of the two drivers serves it. Both give the same answers.";
      };
      readOnly = lib.mkOption {
        type = lib.types.bool;
        default = false;
        description = "Whether to refuse every change.";
      };
    };
  };
in
{
  options.programs.vexfs = {
    enable = lib.mkEnableOption "VexFS, a filesystem in which vector files can be searched";
    package = lib.mkOption {
      type = lib.types.package;
      default = pkgs.vexfs or (pkgs.callPackage ./toolkit.nix { });
      defaultText = lib.literalMD "`pkgs.vexfs` if there is one, else the toolkit of this flake";
      description = "The package that vexfs, vexfs-validate and mount.fuse.vexfs come from.";
    };
    kernelModule = {
      enable = lib.mkOption {
        type = lib.types.bool;
        default = by "kernel" != { };
        defaultText = lib.literalMD "whether a mount asks for the driver `kernel`";
        description = "Whether to build the kernel module for this system's kernel and to load it at boot.";
      };
      package = lib.mkOption {
        type = lib.types.package;
        default =
          config.boot.kernelPackages.vexfs or (config.boot.kernelPackages.callPackage ./module.nix { });
        defaultText = lib.literalMD "`boot.kernelPackages.vexfs` if there is one, else the module of this flake for them";
        description = "The package that vexfs.ko comes from.";
      };
    };
    mounts = lib.mkOption {
      type = lib.types.attrsOf (lib.types.submodule mountOptions);
      default = { };
      example = lib.literalExpression ''{ "/mnt/vectors".store = "/srv/vectors"; }'';
      description = ''
        Stores to mount at boot, by mount point. A store that is missing does not keep the system from booting.
        `fileSystems` with `fsType = "fuse.vexfs"` (or `"vexfs"`, the kernel module) does the same.
      '';
    };
  };

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = by "kernel" == { } || cfg.kernelModule.enable;
        message = "programs.vexfs.mounts asks for the driver `kernel`: programs.vexfs.kernelModule.enable must not be false.";
      }
      {
        assertion = !cfg.kernelModule.enable || !(cfg.kernelModule.package.meta.broken or false);
        message = "programs.vexfs.kernelModule: the module is for Linux ${lib.concatStringsSep ", " (import ./kernels.nix)}, not for ${config.boot.kernelPackages.kernel.version}: set boot.kernelPackages, for instance to pkgs.linuxPackages_6_12.";
      }
    ];

    environment.systemPackages = [ cfg.package ];
    # mount(8) finds mount.fuse.vexfs here, for fileSystems.
    system.fsPackages = [ cfg.package ];

    boot.extraModulePackages = lib.mkIf cfg.kernelModule.enable [ cfg.kernelModule.package ];
    boot.kernelModules = lib.mkIf cfg.kernelModule.enable [ "vexfs" ];

    systemd.mounts = lib.mapAttrsToList (mountPoint: mount: {
      description = "VexFS at ${literal mountPoint}";
      what = mount.store;
      # The unit is named by this, without an expansion.
      where = mountPoint;
      type = "vexfs";
      options = if mount.readOnly then "ro" else "rw";
      mountConfig = {
        What = lib.mkForce (literal mount.store);
        Where = lib.mkForce (literal mountPoint);
      };
      unitConfig.RequiresMountsFor = [ (quoted mount.store) ];
      after = [ "systemd-modules-load.service" ];
      wantedBy = [ "multi-user.target" ];
    }) (by "kernel");

    systemd.services = lib.mapAttrs' (
      mountPoint: mount:
      lib.nameValuePair "vexfs-${utils.escapeSystemdPath mountPoint}" {
        description = "VexFS at ${literal mountPoint}, by FUSE";
        wantedBy = [ "multi-user.target" ];
        unitConfig.RequiresMountsFor = [ (quoted mount.store) ];
        serviceConfig = {
          # The driver says when the mount is up.
          Type = "notify";
          ExecStart = utils.escapeSystemdExecArgs (
            [
              (lib.getExe cfg.package)
              "mount"
            ]
            ++ lib.optional mount.readOnly "--read-only"
            ++ [
              mount.store
              mountPoint
            ]
          );
          # What a killed driver leaves behind.
          ExecStopPost =
            "-"
            + utils.escapeSystemdExecArgs [
              (lib.getExe' pkgs.util-linux "umount")
              "--quiet"
              "--lazy"
              mountPoint
            ];
          Restart = "on-failure";
        };
      }
    ) (by "fuse");

    systemd.tmpfiles.settings.vexfs = lib.mapAttrs' (
      mountPoint: _: lib.nameValuePair (literal mountPoint) { d = { }; }
    ) (by "fuse");
  };
}

# SPDX-License-Identifier: MIT OR Apache-2.0
# The packages of nixpkgs that the flake uses, made of Debian's programs (README.md).
#
# Files of the host are reached through /nix/debian (./with): the same path on the host and in the sandbox. The sandbox has no
# /usr/bin. As with nixpkgs, a program comes from the stdenv or from nativeBuildInputs, or it is not there.
#
# host.nix, which ./with writes, names the versions. Its stamp changes whenever a package of the host does.
{
  kernelVersion,
  modDirVersion,
  ccVersion,
  rustVersion,
  stamp,
}:
let
  lib = import ./lib.nix;
  system = "x86_64-linux";
  host = "/nix/debian";
  bash = "${host}/usr/bin/bash";

  # A package whose bin/ is links to programs of the host; "a=b" links a to b.
  toolsIn =
    dir: pname: version: bins:
    derivation {
      name = "${pname}-${version}";
      inherit system bins stamp;
      builder = bash;
      args = [
        "-euc"
        ''
          PATH=${host}/usr/bin
          mkdir -p $out/bin
          for b in $bins; do
            f=${dir}/''${b#*=}
            [ -e $f ] || { echo "the host has no $f: vm/install-host-tools.sh installs it" >&2; exit 1; }
            ln -s $f $out/bin/''${b%=*}
          done
        ''
      ];
    }
    // {
      inherit pname version;
      meta.mainProgram = pname;
    };
  tools = name: bins: toolsIn "${host}/usr/bin" name "debian" bins;
  tool = name: tools name [ name ];

  # The part of nixpkgs' stdenv/generic/common-path.nix that a bare Debian has too.
  basePath = tools "stdenv-path" [
    "["
    "awk=mawk"
    "basename"
    "bash"
    "cat"
    "chmod"
    "cmp"
    "comm"
    "cp"
    "cut"
    "date"
    "dd"
    "diff"
    "dirname"
    "echo"
    "egrep"
    "env"
    "expr"
    "false"
    "fgrep"
    "find"
    "grep"
    "gunzip"
    "gzip"
    "head"
    "id"
    "install"
    "ln"
    "ls"
    "make"
    "mkdir"
    "mkfifo"
    "mktemp"
    "mv"
    "nproc"
    "od"
    "paste"
    "patch"
    "printf"
    "pwd"
    "readlink"
    "realpath"
    "rm"
    "rmdir"
    "sed"
    "seq"
    "sh=bash"
    "sha256sum"
    "sleep"
    "sort"
    "split"
    "stat"
    "tac"
    "tail"
    "tar"
    "tee"
    "test"
    "timeout"
    "touch"
    "tr"
    "true"
    "truncate"
    "uname"
    "uniq"
    "wc"
    "xargs"
    "xz"
  ];
  cc =
    tools "gcc-wrapper" [
      "ar"
      "as"
      "c++=g++"
      "cc=gcc"
      "cpp"
      "g++"
      "gcc"
      "ld"
      "nm"
      "objcopy"
      "objdump"
      "ranlib"
      "readelf"
      "size"
      "strings"
      "strip"
    ]
    // {
      cc = {
        pname = "gcc";
        version = ccVersion;
        lib = tools "gcc-lib" [ ];
      };
    };
  rustTool = name: bins: toolsIn "${host}/rust/bin" name rustVersion bins;
  rustc = rustTool "rustc" [
    "rustc"
    "rustdoc"
  ];
  cargo = rustTool "cargo" [ "cargo" ];

  derive =
    path: arg:
    let
      attrs = if builtins.isFunction arg then arg final else arg;
      name = attrs.name or "${attrs.pname}-${attrs.version}";
      final =
        derivation (
          removeAttrs attrs [
            "meta"
            "passthru"
            "env"
          ]
          // (attrs.env or { })
          // {
            inherit name system;
            builder = bash;
            args = [
              "-e"
              ./setup.sh
            ];
            basePath = path;
            nativeBuildInputs = attrs.nativeBuildInputs or [ ];
          }
        )
        // (attrs.passthru or { })
        // {
          inherit name;
          version = attrs.version or "";
          meta = attrs.meta or { };
          overrideAttrs = f: derive path (attrs // f attrs);
        };
    in
    if attrs.meta.broken or false then
      throw "Package '${name}' is marked as broken, refusing to evaluate."
    else
      final;
  stdenv = {
    mkDerivation = derive [
      basePath
      cc
    ];
    inherit cc;
  };
  runCommand =
    name: attrs: buildCommand:
    derive [ basePath ] (attrs // { inherit name buildCommand; });
  writeText =
    name: text:
    runCommand name {
      inherit text;
      passAsFile = [ "text" ];
    } "cp $textPath $out";
  writeShellApplication =
    {
      name,
      text,
      runtimeInputs ? [ ],
      meta ? { },
    }:
    runCommand name
      {
        passAsFile = [ "text" ];
        nativeBuildInputs = [ (tool "shellcheck") ];
        text = ''
          #!${basePath}/bin/bash
          set -o errexit
          set -o nounset
          set -o pipefail

          export PATH="${lib.makeBinPath runtimeInputs}:$PATH"

          ${text}
        '';
        meta = {
          mainProgram = name;
        }
        // meta;
      }
      ''
        install -Dm755 $textPath $out/bin/${name}
        bash -n $out/bin/${name}
        shellcheck $out/bin/${name}
      '';

  # One fixed-output derivation a crate. Its hash is Cargo.lock's checksum, so that the host's copy need not be trusted.
  importCargoLock =
    { lockFile }:
    let
      locked = lib.filter (package: package ? source) (fromTOML (builtins.readFile lockFile)).package;
      crate =
        p:
        derivation {
          name = "crate-${p.name}-${p.version}.tar.gz";
          inherit system;
          builder = bash;
          # "|| exit" keeps bash: Nix kills a builder that closes its output, as cp does just before it exits.
          args = [
            "-c"
            "${host}/usr/bin/cp ${host}/crates/${p.name}-${p.version}.crate $out || exit"
          ];
          outputHashMode = "flat";
          outputHashAlgo = "sha256";
          outputHash = p.checksum or (throw "Package ${p.name} does not have a checksum.");
        };
      unpack = p: ''
        mkdir $out/${p.name}-${p.version}
        tar xzf ${crate p} -C $out/${p.name}-${p.version} --strip-components=1
        echo '{"files":{},"package":"${p.checksum}"}' > $out/${p.name}-${p.version}/.cargo-checksum.json
      '';
    in
    runCommand "cargo-vendor-dir" { } ''
      mkdir $out
      cp ${lockFile} $out/Cargo.lock
      ${lib.concatMapStringsSep "" unpack locked}
    '';
  buildRustPackage =
    attrs:
    stdenv.mkDerivation (
      removeAttrs attrs [ "cargoLock" ]
      // {
        cargoDeps = importCargoLock attrs.cargoLock;
        nativeBuildInputs = [
          cargo
          rustc
        ]
        ++ (attrs.nativeBuildInputs or [ ]);
        doCheck = attrs.doCheck or true;
        isRust = true;
      }
    );

  # The two functions of nixpkgs' setup hook of this name, as programs.
  installShellFiles = runCommand "install-shell-files" { } ''
    mkdir -p $out/bin
    cat > $out/bin/installManPage <<'END'
    #!${bash}
    set -eu
    for page; do install -Dm644 -t "$out/share/man/man''${page##*.}" "$page"; done
    END
    cat > $out/bin/installShellCompletion <<'END'
    #!${bash}
    set -eu
    [ "$1" = --cmd ]
    name=$2
    shift 2
    while [ $# -gt 0 ]; do
      case $1 in
        --bash) to=bash-completion/completions/$name.bash ;;
        --fish) to=fish/vendor_completions.d/$name.fish ;;
        --zsh) to=zsh/site-functions/_$name ;;
        *) echo "installShellCompletion: $1 is not known here" >&2; exit 1 ;;
      esac
      install -Dm644 "$2" "$out/share/$to"
      shift 2
    done
    END
    chmod +x $out/bin/*
  '';

  # Of systemd the EFI stub only.
  systemd = runCommand "systemd-debian" { inherit stamp; } ''
    mkdir -p $out/lib/systemd/boot/efi
    cp /usr/lib/systemd/boot/efi/linuxx64.efi.stub $out/lib/systemd/boot/efi
  '';
  nixfmt = toolsIn "${host}/tools/bin" "nixfmt" "crate" [ "nixfmt" ];

  # Debian has the kernel's sources as an archive in a package.
  kernelSource = runCommand "linux-${kernelVersion}.tar.xz" { inherit stamp; } ''
    ${host}/usr/bin/ar p ${host}/source.deb data.tar.xz | tar xJ --to-stdout --wildcards '*.tar.xz' > $out
  '';
  # These call m4 by a path of the host.
  withM4 =
    name:
    runCommand "${name}-debian" { } ''
      mkdir -p $out/bin
      printf '#!${bash}\nM4=${host}/usr/bin/m4 exec ${host}/usr/bin/${name} "$@"\n' > $out/bin/${name}
      chmod +x $out/bin/${name}
    '';

  # Debian's kernel in the outputs of nixpkgs' kernel.
  kernel = derive [ basePath ] {
    pname = "linux";
    version = kernelVersion;
    inherit modDirVersion stamp;
    outputs = [
      "out"
      "dev"
      "modules"
    ];
    buildCommand = ''
      k=${host}/kernel m=$modDirVersion
      mkdir -p $out $modules/lib/modules $dev/lib/modules/$m
      cp $k/boot/vmlinuz-$m $out/bzImage
      cp $k/boot/System.map-$m $out/System.map
      cp -r $k/lib/modules/$m $modules/lib/modules/
      chmod -R u+w $modules
      rm -f $modules/lib/modules/$m/{build,source}
      source=$dev/lib/modules/$m/source build=$dev/lib/modules/$m/build
      cp -r $k/usr/src/linux-headers-''${m%-*-*}-common $source
      cp -r $k/usr/src/linux-headers-$m $build
      chmod -R u+w $dev
      for t in scripts tools; do
        rm -rf $source/$t $build/$t
        cp -r $k/usr/lib/linux-kbuild-''${m%-*-*}/$t $source/
        ln -s $source/$t $build/$t
      done
      # nixpkgs' kernel has its scripts' interpreters patched as well.
      grep -rlZ '^#!/usr/bin/perl' $source/scripts | xargs -0 sed -i '1s|.*|#!${tool "perl"}/bin/perl|'
      echo "include $source/Makefile" > $build/Makefile
      sed -i '/ARCH\|KERNELRELEASE/!d; /DEB_/d; /CROSS_COMPILE/d' $build/.kernelvariables
    '';
    passthru = {
      inherit modDirVersion;
      src = kernelSource;
      moduleBuildDependencies = [
        (tool "perl")
        (tool "pahole")
        (tool "xz")
      ];
      # The kernel.makeFlags of nixpkgs are for the kernel itself. They are not here, so that a module that takes them fails.
      commonMakeFlags = [
        "CC=${cc}/bin/gcc"
        "LD=${cc}/bin/ld"
        "AR=${cc}/bin/ar"
        "NM=${cc}/bin/nm"
        "STRIP=${cc}/bin/strip"
        "OBJCOPY=${cc}/bin/objcopy"
        "OBJDUMP=${cc}/bin/objdump"
        "READELF=${cc}/bin/readelf"
        "HOSTCC=${cc}/bin/cc"
        "HOSTLD=${cc}/bin/ld"
        "ARCH=x86_64"
        "CROSS_COMPILE="
      ];
      kernelOlder = lib.versionOlder kernelVersion;
    };
  };

  callPackageWith =
    scope: file: args:
    let
      f = import file;
    in
    f (builtins.intersectAttrs (builtins.functionArgs f) scope // args)
    // {
      override = more: callPackageWith scope file (args // more);
    };
  linuxPackages_6_12 = {
    inherit kernel stdenv;
    kernelModuleMakeFlags = kernel.commonMakeFlags ++ [
      "KBUILD_OUTPUT=${kernel.dev}/lib/modules/${modDirVersion}/build"
    ];
    callPackage = callPackageWith (pkgs // linuxPackages_6_12);
  };

  # Evaluated, and never built: there is no NixOS here.
  testers.runNixOSTest =
    {
      name,
      nodes,
      testScript,
    }:
    assert builtins.isAttrs nodes;
    runCommand "vm-test-run-${name}" { } ''
      echo "the stand-in for nixpkgs has no NixOS: run this test with nixpkgs, on a builder with kvm" >&2
      exit 1
    '';

  mkShell =
    {
      inputsFrom ? [ ],
      packages ? [ ],
      ...
    }@attrs:
    stdenv.mkDerivation (
      removeAttrs attrs [
        "inputsFrom"
        "packages"
      ]
      // {
        name = "nix-shell";
        nativeBuildInputs = packages ++ lib.concatMap (from: from.nativeBuildInputs) inputsFrom;
        buildCommand = "export > $out";
      }
    );

  pkgs = {
    inherit
      cargo
      installShellFiles
      lib
      linuxPackages_6_12
      mkShell
      runCommand
      rustc
      stdenv
      systemd
      testers
      writeShellApplication
      writeText
      ;
    callPackage = callPackageWith pkgs;
    # The bundle's manifest names who supplied the kernel.
    supplier = "debian, in the place of nixpkgs";
    rustPlatform = { inherit buildRustPackage; };
    clippy = rustTool "clippy" [
      "cargo-clippy"
      "clippy-driver"
    ];
    rustfmt = rustTool "rustfmt" [
      "cargo-fmt"
      "rustfmt"
    ];
    # The C library of Debian's gcc is static as well as shared.
    glibc.static = tools "glibc-static" [ ];
    inherit nixfmt;
    nixfmt-tree = writeShellApplication {
      name = "treefmt";
      runtimeInputs = [ nixfmt ];
      text = "git ls-files -z '*.nix' | xargs -0 nixfmt";
    };
    shellcheck = tool "shellcheck";
    qemu_kvm = tool "qemu-system-x86_64";
    e2fsprogs = toolsIn "${host}/usr/sbin" "e2fsprogs" "debian" [
      "debugfs"
      "mke2fs"
    ];
    # A graph lists each path, what it was made by, and what it refers to.
    closureInfo =
      { rootPaths }:
      runCommand "closure-info"
        {
          exportReferencesGraph = lib.concatMap (path: [
            "graph-${baseNameOf (builtins.unsafeDiscardStringContext path)}"
            path
          ]) rootPaths;
        }
        ''
          mkdir $out
          grep -hx '/nix/store/.*' graph-* | { grep -v '[.]drv$' || true; } | sort -u > $out/store-paths
        '';
    # The peers are evaluated, and never built: their files come by the network.
    autoPatchelfHook = tools "auto-patchelf-hook" [ ];
    zlib = tools "zlib" [ ];
    python313 = tools "python3" [ ] // {
      sitePackages = "lib/python3.13/site-packages";
      # The host's own: the packages are looked for by name only.
      withPackages =
        choose:
        assert builtins.isList (choose {
          h5py = null;
          numpy = null;
          selenium = null;
        });
        tools "python3-env" [ "python3" ];
      pkgs.fetchPypi =
        {
          pname,
          version,
          sha256,
          format ? "setuptools",
          dist ? "",
          python ? "",
          abi ? "",
          platform ? "",
        }:
        derivation {
          name =
            if format == "wheel" then
              "${pname}-${version}-${python}-${abi}-${platform}.whl"
            else
              "${pname}-${version}.tar.gz";
          inherit system dist;
          builder = bash;
          args = [
            "-c"
            "echo 'the stand-in for nixpkgs has no network' >&2; exit 1"
          ];
          outputHashMode = "flat";
          outputHashAlgo = "sha256";
          outputHash = sha256;
        };
    };
    sparse = tool "sparse";
    bc = tool "bc";
    ccache = tool "ccache";
    fuse3 = tools "fuse3" [ "fusermount3" ];
    git = tool "git";
    pahole = tool "pahole";
    bison = withM4 "bison";
    flex = withM4 "flex";
    perl = tool "perl";
  };
in
pkgs

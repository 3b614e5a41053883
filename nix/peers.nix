# SPDX-License-Identifier: MIT OR Apache-2.0
# A Python with the engines of peers/requirements.txt in just these versions, so that a run judges beside them. nixpkgs has others,
# and not Qdrant's engine. Each file of peers/wheels.json is fetched by its hash; peers/lock-wheels.py writes that list.
{
  lib,
  stdenv,
  autoPatchelfHook,
  python313,
  zlib,
}:
let
  files = builtins.fromJSON (builtins.readFile ../peers/wheels.json);
  isWheel = lib.hasSuffix ".whl";

  # A wheel is named NAME-VERSION-PYTHON-ABI-PLATFORM.whl, an archive of sources NAME-VERSION.tar.gz.
  fetch =
    { file, sha256 }:
    let
      part = builtins.elemAt (
        lib.splitString "-" (lib.removeSuffix ".tar.gz" (lib.removeSuffix ".whl" file))
      );
    in
    python313.pkgs.fetchPypi (
      {
        pname = part 0;
        version = part 1;
        inherit sha256;
      }
      // lib.optionalAttrs (isWheel file) {
        format = "wheel";
        dist = part 2;
        python = part 2;
        abi = part 3;
        platform = part 4;
      }
    );
  wheels = map fetch (lib.filter ({ file, ... }: isWheel file) files);
  sources = map fetch (lib.filter ({ file, ... }: !isWheel file) files);
in
stdenv.mkDerivation {
  pname = "vexfs-peers";
  inherit (import ./version.nix) version;

  nativeBuildInputs = [ autoPatchelfHook ];
  buildInputs = [
    stdenv.cc.cc.lib
    zlib
  ];
  dontUnpack = true;
  # The files are as their makers built them, but for the libraries that they find.
  dontStrip = true;

  # hnswlib is built for the processor that it runs on, as pip builds it: here, and for nobody else.
  env.NIX_ENFORCE_NO_NATIVE = "0";
  preferLocalBuild = true;
  allowSubstitutes = false;

  # A virtual environment: Python knows it by pyvenv.cfg beside its link.
  installPhase = ''
    runHook preInstall
    site=$out/${python313.sitePackages}
    mkdir -p $out/bin $site
    ln -s ${python313}/bin/python3 $out/bin/python3
    echo "home = ${python313}/bin" > $out/pyvenv.cfg
    for wheel in ${lib.concatMapStringsSep " " toString wheels}; do
      $out/bin/python3 -m zipfile -e $wheel $site
    done
    for archive in ${lib.concatMapStringsSep " " toString sources}; do
      mkdir sources
      tar xzf $archive -C sources --strip-components=1
      (cd sources && $out/bin/python3 setup.py build_ext --build-lib $site dist_info --output-dir $site)
      rm -r sources
    done
    runHook postInstall
  '';

  meta = {
    description = "The engines that VexFS is measured beside, in the versions that are pinned";
    platforms = [ "x86_64-linux" ];
    mainProgram = "python3";
  };
}

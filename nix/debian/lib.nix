# SPDX-License-Identifier: MIT OR Apache-2.0
# The functions of nixpkgs' lib that the flake and this stand-in use, and no others.
let
  inherit (builtins)
    any
    attrNames
    baseNameOf
    concatStringsSep
    isPath
    isString
    pathExists
    readDir
    stringLength
    substring
    ;
  hasPrefix = prefix: text: substring 0 (stringLength prefix) text == prefix;
in
rec {
  inherit hasPrefix;
  optionalString = condition: text: if condition then text else "";
  optionalAttrs = condition: set: if condition then set else { };
  removeSuffix =
    suffix: text:
    if hasSuffix suffix text then substring 0 (stringLength text - stringLength suffix) text else text;
  # For separators without a meaning in a pattern.
  splitString = separator: text: builtins.filter isString (builtins.split separator text);
  inherit (builtins) concatMap concatStringsSep filter;
  hasSuffix =
    suffix: text:
    let
      start = stringLength text - stringLength suffix;
    in
    start >= 0 && substring start (-1) text == suffix;
  concatMapStringsSep =
    separator: f: list:
    concatStringsSep separator (map f list);
  makeBinPath = packages: concatMapStringsSep ":" (package: "${package}/bin") packages;
  getName = package: package.pname;
  getVersion = package: package.version;
  versionOlder = a: b: builtins.compareVersions b a > 0;
  versions.majorMinor =
    version:
    let
      part = builtins.elemAt (builtins.splitVersion version);
    in
    "${part 0}.${part 1}";
  licenses = {
    mit.spdxId = "MIT";
    asl20.spdxId = "Apache-2.0";
    gpl2Only.spdxId = "GPL-2.0-only";
  };

  # A file set is a function that tells by its path whether a file belongs to it.
  fileset =
    let
      below = dir: path: path == toString dir || hasPrefix "${toString dir}/" path;
      setOf =
        what: value:
        if isPath value then
          if pathExists value then
            { has = below value; }
          else
            throw "lib.fileset.${what}: ${toString value} is a path that does not exist."
        else if value ? has then
          value
        else
          throw "lib.fileset.${what}: not a file set, and not a path";
    in
    {
      unions =
        list:
        let
          sets = map (setOf "unions") list;
        in
        {
          has = path: any (set: set.has path) sets;
        };
      fileFilter =
        predicate: path:
        assert isPath path;
        {
          has =
            file:
            below path file
            && predicate {
              name = baseNameOf file;
              hasExt = extension: hasSuffix ".${extension}" (baseNameOf file);
            };
        };
      toSource =
        { root, fileset }:
        let
          set = setOf "toSource" fileset;
          holds =
            dir:
            let
              entries = readDir dir;
            in
            any (
              name: if entries.${name} == "directory" then holds "${dir}/${name}" else set.has "${dir}/${name}"
            ) (attrNames entries);
        in
        assert isPath root;
        {
          outPath = builtins.path {
            name = "source";
            path = root;
            filter = path: type: if type == "directory" then holds path else set.has path;
          };
        };
    };
}

# SPDX-License-Identifier: MIT OR Apache-2.0
# The bundle, booted under icount in the builder's sandbox, with checks of vm-check.json. A verdict other than pass fails the
# build.
{
  runCommand,
  qemu_kvm,
  toolkit,
  bundle,
  # Which of the checks, by their names.
  chosen,
}:
let
  all = builtins.fromJSON (builtins.readFile ./vm-check.json);
  criteria = all // {
    checks = builtins.filter (check: chosen check.id) all.checks;
  };
in
runCommand "vexfs-vm-check"
  {
    nativeBuildInputs = [
      toolkit
      qemu_kvm
    ];
    criteria = builtins.toFile "criteria.json" (builtins.toJSON criteria);
  }
  ''
    vexfs-validate run --accel icount --once --bundle ${bundle} --criteria $criteria --out out
    mkdir $out
    cp out/latest/{verdict.json,results.json,console.log} $out
    cp $criteria $out/criteria.json
  ''

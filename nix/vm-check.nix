# SPDX-License-Identifier: MIT OR Apache-2.0
# The bundle, booted under icount in the builder's sandbox. A verdict other than pass fails the build.
{
  runCommand,
  qemu_kvm,
  toolkit,
  bundle,
}:
runCommand "vexfs-vm-check"
  {
    nativeBuildInputs = [
      toolkit
      qemu_kvm
    ];
  }
  ''
    vexfs-validate run --accel icount --once --bundle ${bundle} --criteria ${./vm-check.json} --out out
    mkdir $out
    cp out/latest/{verdict.json,results.json,console.log} $out
  ''

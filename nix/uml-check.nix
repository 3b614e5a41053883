# SPDX-License-Identifier: MIT OR Apache-2.0
# The bundle for User-Mode Linux, run as a program in the builder's sandbox. A verdict other than pass fails the build.
{
  runCommand,
  toolkit,
  bundle,
}:
runCommand "vexfs-uml-check" { nativeBuildInputs = [ toolkit ]; } ''
  vexfs-validate run --accel uml --bundle ${bundle} --criteria ${./vm-check.json} --out out
  mkdir $out
  cp out/latest/{verdict.json,results.json,console.log} $out
''

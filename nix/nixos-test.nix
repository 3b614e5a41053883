{
  testers,
  linuxPackages,
  module,
  nixosModule,
}:
testers.runNixOSTest {
  name = "vexfs";
  nodes.machine = { };
  testScript = "";
}

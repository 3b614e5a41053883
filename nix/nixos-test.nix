# SPDX-License-Identifier: MIT OR Apache-2.0
# A NixOS system that adopts VexFS: it loads our module, mounts a store with each driver, and both find the same rows.
{
  testers,
  linuxPackages,
  bundle,
  nixosModule,
}:
testers.runNixOSTest {
  name = "vexfs";

  nodes.machine = {
    imports = [ nixosModule ];
    boot.kernelPackages = linuxPackages;
    programs.vexfs = {
      enable = true;
      kernelModule.package = bundle.module;
      mounts = {
        "/mnt/kernel".store = "/srv/vectors";
        "/mnt/fuse" = {
          store = "/srv/vectors";
          driver = "fuse";
        };
      };
    };
  };

  testScript = ''
    import json

    with open("${bundle}/manifest.json") as file:
        build_id = json.load(file)["module"]["build_id"]

    machine.wait_for_unit("multi-user.target")
    machine.succeed("mkdir /srv/vectors")
    machine.succeed("systemctl restart mnt-kernel.mount vexfs-mnt-fuse.service")
    for place, kind in [("/mnt/kernel", "vexfs"), ("/mnt/fuse", "fuse")]:
        found = machine.succeed(f"findmnt --noheadings --output FSTYPE {place}").strip()
        assert found.startswith(kind), f"{place} is {found}"

    # A note is a header of 12 bytes, the name GNU, and the build id.
    note = machine.succeed("od -An -v -tx1 /sys/module/vexfs/notes/.note.gnu.build-id")
    assert "".join(note.split())[32:] == build_id, f"the loaded module is not the bundle's {build_id}: {note}"

    machine.succeed("vexfs dataset generate --workload inherited --out /mnt/kernel")
    answers = [
        machine.succeed(f"vexfs search {place}/vectors.fvecs --query-file {place}/queries.fvecs --json")
        for place in ["/mnt/kernel", "/mnt/fuse", "/srv/vectors"]
    ]
    hits = [json.loads(answer)["hits"] for answer in answers]
    assert len(hits[0]) == 10 and hits[0] == hits[1] == hits[2], f"the places give different answers: {answers}"
  '';
}

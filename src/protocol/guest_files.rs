// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the guest finds what the host gives it.

/// The path of the plan.
pub const PLAN: &str = "/plan.json";

/// What a shell is to do; there is no plan then.
pub const SHELL: &str = "/shell.json";

/// The programs of a shell.
pub const BUSYBOX: &str = "/bin/busybox";

/// The terminal of a shell: the first console of virtio-serial, or the second one of User-Mode Linux.
pub const TERMINAL: &str = "/dev/hvc0";
pub const UML_TERMINAL: &str = "/dev/tty1";

/// The vectors of a source that cannot be generated, and the queries for them.
pub const VECTORS: &str = "/given/vectors.fvecs";
pub const QUERIES: &str = "/given/queries.fvecs";

/// The module under test.
pub const MODULE: &str = "/lib/vexfs/vexfs.ko";

/// The directory with the programs of the POSIX suites, in a guest that has them.
pub const SUITES: &str = "/lib/vexfs/suites";

/// The modules of the guest's kernel that have to be loaded before anything else.
pub const DRIVERS: &str = "/lib/modules";

/// A file with their names in the order of loading, a line each.
pub const LOAD_ORDER: &str = "/lib/modules/load-order";

/// A file with the names of those that only a guest with the peers' disk loads.
pub const PEERS_LOAD_ORDER: &str = "/lib/modules/peers-load-order";

/// The name of the virtio-serial port that carries the messages.
pub const PORT_NAME: &str = "org.vexfs.validate";

/// The serial line that carries them in User-Mode Linux.
pub const SERIAL_LINE: &str = "/dev/ttyS0";

/// The serial number of the disk that holds the peers.
pub const PEERS_DISK: &str = "vexfs-peers";

/// The serial number of the disk whose guests are cut off.
pub const CUT_DISK: &str = "vexfs-cuts";

/// Directories of the peers' disk over which the guest mounts what its root has.
pub const PEERS_DISK_MOUNT_POINTS: [&str; 4] = ["dev", "proc", "store", "sys"];

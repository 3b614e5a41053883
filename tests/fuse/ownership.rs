// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who owns what is created, and who may do what.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::process::Command;

use rustix::fs::XattrFlags;

use crate::fixture::Mounted;

const USER: u32 = 12_345;
const GROUP: u32 = 23_456;
const SECOND_GROUP: u32 = 34_567;

/// Runs a shell script in the mount as a user who is in two groups.
fn run_as_user(mounted: &Mounted, script: &str) -> bool {
    Command::new("setpriv")
        .args(["--reuid", &USER.to_string()])
        .args(["--regid", &GROUP.to_string()])
        .args(["--groups", &format!("{GROUP},{SECOND_GROUP}")])
        .args(["sh", "-c", script])
        .current_dir(mounted.root())
        .status()
        .expect("setpriv is part of util-linux")
        .success()
}

fn open_to_all(mounted: &Mounted) {
    for path in [mounted.root().to_owned(), mounted.lower("")] {
        fs::set_permissions(path, Permissions::from_mode(0o777)).unwrap();
    }
}

#[test]
fn what_a_process_creates_is_its_own() {
    let mounted = Mounted::new();
    open_to_all(&mounted);
    let script = "umask 027; touch file; mkdir dir; ln -s file link; mkfifo fifo";
    assert!(run_as_user(&mounted, script));
    for (name, mode) in [
        ("file", 0o640),
        ("dir", 0o750),
        ("fifo", 0o640),
        ("link", 0o777),
    ] {
        let data = fs::symlink_metadata(mounted.lower(name)).unwrap();
        assert_eq!((data.uid(), data.gid()), (USER, GROUP), "{name}");
        assert_eq!(data.mode() & 0o7777, mode, "{name}");
    }
    fs::write(mounted.path("by-root"), "").unwrap();
    assert_eq!(fs::metadata(mounted.lower("by-root")).unwrap().uid(), 0);
}

#[test]
fn a_setgid_directory_hands_down_its_group() {
    let mounted = Mounted::new();
    open_to_all(&mounted);
    let shared = mounted.lower("shared");
    fs::create_dir(&shared).unwrap();
    chown(&shared, Some(0), Some(SECOND_GROUP)).unwrap();
    fs::set_permissions(&shared, Permissions::from_mode(0o2770)).unwrap();
    // Only the second group lets this user in.
    assert!(run_as_user(&mounted, "touch shared/f; mkdir shared/d"));
    let file = fs::metadata(mounted.lower("shared/f")).unwrap();
    assert_eq!((file.uid(), file.gid()), (USER, SECOND_GROUP));
    let directory = fs::metadata(mounted.lower("shared/d")).unwrap();
    assert_eq!((directory.uid(), directory.gid()), (USER, SECOND_GROUP));
    assert_eq!(directory.mode() & 0o2000, 0o2000);
}

#[test]
fn permissions_of_the_store_bind() {
    let mounted = Mounted::new();
    open_to_all(&mounted);
    fs::write(mounted.lower("secret"), "").unwrap();
    fs::set_permissions(mounted.lower("secret"), Permissions::from_mode(0o600)).unwrap();
    assert!(!run_as_user(&mounted, "cat secret 2>&-"));
    assert!(!run_as_user(&mounted, "chmod 777 secret 2>&-"));
    fs::set_permissions(mounted.lower("secret"), Permissions::from_mode(0o604)).unwrap();
    assert!(run_as_user(&mounted, "cat secret"));
}

#[test]
fn writing_clears_the_set_user_id_bit() {
    let mounted = Mounted::new();
    open_to_all(&mounted);
    fs::write(mounted.lower("program"), "").unwrap();
    fs::set_permissions(mounted.lower("program"), Permissions::from_mode(0o4777)).unwrap();
    assert!(run_as_user(&mounted, "echo > program"));
    let mode = fs::metadata(mounted.lower("program")).unwrap().mode();
    assert_eq!(mode & 0o7777, 0o777);
}

#[test]
fn a_default_acl_takes_the_place_of_the_umask() {
    let mounted = Mounted::new();
    open_to_all(&mounted);
    let directory = mounted.path("acl");
    fs::create_dir(&directory).unwrap();
    // acl(5) in its binary form, version 2: everybody who is named may do everything, others nothing.
    let entries: [(u16, u16, u32); 5] = [
        (0x01, 7, u32::MAX),
        (0x02, 7, USER),
        (0x04, 7, u32::MAX),
        (0x10, 7, u32::MAX),
        (0x20, 0, u32::MAX),
    ];
    let mut acl = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in entries {
        acl.extend(tag.to_le_bytes());
        acl.extend(permissions.to_le_bytes());
        acl.extend(id.to_le_bytes());
    }
    for name in ["system.posix_acl_default", "system.posix_acl_access"] {
        rustix::fs::setxattr(&directory, name, &acl, XattrFlags::empty()).unwrap();
    }
    // The ACL lets this user in, who is neither owner nor in the group.
    assert!(run_as_user(&mounted, "umask 077; echo text > acl/file"));
    let mode = fs::metadata(mounted.lower("acl/file")).unwrap().mode();
    assert_eq!(mode & 0o7777, 0o660);
}

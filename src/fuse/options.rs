// SPDX-License-Identifier: MIT OR Apache-2.0
//! What to mount, and how: the options of `-o`, as mount(8), fstab(5) and systemd write them.

use std::ffi::OsString;
use std::num::NonZero;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use nix::mount::MsFlags;
use thiserror::Error;

/// What to mount, and how.
#[derive(Debug, Clone)]
pub struct MountOptions {
    pub store: PathBuf,
    pub mount_point: PathBuf,
    pub read_only: bool,
    /// Whether programs may not be run.
    pub no_exec: bool,
    /// Whether other users may use the mount. Who mounts as root allows it in any case.
    pub allow_other: bool,
    /// What /proc/mounts says was mounted, in the place of the store's path.
    pub name: Option<String>,
    /// How many requests are served at the same time. The default is one more than there are processors, and at least
    /// four, so that long searches leave a thread for everything else.
    pub threads: Option<NonZero<usize>>,
    /// Whether nothing but this mount changes the store, so that the kernel may keep what it knows of it.
    pub exclusive: bool,
    /// Whether the kernel reads and writes plain files itself, where it can.
    pub passthrough: bool,
}

/// Which options there are.
pub const KNOWN: &str = "ro, rw, exec, noexec, nosuid, nodev, allow_other, default_permissions, exclusive, nopassthrough, fsname=NAME, threads=N";

/// An option that cannot be had.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum OptionError {
    #[error("there is no mount option {0:?}; there are {KNOWN}")]
    Unknown(String),
    #[error(
        "the mount option {0:?} cannot be had: a store's set-user-id programs and devices never work"
    )]
    Never(String),
    #[error("the mount option {0:?} takes a number of 1 or more, such as threads=4")]
    Threads(String),
}

impl MountOptions {
    /// Everything as it is without an option.
    pub fn new(store: impl Into<PathBuf>, mount_point: impl Into<PathBuf>) -> MountOptions {
        MountOptions {
            store: store.into(),
            mount_point: mount_point.into(),
            read_only: false,
            no_exec: false,
            allow_other: false,
            name: None,
            threads: None,
            exclusive: false,
            passthrough: true,
        }
    }

    /// Applies options that are separated by commas, of which the last one that says something counts. A comma within
    /// one is written `\,`.
    pub fn apply(&mut self, options: &str) -> Result<(), OptionError> {
        for option in split(options) {
            self.apply_one(&option)?;
        }
        Ok(())
    }

    /// Applies what is known of the options and leaves out the rest, as `mount -s` asks.
    pub fn apply_known(&mut self, options: &str) -> Result<(), OptionError> {
        for option in split(options) {
            match self.apply_one(&option) {
                Err(OptionError::Unknown(_)) | Ok(()) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn apply_one(&mut self, option: &str) -> Result<(), OptionError> {
        match option.split_once('=').unwrap_or((option, "")) {
            ("ro", "") => self.read_only = true,
            ("rw", "") => self.read_only = false,
            ("noexec", "") => self.no_exec = true,
            ("exec", "") => self.no_exec = false,
            ("allow_other", "") => self.allow_other = true,
            ("exclusive", "") => self.exclusive = true,
            ("passthrough", "") => self.passthrough = true,
            ("nopassthrough", "") => self.passthrough = false,
            ("suid" | "dev", "") => return Err(OptionError::Never(option.to_owned())),
            ("fsname", name) if !name.is_empty() => self.name = Some(name.to_owned()),
            ("threads", number) => {
                let number = number.parse();
                self.threads = Some(number.map_err(|_| OptionError::Threads(option.to_owned()))?);
            }
            (name, _) if is_so_anyway(name) => {}
            _ => return Err(OptionError::Unknown(option.to_owned())),
        }
        Ok(())
    }

    /// What /proc/mounts is to say was mounted.
    pub(super) fn source<'a>(&'a self, store: &'a Path) -> &'a Path {
        self.name.as_deref().map_or(store, Path::new)
    }

    /// The flags for mount(2).
    pub(super) fn flags(&self) -> MsFlags {
        let mut flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        flags.set(MsFlags::MS_RDONLY, self.read_only);
        flags.set(MsFlags::MS_NOEXEC, self.no_exec);
        flags
    }

    /// The options for fusermount3.
    pub(super) fn for_fusermount(&self, subtype: &str, store: &Path) -> OsString {
        let mut all = format!("subtype={subtype},default_permissions,nosuid,nodev").into_bytes();
        for (option, wanted) in [
            (",ro", self.read_only),
            (",noexec", self.no_exec),
            (",allow_other", self.allow_other),
        ] {
            if wanted {
                all.extend(option.as_bytes());
            }
        }
        all.extend(b",fsname=");
        for &byte in self.source(store).as_os_str().as_bytes() {
            if [b',', b'\\'].contains(&byte) {
                all.push(b'\\');
            }
            all.push(byte);
        }
        OsString::from_vec(all)
    }
}

/// What every mount is, or what only mount(8), fstab(5) and systemd heed.
fn is_so_anyway(name: &str) -> bool {
    const SO: [&str; 17] = [
        "",
        "nosuid",
        "nodev",
        "default_permissions",
        "defaults",
        "async",
        "auto",
        "noauto",
        "user",
        "users",
        "nouser",
        "owner",
        "group",
        "nofail",
        "_netdev",
        "comment",
        "relatime",
    ];
    SO.contains(&name) || name.starts_with("x-") || name.starts_with("X-")
}

/// Splits at commas that no backslash precedes.
fn split(options: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut characters = options.chars();
    while let Some(character) = characters.next() {
        match (character, parts.last_mut()) {
            (',', _) => parts.push(String::new()),
            ('\\', Some(part)) => part.extend(characters.next()),
            (other, Some(part)) => part.push(other),
            (_, None) => {}
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    fn applied(options: &str) -> Result<MountOptions, OptionError> {
        let mut all = MountOptions::new("store", "mnt");
        all.apply(options).map(|()| all)
    }

    #[test]
    fn an_fstab_line_is_understood() {
        let line = "defaults,noauto,user,nofail,x-systemd.automount,ro,noexec,allow_other,threads=3,fsname=a\\,b";
        let all = applied(line).unwrap();
        assert!(all.read_only && all.no_exec && all.allow_other);
        assert_eq!(all.threads, NonZero::new(3));
        assert_eq!(all.name.as_deref(), Some("a,b"));
        assert!(!applied("ro,rw").unwrap().read_only, "the last one counts");
    }

    #[test]
    fn what_cannot_be_had_is_refused() {
        for (option, error) in [
            ("suid", OptionError::Never("suid".to_owned())),
            ("ro,nonsense", OptionError::Unknown("nonsense".to_owned())),
            ("ro=1", OptionError::Unknown("ro=1".to_owned())),
            ("threads=0", OptionError::Threads("threads=0".to_owned())),
        ] {
            assert_eq!(applied(option).unwrap_err(), error);
        }
        let mut all = MountOptions::new("store", "mnt");
        all.apply_known("nonsense,ro").unwrap();
        assert!(all.read_only);
    }

    #[test]
    fn no_name_becomes_an_option() {
        let all = applied("ro").unwrap();
        assert_eq!(
            all.for_fusermount("vexfs", Path::new("/a,allow_other\\")),
            OsStr::new(
                "subtype=vexfs,default_permissions,nosuid,nodev,ro,fsname=/a\\,allow_other\\\\"
            )
        );
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Creating files on behalf of a process, so that they belong to that process.

use std::cell::Cell;
use std::io;

use fuser::Request;
use nix::sched::CloneFlags;
use nix::unistd::{Gid, Uid, getegid, geteuid, setfsgid, setfsuid};
use rustix::fs::Mode;
use rustix::thread::CapabilitiesSecureBits;

thread_local! {
    static PREPARED: Cell<Option<Rights>> = const { Cell::new(None) };
}

/// What a thread may do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rights {
    /// Take anybody's filesystem identity, and keep its capabilities.
    AnyIdentity,
    /// Be whom this process is, as an ordinary user is.
    OwnIdentity,
}

/// The process on behalf of which something is created.
pub(super) struct Caller {
    uid: Uid,
    gid: Gid,
    umask: Mode,
}

impl Caller {
    pub(super) fn new(request: &Request, umask: u32) -> Self {
        Caller {
            uid: Uid::from_raw(request.uid()),
            gid: Gid::from_raw(request.gid()),
            umask: Mode::from_raw_mode(umask),
        }
    }

    /// Runs `create` with the caller's filesystem identity and umask. The lower filesystem itself then applies setgid
    /// directories and default ACLs, and the new file never exists under another owner.
    ///
    /// The thread keeps its capabilities. The kernel has already decided, with the caller's whole set of groups, that
    /// the caller may create here (`default_permissions`).
    ///
    /// An ordinary user's driver creates for that user only. Others get `EPERM`: the file could not be theirs.
    pub(super) fn create<T>(self, create: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let rights = prepare_thread()?;
        rustix::process::umask(self.umask);
        let is_own = || self.uid == geteuid() && self.gid == getegid();
        if rights == Rights::OwnIdentity && !is_own() {
            return Err(io::Error::from_raw_os_error(libc::EPERM));
        }
        let _identity = Identity::assume(self.uid, self.gid)?;
        create()
    }
}

/// Gives the thread a umask of its own, and makes its capabilities independent of its filesystem identity.
fn prepare_thread() -> io::Result<Rights> {
    if let Some(rights) = PREPARED.get() {
        return Ok(rights);
    }
    nix::sched::unshare(CloneFlags::CLONE_FS)?;
    let bits = CapabilitiesSecureBits::NO_SETUID_FIXUP;
    let rights = match rustix::thread::set_capabilities_secure_bits(bits) {
        Ok(()) => Rights::AnyIdentity,
        Err(rustix::io::Errno::PERM) => Rights::OwnIdentity,
        Err(error) => return Err(error.into()),
    };
    PREPARED.set(Some(rights));
    Ok(rights)
}

/// The filesystem identity of another user, until it is dropped.
struct Identity {
    own_uid: Uid,
    own_gid: Gid,
}

impl Identity {
    fn assume(uid: Uid, gid: Gid) -> io::Result<Self> {
        let own_gid = setfsgid(gid);
        let own_uid = setfsuid(uid);
        let identity = Self { own_uid, own_gid };
        // Neither call reports a failure; asking again tells what is in force.
        if setfsgid(gid) != gid || setfsuid(uid) != uid {
            return Err(io::Error::from_raw_os_error(libc::EPERM));
        }
        Ok(identity)
    }
}

impl Drop for Identity {
    fn drop(&mut self) {
        setfsuid(self.own_uid);
        setfsgid(self.own_gid);
    }
}

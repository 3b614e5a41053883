// SPDX-License-Identifier: MIT OR Apache-2.0
//! Requests and hostile files while somebody else changes the same files beneath. No answer is known beforehand: it
//! must have the form of one, or be an error that may be.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use anyhow::Result;
use nix::errno::Errno;

use super::fields::{self, Request};
use super::ground::Ground;
use super::memory::{Memory, Place};
use super::model::{is_search, is_well_formed};
use super::random::Random;
use super::tally::Tally;
use super::{index_file, vector_file};
use crate::anns::index::Kind;
use crate::protocol::errno_name;
use crate::store::index_file as names;

/// The vector files that all fight for.
pub const NAMES: [&str; 3] = ["one.fvecs", "two.fvecs", "three.fvecs"];

/// What `docs/abi.md` lists.
const OF_REQUESTS: [Errno; 17] = [
    Errno::ENOTTY,
    Errno::EBADF,
    Errno::EINVAL,
    Errno::EFAULT,
    Errno::EOPNOTSUPP,
    Errno::EDOM,
    Errno::ECANCELED,
    Errno::EIO,
    Errno::ENOMEM,
    Errno::EINTR,
    Errno::EBADMSG,
    Errno::EFBIG,
    Errno::EMSGSIZE,
    Errno::ERANGE,
    Errno::ENODATA,
    Errno::EUCLEAN,
    Errno::ESTALE,
];

/// What may come of opening, writing, renaming and removing where names come and go.
const OF_FILES: [Errno; 10] = [
    Errno::ENOENT,
    Errno::EACCES,
    Errno::EPERM,
    Errno::EISDIR,
    Errno::ENOTDIR,
    Errno::ELOOP,
    Errno::EEXIST,
    Errno::ENOTEMPTY,
    Errno::ESTALE,
    Errno::ENXIO,
];

/// Requests of one open file, before it is opened anew.
const REQUESTS: usize = 6;

/// Who asks and writes.
pub struct Struggler<'a> {
    root: PathBuf,
    ground: &'a Ground,
    random: Random,
    memory: Memory,
}

impl<'a> Struggler<'a> {
    pub fn new(root: &Path, ground: &'a Ground, random: Random) -> Result<Self> {
        Ok(Struggler {
            root: root.to_owned(),
            ground,
            random,
            memory: Memory::new()?,
        })
    }

    /// Opens a file and asks it until `count` requests were made. Calls `each` after each file.
    pub fn ask(&mut self, count: u64, tally: &mut Tally, mut each: impl FnMut()) {
        while tally.done.ioctls < count {
            let path = self.root.join(self.random.of(&NAMES));
            let write = self.random.one_in(4);
            let opened = OpenOptions::new().read(true).write(write).open(&path);
            match opened {
                Ok(file) => self.requests(&file, tally),
                // Otherwise a file that never opens would keep this here.
                Err(error) => {
                    tally.done.ioctls += 1;
                    judge(Err(error), "open", tally);
                }
            }
            each();
        }
    }

    fn requests(&mut self, file: &File, tally: &mut Tally) {
        for _ in 0..REQUESTS {
            let rows = self.ground.rows.rows() as u32;
            let Request { word, mut bytes } = match self.random.below(3) {
                0 => fields::random(&mut self.random, &self.ground.query, rows),
                _ => {
                    let kind = self.random.below(Kind::ALL.len() + 1) as u32;
                    fields::search(kind, 0, 5, &self.ground.query)
                }
            };
            let place = match self.random.one_in(12) {
                true => Place::bad(&mut self.random, bytes.len()),
                false => Place::Good,
            };
            let got = self.memory.send(file.as_fd(), word, &mut bytes, place);
            tally.ioctl(got);
            match got {
                Ok(()) if is_search(word) && !is_well_formed(&bytes) => {
                    tally.wrong(format!("no answer to {word:#010x}"));
                }
                Err(errno) if !OF_REQUESTS.contains(&errno) => {
                    tally.wrong(format!("{} to {word:#010x}", errno_name(errno)));
                }
                _ => {}
            }
        }
    }

    /// Writes hostile files, and searches each. Calls `each` after each file.
    pub fn write(&mut self, count: u64, tally: &mut Tally, mut each: impl FnMut()) {
        for _ in 0..count {
            let vectors = self.root.join(self.random.of(&NAMES));
            let kind = self.random.of(&Kind::ALL);
            let (path, bytes) = match self.random.below(3) {
                0 => {
                    let bytes = vector_file::random(&mut self.random, self.ground);
                    (vectors.clone(), bytes)
                }
                _ => {
                    let bytes = index_file::random(&mut self.random, self.ground, kind);
                    (names::path(&vectors, kind), bytes)
                }
            };
            tally.done.files += 1;
            judge(self.put(&path, &bytes), "write", tally);
            match File::open(&vectors) {
                Ok(file) => self.requests(&file, tally),
                Err(error) => judge(Err(error), "open", tally),
            }
            each();
        }
    }

    fn put(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let new = path.with_extension("through");
        match self.random.below(4) {
            0 => fs::remove_file(path).and_then(|()| fs::write(path, bytes)),
            1 => OpenOptions::new()
                .write(true)
                .open(path)?
                .set_len(bytes.len() as u64),
            2 => fs::write(&new, bytes).and_then(|()| fs::rename(&new, path)),
            _ => fs::write(path, bytes),
        }
    }
}

/// What is no request may fail because of others, and for no other reason.
fn judge(result: io::Result<()>, what: &str, tally: &mut Tally) {
    let Err(error) = result else {
        return;
    };
    match error.raw_os_error().map(Errno::from_raw) {
        Some(errno) if OF_FILES.contains(&errno) => tally.refusal(errno),
        _ => tally.wrong(format!("{what}: {error}")),
    }
}

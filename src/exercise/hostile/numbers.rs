// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ioctls of every number, of random words, and of valid requests with one field changed, on every sort of file.

use std::fs::{File, OpenOptions};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result};
use nix::errno::Errno;

use super::fields::{self, Request};
use super::ground::{EMPTY, FOLDER, Ground, MALFORMED, PLAIN, SOUND};
use super::memory::{Memory, Place};
use super::model::{Model, announced, fault};
use super::random::Random;
use super::tally::Tally;
use crate::exercise::Tell;
use crate::store::abi::IOC_MAGIC;

/// Types of command words of which the VFS answers some by itself.
const OF_THE_VFS: [u8; 6] = [0x00, 0x15, b'T', b'X', b'f', 0x94];

/// So many requests there are between two that lie in bad memory.
const BAD_MEMORY_EVERY: usize = 6;

/// A file that is open, and what must be answered by it.
struct Asked {
    name: &'static str,
    file: File,
    /// None where no ioctl is possible at all.
    model: Option<Model>,
}

/// How files are open.
#[derive(Clone, Copy)]
enum Way {
    Read,
    Both,
    Write,
    /// As a place in the tree alone.
    Path,
}

/// A folder and the names below it that are asked.
pub struct Asker {
    files: Vec<Asked>,
    memory: Memory,
    random: Random,
    query: Vec<f32>,
    rows: u32,
    /// Whether the driver reads the memory of its callers itself.
    bad_memory: bool,
}

impl Asker {
    /// Opens all sorts of files of `root`, a directory of a mount that lies at `lower` beneath and has been
    /// [filled](Ground::write_all).
    pub fn new(root: &Path, lower: &Path, ground: &Ground, random: Random) -> Result<Asker> {
        let index = "sound.fvecs.hnsw";
        let files = [
            (SOUND, Way::Read),
            (SOUND, Way::Both),
            (SOUND, Way::Write),
            (SOUND, Way::Path),
            (MALFORMED, Way::Read),
            (EMPTY, Way::Read),
            (PLAIN, Way::Read),
            (index, Way::Read),
            (index, Way::Both),
            (FOLDER, Way::Read),
        ]
        .map(|(name, way)| open(root, lower, name, way));
        Ok(Asker {
            files: files.into_iter().collect::<Result<_>>()?,
            memory: Memory::new()?,
            random,
            query: ground.query.clone(),
            rows: ground.rows.rows() as u32,
            bad_memory: true,
        })
    }

    /// Leaves out memory that cannot be used: where the kernel reads it before a driver is asked.
    pub fn in_good_memory(mut self) -> Asker {
        self.bad_memory = false;
        self
    }

    /// Each number of our type with each direction.
    pub fn every_number(&mut self, tally: &mut Tally, tell: Tell) {
        for at in 0..self.files.len() {
            for number in 0..=u8::MAX {
                tell("every number", number.into(), u8::MAX.into());
                for direction in 0..4 {
                    let size = self.random.number(&[64, 160]) & 0x3fff;
                    let kind = u32::from(IOC_MAGIC) << 8 | u32::from(number);
                    let request = self.of_random_bytes(direction << 30 | size << 16 | kind);
                    self.ask(at, request, tally);
                }
            }
        }
    }

    pub fn random_words(&mut self, count: u64, tally: &mut Tally, tell: Tell) {
        for done in 0..count {
            tell("random words", done, count);
            let mut word = self.random.word();
            if self.random.one_in(2) {
                word = word & !0xff00 | u32::from(IOC_MAGIC) << 8;
            }
            let request = self.of_random_bytes(word);
            let at = self.random.below(self.files.len());
            self.ask(at, request, tally);
        }
    }

    pub fn random_fields(&mut self, count: u64, tally: &mut Tally, tell: Tell) {
        for done in 0..count {
            tell("random fields", done, count);
            let request = fields::random(&mut self.random, &self.query, self.rows);
            // Most of them where there is something to search.
            let at = match self.random.below(2) {
                0 => 0,
                _ => self.random.below(self.files.len()),
            };
            self.ask(at, request, tally);
        }
    }

    /// Bytes as many as a word announces: random ones, or zeros.
    fn of_random_bytes(&mut self, word: u32) -> Request {
        let size = announced(word);
        let bytes = match self.random.below(3) {
            0 => vec![0; size],
            _ => self.random.bytes(size),
        };
        Request { word, bytes }
    }

    fn ask(&mut self, at: usize, request: Request, tally: &mut Tally) {
        let Asked { name, file, model } = &self.files[at];
        let Request { word, mut bytes } = request;
        let place = match self.bad_memory && self.random.one_in(BAD_MEMORY_EVERY) {
            true => Place::bad(&mut self.random, bytes.len()),
            false => Place::Good,
        };
        let expected = match model {
            Some(model) => model.answer(word, &bytes, place),
            None => Err(Errno::EBADF),
        };
        let got = self.memory.send(file.as_fd(), word, &mut bytes, place);
        tally.ioctl(got);
        let of_the_vfs = OF_THE_VFS.contains(&(word >> 8).to_le_bytes()[0]);
        if let Some(fault) = fault(word, &expected, got, &bytes).filter(|_| !of_the_vfs) {
            tally.wrong(format!("{name}: {fault} at {place:?}"));
        }
    }
}

fn open(root: &Path, lower: &Path, name: &'static str, way: Way) -> Result<Asked> {
    let mut options = OpenOptions::new();
    match way {
        Way::Read => options.read(true),
        Way::Both => options.read(true).write(true),
        Way::Write => options.write(true),
        Way::Path => options.read(true).custom_flags(libc::O_PATH),
    };
    let path = root.join(name);
    let file = options.open(&path);
    let readable = matches!(way, Way::Read | Way::Both);
    let model = || Model::of(&lower.join(name), readable);
    Ok(Asked {
        name,
        file: file.with_context(|| format!("cannot open {}", path.display()))?,
        model: match way {
            Way::Path => None,
            _ => Some(model()?),
        },
    })
}

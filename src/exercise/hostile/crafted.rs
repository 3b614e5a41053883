// SPDX-License-Identifier: MIT OR Apache-2.0
//! Hostile files, written through a mount and searched there, while nobody else changes them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::errno::Errno;

use super::fields::{self, Request};
use super::ground::Ground;
use super::memory::{Memory, Place};
use super::model::{Answer, Model, fault};
use super::random::Random;
use super::tally::Tally;
use super::{index_file, vector_file};
use crate::anns::file::blocks;
use crate::anns::index::{self, Header, Kind};
use crate::exercise::Tell;
use crate::store::index_file as names;

/// The vector file whose indexes are hostile, and the one that is hostile itself.
const INDEXED: &str = "indexed.fvecs";
const ITSELF: &str = "itself.fvecs";

/// Where hostile files are written, and what lies beneath.
pub struct Crafter<'a> {
    root: PathBuf,
    lower: PathBuf,
    ground: &'a Ground,
    random: Random,
    memory: Memory,
    /// Searched by each hostile index.
    indexed: File,
}

impl<'a> Crafter<'a> {
    pub fn new(root: &Path, lower: &Path, ground: &'a Ground, random: Random) -> Result<Self> {
        for name in [INDEXED, ITSELF] {
            ground.write_indexed(&root.join(name))?;
        }
        Ok(Crafter {
            root: root.to_owned(),
            lower: lower.to_owned(),
            ground,
            random,
            memory: Memory::new()?,
            indexed: open(&root.join(INDEXED))?,
        })
    }

    /// Puts hostile index files of a kind beside sound rows.
    pub fn indexes(&mut self, kind: Kind, count: u64, tally: &mut Tally, tell: Tell) -> Result<()> {
        let name = names::path(Path::new(INDEXED), kind);
        for done in 0..count {
            tell("hostile indexes", done, count);
            let bytes = index_file::random(&mut self.random, self.ground, kind);
            put(&self.root.join(&name), &bytes, &mut self.random)?;
            tally.done.files += 1;
            // Of a fresh model, which remembers no file that was here before.
            let model = Model::of(&self.lower.join(INDEXED), true)?;
            let stale = is_stale(&bytes, kind, self.ground);
            let file = self.indexed.try_clone()?;
            for request in [self.search(kind), self.search(kind), fields::info()] {
                let taken = tally.done.answers;
                self.ask(&file, &model, request, stale, tally);
                tally.done.taken += tally.done.answers - taken;
            }
            // The answer to INFO is none of a search.
            tally.done.taken -= 1;
        }
        Ok(())
    }

    /// Puts hostile vector files beside sound indexes.
    pub fn vectors(&mut self, count: u64, tally: &mut Tally, tell: Tell) -> Result<()> {
        for done in 0..count {
            tell("hostile vectors", done, count);
            let bytes = vector_file::random(&mut self.random, self.ground);
            let path = self.root.join(ITSELF);
            put(&path, &bytes, &mut self.random)?;
            tally.done.files += 1;
            let model = Model::of(&self.lower.join(ITSELF), true)?;
            let file = open(&path)?;
            let kind = self.random.of(&Kind::ALL);
            let flat = self.flat();
            let indexed = self.search(kind);
            for request in [fields::info(), flat, indexed] {
                let before = tally.done.answers;
                self.ask(&file, &model, request, false, tally);
                tally.done.taken += tally.done.answers - before;
            }
        }
        Ok(())
    }

    /// A search that is valid where the file is sound.
    fn search(&mut self, kind: Kind) -> Request {
        let rows = self.ground.rows.rows();
        let k = 1 + self.random.below(rows) as u32;
        let effort = fields::effort(&mut self.random);
        fields::search(kind.code(), effort, k, &self.ground.query)
    }

    /// A flat search, at times with a query that is too short.
    fn flat(&mut self) -> Request {
        let query = &self.ground.query;
        let length = match self.random.one_in(3) {
            true => 1 + self.random.below(query.len()),
            false => query.len(),
        };
        fields::search(0, 0, 1, &query[..length])
    }

    fn ask(
        &mut self,
        file: &File,
        model: &Model,
        request: Request,
        stale: bool,
        tally: &mut Tally,
    ) {
        let Request { word, mut bytes } = request;
        let mut expected = model.answer(word, &bytes, Place::Good);
        let got = self
            .memory
            .send(file.as_fd(), word, &mut bytes, Place::Good);
        tally.ioctl(got);
        if stale && refused_by_header(&expected, got) {
            expected = Err(Errno::ESTALE);
        }
        if let Some(fault) = fault(word, &expected, got, &bytes) {
            tally.wrong(format!("file {}: {fault}", tally.done.files));
        }
    }
}

/// The module does not read the body of an index whose header shows that it is stale, so it cannot tell that this body
/// is malformed, too.
fn refused_by_header(expected: &Answer, got: Result<(), Errno>) -> bool {
    *expected == Err(Errno::EUCLEAN) && got == Err(Errno::ESTALE)
}

/// Whether the header is sound, and tells that the index is of other rows: by itself, or by fingerprints of blocks that
/// are those that it means.
fn is_stale(bytes: &[u8], kind: Kind, ground: &Ground) -> bool {
    let size = bytes.len() as u64;
    let rows = &ground.rows;
    let Ok(header) = Header::parse(bytes, size, kind, index::section_sizes(kind)) else {
        return false;
    };
    if header.dim != rows.dim() as u32 || header.rows > rows.rows() as u64 {
        return header.dim == rows.dim() as u32;
    }
    if !header.has_blocks() {
        return header.fingerprint(rows) != header.rows_crc;
    }
    let section = header.section[header.sections as usize - 1];
    let (known, _) = bytes[section.offset as usize..].as_chunks::<4>();
    let now = blocks::fingerprints(rows.into(), header.rows as usize);
    let all_others = now
        .iter()
        .zip(known)
        .all(|(now, known)| now.to_le_bytes() != *known);
    all_others && crc32c::crc32c(known.as_flattened()) == header.rows_crc
}

fn open(path: &Path) -> Result<File> {
    File::open(path).with_context(|| format!("cannot open {}", path.display()))
}

/// Writes a file in one of the ways in which files are written.
fn put(path: &Path, bytes: &[u8], random: &mut Random) -> Result<()> {
    let written = match random.below(4) {
        0 => fs::write(path, bytes),
        1 => fs::remove_file(path).and_then(|()| fs::write(path, bytes)),
        2 => {
            let new = path.with_extension("new");
            fs::write(&new, bytes).and_then(|()| fs::rename(&new, path))
        }
        _ => in_place(path, bytes, random),
    };
    written.with_context(|| format!("cannot write {}", path.display()))
}

/// Writes over what is there, in pieces, and cuts the rest.
fn in_place(path: &Path, bytes: &[u8], random: &mut Random) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    let middle = random.below(bytes.len() + 1);
    file.write_all_at(&bytes[middle..], middle as u64)?;
    file.write_all(&bytes[..middle])?;
    file.set_len(bytes.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without a driver every ioctl is refused, which is not what the model says.
    #[test]
    fn a_file_that_nobody_serves_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let ground = Ground::new().unwrap();
        let random = Random::new(1, 1);
        let mut crafter = Crafter::new(dir.path(), dir.path(), &ground, random).unwrap();
        let mut tally = Tally::default();
        crafter.vectors(3, &mut tally, &|_, _, _| ()).unwrap();
        let observed = tally.tried().observed;
        assert!(observed.contains("ENOTTY instead of"), "{observed}");
    }
}

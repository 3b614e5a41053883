// SPDX-License-Identifier: MIT OR Apache-2.0
//! Changes beneath a mount, by somebody who may make all of them.

use std::fs::{self, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{FileExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use super::ground::Ground;
use super::random::Random;
use super::struggle::NAMES;
use super::{index_file, vector_file};
use crate::anns::index::Kind;
use crate::store::index_file as names;

/// Who changes files beneath.
pub struct Changer<'a> {
    lower: PathBuf,
    ground: &'a Ground,
    random: Random,
    /// Whose the files are.
    owner: u32,
}

impl<'a> Changer<'a> {
    pub fn new(lower: &Path, ground: &'a Ground, random: Random, owner: u32) -> Self {
        Changer {
            lower: lower.to_owned(),
            ground,
            random,
            owner,
        }
    }

    /// Makes one change. What cannot be done because others have changed the file meanwhile is not done.
    pub fn change(&mut self) {
        let name = self.random.of(&NAMES);
        let vectors = self.lower.join(name);
        let kind = self.random.of(&Kind::ALL);
        let (path, sound) = match self.random.below(3) {
            0 => (vectors, &*self.ground.encoded),
            _ => (names::path(&vectors, kind), self.ground.index_file(kind)),
        };
        let hostile = match path.extension().is_some_and(|end| end == "fvecs") {
            true => vector_file::random(&mut self.random, self.ground),
            false => index_file::random(&mut self.random, self.ground, kind),
        };
        let done = self.one(&path, sound, &hostile);
        let _ = done.and_then(|()| match path.symlink_metadata()?.is_file() {
            true => chown(&path, Some(self.owner), None),
            false => Ok(()),
        });
    }

    fn one(&mut self, path: &Path, sound: &[u8], hostile: &[u8]) -> io::Result<()> {
        let other = self.lower.join(self.random.of(&NAMES));
        let new = path.with_extension("beneath");
        match self.random.below(14) {
            0 => OpenOptions::new()
                .write(true)
                .open(path)?
                .set_len(self.random.below(2 * sound.len()) as u64),
            1 => {
                let at = self.random.below(sound.len());
                let file = OpenOptions::new().write(true).open(path)?;
                file.write_all_at(&hostile[at.min(hostile.len())..], at as u64)
            }
            2 => fs::rename(path, &other),
            3 => fs::remove_file(path),
            4 => fs::write(path, hostile),
            5 => fs::write(&new, hostile).and_then(|()| fs::rename(&new, path)),
            6 => fs::hard_link(path, other.with_extension("linked.fvecs")),
            7 => fs::remove_file(path).and_then(|()| symlink(self.random.of(&NAMES), path)),
            8 => fs::remove_file(path).and_then(|()| fs::create_dir(path)),
            9 => fs::set_permissions(path, Permissions::from_mode(0o000)),
            // As it should be, again.
            _ => {
                let _ = fs::remove_dir(path);
                let _ = fs::remove_file(path);
                fs::write(&new, sound)?;
                fs::rename(&new, path)
            }
        }
    }
}

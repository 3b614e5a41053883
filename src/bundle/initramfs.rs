// SPDX-License-Identifier: MIT OR Apache-2.0
//! The guest's root filesystem: a newc archive with the same bytes for the same content, on every machine.

use std::collections::BTreeMap;
use std::io::{self, Write};

use cpio::newc;

/// The time of every entry: constant, and not 0, which some tools take for "unknown".
const MTIME: u32 = 1;

/// An archive in the making: entries by path, without a leading slash.
#[derive(Debug, Default)]
pub struct Archive {
    entries: BTreeMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    mode: u32,
    content: Vec<u8>,
}

impl Archive {
    pub fn directory(&mut self, path: &str) {
        self.insert(path, libc::S_IFDIR | 0o755, Vec::new());
    }

    pub fn program(&mut self, path: &str, content: Vec<u8>) {
        self.insert(path, libc::S_IFREG | 0o755, content);
    }

    pub fn file(&mut self, path: &str, content: Vec<u8>) {
        self.insert(path, libc::S_IFREG | 0o644, content);
    }

    pub fn symlink(&mut self, path: &str, target: &str) {
        self.insert(path, libc::S_IFLNK | 0o777, target.as_bytes().to_vec());
    }

    fn insert(&mut self, path: &str, mode: u32, content: Vec<u8>) {
        self.entries
            .insert(path.to_owned(), Entry { mode, content });
    }

    /// Writes the entries in the order of their paths, so that a directory comes before what is in it.
    pub fn write(&self, mut out: impl Write) -> io::Result<()> {
        for (ino, (path, entry)) in (1..).zip(&self.entries) {
            let size = u32::try_from(entry.content.len()).map_err(io::Error::other)?;
            let mut writer = newc::Builder::new(path)
                .ino(ino)
                .mode(entry.mode)
                .mtime(MTIME)
                .write(&mut out, size);
            writer.write_all(&entry.content)?;
            writer.finish()?;
        }
        newc::trailer(out)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn archive() -> Vec<u8> {
        let mut archive = Archive::default();
        archive.program("init", b"#!".to_vec());
        archive.symlink("bin/vexfs", "/init");
        archive.directory("bin");
        let mut bytes = Vec::new();
        archive.write(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn entries_come_in_the_order_of_their_paths_with_modes_and_inodes() {
        let bytes = archive();
        let mut rest = bytes.as_slice();
        for (ino, name, mode, content) in [
            (1, "bin", 0o040755, ""),
            (2, "bin/vexfs", 0o120777, "/init"),
            (3, "init", 0o100755, "#!"),
        ] {
            let mut reader = newc::Reader::new(rest).unwrap();
            let entry = reader.entry();
            assert_eq!((entry.ino(), entry.name()), (ino, name));
            assert_eq!((entry.mode(), entry.mtime(), entry.uid()), (mode, 1, 0));
            let mut found = String::new();
            reader.read_to_string(&mut found).unwrap();
            assert_eq!(found, content);
            rest = reader.finish().unwrap();
        }
        assert!(newc::Reader::new(rest).unwrap().entry().is_trailer());
    }

    #[test]
    fn archives_can_follow_one_another() {
        assert_eq!(
            archive().len() % 4,
            0,
            "the kernel looks for the next one at a multiple of 4"
        );
    }
}

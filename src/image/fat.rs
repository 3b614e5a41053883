// SPDX-License-Identifier: MIT OR Apache-2.0
//! A FAT filesystem, which firmware reads and every other system too. It is read and written without the kernel, so no
//! guest needs a driver for it. What a method has written is on the disk when it returns.

use std::fs::File;

use anyhow::{Context, Result, anyhow};
use hadris_fat::format::{FatFormatOptions, FatTypeSelection, FatVolumeFormatter};
use hadris_fat::sync::FatVolumeReadExt;
use hadris_fat::sync::read::FileReader;
use hadris_fat::sync::write::FileWriter;
use hadris_fat::time::EpochTimeProvider;
use hadris_fat::{Error, FatDir, FatVolume, FatVolumeWriteExt};

use super::disk::Slice;

const SECTOR: u64 = 512;

pub struct Fat<'disk> {
    volume: FatVolume<Slice<'disk>>,
    disk: &'disk File,
}

/// A path in two parts: the directory, and the name in it.
fn split(path: &str) -> (Option<&str>, &str) {
    match path.rsplit_once('/') {
        Some((dir, name)) => (Some(dir), name),
        None => (None, path),
    }
}

impl<'disk> Fat<'disk> {
    /// Makes an empty filesystem, in which every file is dated 1980-01-01. It has a serial number but no label, which
    /// would be dated.
    pub fn create(
        slice: impl Fn() -> Slice<'disk>,
        serial: u32,
        kind: FatTypeSelection,
    ) -> Result<Fat<'disk>> {
        let partition = slice();
        let hidden = u32::try_from(partition.offset() / SECTOR)?;
        let options = FatFormatOptions::new(partition.length())
            .fat_type(kind)
            .hidden_sectors(hidden)
            .volume_id(serial);
        FatVolumeFormatter::format(partition, options).context("cannot make a FAT filesystem")?;
        let partition = slice();
        let disk = partition.disk();
        let volume = FatVolume::builder(partition)
            .time_provider(&EpochTimeProvider)
            .open()?;
        Ok(Fat { volume, disk })
    }

    pub fn open(slice: Slice<'disk>) -> Result<Fat<'disk>> {
        let disk = slice.disk();
        let volume = FatVolume::open(slice).context("it holds no FAT filesystem")?;
        Ok(Fat { volume, disk })
    }

    /// The content of a file, if it is there.
    pub fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let read = || match self.volume.open_path(path) {
            Ok(entry) => {
                let mut reader: FileReader<_> = self.volume.read_file(&entry)?;
                Ok(Some(reader.read_to_vec()?))
            }
            Err(Error::EntryNotFound) => Ok(None),
            Err(error) => Err(error),
        };
        read().with_context(|| format!("cannot read {path}"))
    }

    /// What is in a directory, by name; directories end in a slash.
    pub fn list(&self, path: Option<&str>) -> Result<Vec<String>> {
        let mut names = Vec::new();
        let mut entries = self.dir(path)?.entries();
        while let Some(entry) = entries.next_entry() {
            let entry = entry.with_context(|| format!("cannot read {}", path.unwrap_or("/")))?;
            let Some(file) = entry.as_entry() else {
                continue;
            };
            let slash = if file.is_directory() { "/" } else { "" };
            names.push(format!("{}{slash}", file.name()));
        }
        Ok(names)
    }

    pub fn make_dir(&self, path: &str) -> Result<()> {
        let (parent, name) = split(path);
        let parent = self.dir(parent)?;
        self.volume
            .create_dir(&parent, name)
            .with_context(|| format!("cannot create {path}"))?;
        self.sync()
    }

    /// Makes a new file, or gives an old one a new content.
    pub fn write(&self, path: &str, content: &[u8]) -> Result<()> {
        self.fill(path, content, false)
    }

    /// Appends to a file, which is made if it is not there.
    pub fn append(&self, path: &str, content: &[u8]) -> Result<()> {
        self.fill(path, content, true)
    }

    fn fill(&self, path: &str, content: &[u8], append: bool) -> Result<()> {
        let (parent, name) = split(path);
        let parent = self.dir(parent)?;
        let fill = || {
            let entry = match parent.find(name)? {
                Some(entry) => entry,
                None => self.volume.create_file(&parent, name)?,
            };
            let mut writer = if append {
                FileWriter::new_append(&self.volume, &entry)?
            } else {
                self.volume.write_file(&entry)?
            };
            let mut rest = content;
            while !rest.is_empty() {
                let count = writer.write(rest)?;
                if count == 0 {
                    return Err(Error::NoFreeSpace);
                }
                rest = &rest[count..];
            }
            writer.finish()
        };
        fill().with_context(|| format!("cannot write {path}"))?;
        self.sync()
    }

    /// Gives a file another name in its directory.
    pub fn rename(&self, path: &str, new_name: &str) -> Result<()> {
        let (parent, name) = split(path);
        let parent = self.dir(parent)?;
        let entry = parent
            .find(name)?
            .with_context(|| format!("there is no {path}"))?;
        self.volume
            .rename(&entry, &parent, new_name)
            .with_context(|| format!("cannot rename {path} to {new_name}"))?;
        self.sync()
    }

    fn dir(&self, path: Option<&str>) -> Result<FatDir<'_, Slice<'disk>>> {
        match path {
            None => Ok(self.volume.root_dir()),
            Some(path) => self
                .volume
                .open_dir_path(path)
                .map_err(|error| anyhow!(error).context(format!("cannot open {path}"))),
        }
    }

    fn sync(&self) -> Result<()> {
        self.volume
            .sync()
            .map_err(anyhow::Error::from)
            .and_then(|()| Ok(self.disk.sync_data()?))
            .context("cannot complete what was written to the disk")
    }
}

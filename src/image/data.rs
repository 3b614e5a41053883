// SPDX-License-Identifier: MIT OR Apache-2.0
//! The data partition: what the image is, and a directory for each time that it ran.
//!
//! It is FAT, written and read by this program itself: no kernel needs a driver for it, and every system can show it to a person.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};

use anyhow::{Context, Result};
use fatfs::{Dir, FatType, FileSystem, FsOptions};

use super::contents::{Contents, ON_DATA_PARTITION};
use super::disk::{self, Slice};

/// Of the partition. A run takes a few.
pub const MIB: u64 = 64;

/// Written last: a run that has it came to its end.
pub const VERDICT: &str = "verdict.json";
/// The guest's messages, each one as soon as it was sent.
pub const MESSAGES: &str = "messages.jsonl";
/// The kernel's log, up to the newest message.
pub const KERNEL_LOG: &str = "console.log";
pub const RESULTS: &str = "results.json";
/// What a person reads.
pub const REPORT: &str = "report.txt";
pub const MANIFEST: &str = "manifest.json";

const README: &str = "README.txt";

pub struct Data<'a> {
    files: FileSystem<Slice<'a>>,
    disk: &'a File,
}

/// A run, counted from 1 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Run(pub u32);

impl Run {
    pub fn name(self) -> String {
        format!("run-{:03}", self.0)
    }

    fn of_name(name: &str) -> Option<Run> {
        let run = Run(name.strip_prefix("run-")?.parse().ok()?);
        (run.name() == name).then_some(run)
    }
}

impl<'a> Data<'a> {
    /// The partition of an image that has not run.
    pub fn create(slice: impl Fn() -> Slice<'a>, contents: &Contents, seed: &str) -> Result<()> {
        disk::format(slice(), "VEXFS", seed, FatType::Fat16)?;
        let data = Data::open(slice())?;
        data.put(ON_DATA_PARTITION, &serde_json::to_vec_pretty(contents)?)?;
        data.put(README, readme(contents).as_bytes())?;
        data.close()
    }

    pub fn open(slice: Slice<'a>) -> Result<Data<'a>> {
        let disk = slice.disk();
        let files = FileSystem::new(slice, FsOptions::new())
            .context("the data partition has no FAT filesystem that can be read")?;
        Ok(Data { files, disk })
    }

    /// What the image is, as its data partition has it.
    pub fn contents(&self) -> Result<Contents> {
        let text = self
            .read(ON_DATA_PARTITION)?
            .with_context(|| format!("the data partition has no {ON_DATA_PARTITION}"))?;
        Contents::parse(&text).with_context(|| format!("{ON_DATA_PARTITION} on the data partition"))
    }

    pub fn newest(&self) -> Result<Option<Run>> {
        let mut runs = BTreeSet::new();
        for entry in self.files.root_dir().iter() {
            let entry = entry.context("cannot read the data partition")?;
            runs.extend(Run::of_name(&entry.file_name()).filter(|_| entry.is_dir()));
        }
        Ok(runs.pop_last())
    }

    /// Makes room for one more run, which from here on has begun.
    pub fn begin(&self) -> Result<Run> {
        let run = Run(self.newest()?.map_or(1, |Run(newest)| newest + 1));
        self.root()
            .create_dir(&run.name())
            .with_context(|| format!("cannot create {} on the data partition", run.name()))?;
        self.append(run, MESSAGES, b"")?;
        Ok(run)
    }

    pub fn append(&self, run: Run, name: &str, text: &[u8]) -> Result<()> {
        self.write(&format!("{}/{name}", run.name()), text, SeekFrom::End(0))
    }

    /// A file that is there whole, or not at all.
    pub fn add(&self, run: Run, name: &str, text: &[u8]) -> Result<()> {
        let (from, to) = (
            format!("{}/new", run.name()),
            format!("{}/{name}", run.name()),
        );
        self.put(&from, text)?;
        let root = self.root();
        root.rename(&from, &root, &to)
            .and_then(|()| self.disk.sync_data())
            .with_context(|| format!("cannot write {to} on the data partition"))
    }

    /// The file of a run, if it is there.
    pub fn read_of(&self, run: Run, name: &str) -> Result<Option<Vec<u8>>> {
        self.read(&format!("{}/{name}", run.name()))
    }

    /// The names of the files of a run.
    pub fn files_of(&self, run: Run) -> Result<Vec<String>> {
        let dir = self
            .root()
            .open_dir(&run.name())
            .with_context(|| format!("cannot read {}", run.name()))?;
        let mut names = Vec::new();
        for entry in dir.iter() {
            let entry = entry.with_context(|| format!("cannot read {}", run.name()))?;
            if entry.is_file() {
                names.push(entry.file_name());
            }
        }
        Ok(names)
    }

    /// Leaves a filesystem that nobody has to repair.
    pub fn close(self) -> Result<()> {
        self.files
            .unmount()
            .and_then(|()| self.disk.sync_data())
            .context("cannot complete the data partition")
    }

    fn root(&self) -> Dir<'_, Slice<'a>> {
        self.files.root_dir()
    }

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let mut text = Vec::new();
        match self.root().open_file(path) {
            Ok(mut file) => file.read_to_end(&mut text).map(|_| Some(text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
        .with_context(|| format!("cannot read {path} on the data partition"))
    }

    fn put(&self, path: &str, text: &[u8]) -> Result<()> {
        self.write(path, text, SeekFrom::Start(0))
    }

    /// From `at` on, to the file's new end.
    fn write(&self, path: &str, text: &[u8], at: SeekFrom) -> Result<()> {
        let write = || {
            let mut file = self.root().create_file(path)?;
            file.seek(at)?;
            file.truncate()?;
            file.write_all(text)?;
            file.flush()
        };
        write().with_context(|| format!("cannot write {path} on the data partition"))
    }
}

fn readme(contents: &Contents) -> String {
    format!(
        "This disk validates the kernel module of VexFS {}, and nothing else.\r\n\
         Bundle {}.\r\n\r\n\
         Boot a virtual machine with it, by UEFI. It runs the validation by itself and powers off.\r\n\
         Each time leaves a folder here, run-001 and so on. If there is none, it never ran.\r\n\
         In the folder, report.txt is for reading, and verdict.json for programs. A folder without\r\n\
         verdict.json is of a run that did not come to its end, which is no pass.\r\n",
        env!("CARGO_PKG_VERSION"),
        contents.bundle_id()
    )
}

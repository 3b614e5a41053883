// SPDX-License-Identifier: MIT OR Apache-2.0
//! The data partition: what the image is, and a directory for each time that it ran.

use anyhow::{Context, Result};
use hadris_fat::format::FatTypeSelection;

use super::contents::{Contents, ON_DATA_PARTITION};
use super::disk::Slice;
use super::fat::Fat;

/// The size of the partition. A run takes a few MiB.
pub const MIB: u64 = 64;

/// The report for a person. The other files are those of `verdict::record`; the verdict is written last, so a run that
/// has it came to its end.
pub const REPORT: &str = "report.txt";

const README: &str = "README.txt";
const UNFINISHED: &str = "unfinished";

pub struct Data<'disk> {
    files: Fat<'disk>,
}

/// The number of a run, counted from 1 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Run(pub u32);

impl Run {
    pub fn name(self) -> String {
        format!("run-{:03}", self.0)
    }

    fn path(self, name: &str) -> String {
        format!("{}/{name}", self.name())
    }

    fn of_name(name: &str) -> Option<Run> {
        let run = Run(name.strip_prefix("run-")?.parse().ok()?);
        (run.name() == name).then_some(run)
    }
}

impl<'disk> Data<'disk> {
    /// Makes the data partition of an image that has not run.
    pub fn create(
        slice: impl Fn() -> Slice<'disk>,
        contents: &Contents,
        serial: u32,
    ) -> Result<()> {
        let files = Fat::create(slice, serial, FatTypeSelection::Fat16)?;
        files.write(ON_DATA_PARTITION, &serde_json::to_vec_pretty(contents)?)?;
        files.write(README, readme(contents).as_bytes())
    }

    pub fn open(slice: Slice<'disk>) -> Result<Data<'disk>> {
        let files = Fat::open(slice).context("cannot use the data partition")?;
        Ok(Data { files })
    }

    /// What the image is, as its data partition has it.
    pub fn contents(&self) -> Result<Contents> {
        let text = self
            .files
            .read(ON_DATA_PARTITION)?
            .with_context(|| format!("the data partition has no {ON_DATA_PARTITION}"))?;
        Contents::parse(&text).with_context(|| format!("{ON_DATA_PARTITION} on the data partition"))
    }

    pub fn newest(&self) -> Result<Option<Run>> {
        let names = self.files.list(None)?;
        let runs = names
            .iter()
            .filter_map(|name| Run::of_name(name.strip_suffix('/')?));
        Ok(runs.max())
    }

    /// Makes room for one more run, which from here on has begun.
    pub fn begin(&self) -> Result<Run> {
        let run = Run(self.newest()?.map_or(1, |Run(newest)| newest + 1));
        self.files.make_dir(&run.name())?;
        Ok(run)
    }

    pub fn append(&self, run: Run, name: &str, text: &[u8]) -> Result<()> {
        self.files.append(&run.path(name), text)
    }

    /// Adds a file to a run: it is there whole, or not at all.
    pub fn add(&self, run: Run, name: &str, text: &[u8]) -> Result<()> {
        let unfinished = run.path(UNFINISHED);
        self.files.write(&unfinished, text)?;
        self.files.rename(&unfinished, name)
    }

    /// The file of a run, if it is there.
    pub fn read(&self, run: Run, name: &str) -> Result<Option<Vec<u8>>> {
        self.files.read(&run.path(name))
    }

    /// The names of the files of a run.
    pub fn list(&self, run: Run) -> Result<Vec<String>> {
        let names = self.files.list(Some(&run.name()))?;
        Ok(names
            .into_iter()
            .filter(|name| !name.ends_with('/'))
            .collect())
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

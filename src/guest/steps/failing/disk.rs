// SPDX-License-Identifier: MIT OR Apache-2.0
//! A disk beneath the store that cannot be read, and one that is full.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use anyhow::{Context as _, Result};
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};

use super::searched;
use crate::client::{Error, Kind};
use crate::guest::steps::context::Context;
use crate::guest::steps::stage::{self, Lower, Stage};
use crate::protocol::errno_name;
use crate::protocol::results::Case;

const INJECTOR: &str = "/sys/kernel/debug/fail_make_request";

pub fn cases(context: &Context) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    let all = u32::try_from(Kind::ALL.len() + 2)?;
    for kind in Kind::ALL.map(Some).into_iter().chain([None]) {
        let name = kind.map_or("INFO".to_owned(), |kind| format!("first search, {kind}"));
        cases.push(Case {
            name: format!("{name}, of a disk that cannot be read"),
            expected: "EIO, then as before".to_owned(),
            observed: unreadable(kind).unwrap_or_else(|error| format!("{error:#}")),
        });
        stage::clear_away()?;
        context.progress(u32::try_from(cases.len())?, all)?;
    }
    cases.push(Case {
        name: "rows appended on a full disk".to_owned(),
        expected: "ENOSPC, cut to its size it answers as before, with room it takes the row"
            .to_owned(),
        observed: full().unwrap_or_else(|error| format!("{error:#}")),
    });
    stage::clear_away()?;
    context.progress(all, all)?;
    Ok(cases)
}

fn unreadable(kind: Option<Kind>) -> Result<String> {
    let stage = Stage::new(Lower::Ext4)?;
    let query = searched::write(stage.lower())?;
    let ask = || match kind {
        Some(kind) => searched::search(stage.root(), &query, kind),
        None => searched::info(stage.root()),
    };
    let before = told(ask());
    // The module keeps copies: of a new mount it has none.
    stage.remount()?;
    forget(stage.lower())?;
    let failing = FailingDisk::beneath(stage.lower())?;
    let during = told(ask());
    drop(failing);
    let after = if told(ask()) == before {
        "as before".to_owned()
    } else {
        told(ask())
    };
    stage.unmount()?;
    Ok(format!("{during}, then {after}"))
}

/// Takes what is cached of the files in a directory from the cache, but leaves the directory there.
pub fn forget(dir: &Path) -> Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if !entry.file_type()?.is_file() {
            continue;
        }
        let file = File::open(entry.path())?;
        file.sync_all()?;
        posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED)?;
    }
    Ok(())
}

fn told(answer: Result<String, Error>) -> String {
    answer.unwrap_or_else(|error| error.errno().map_or(error.to_string(), errno_name))
}

/// A disk of which every request fails, until this is dropped.
struct FailingDisk {
    switch: String,
}

impl FailingDisk {
    fn beneath(dir: &Path) -> Result<FailingDisk> {
        let device = fs::metadata(dir)?.dev();
        let (major, minor) = (libc::major(device), libc::minor(device));
        let failing = FailingDisk {
            switch: format!("/sys/dev/block/{major}:{minor}/make-it-fail"),
        };
        for (name, value) in [
            ("probability", "100"),
            ("interval", "1"),
            ("times", "-1"),
            ("verbose", "0"),
        ] {
            fs::write(format!("{INJECTOR}/{name}"), value)
                .with_context(|| format!("cannot set {INJECTOR}/{name}"))?;
        }
        fs::write(&failing.switch, "1")
            .with_context(|| format!("cannot set {}", failing.switch))?;
        Ok(failing)
    }
}

impl Drop for FailingDisk {
    fn drop(&mut self) {
        // The cases after this one would show it.
        let _ = fs::write(&self.switch, "0");
    }
}

fn full() -> Result<String> {
    let stage = Stage::new(Lower::Ext4)?;
    let query = searched::write(stage.lower())?;
    let ask = || told(searched::search(stage.root(), &query, Kind::Hnsw));
    let before = ask();
    let filler = stage.lower().join("filler");
    fill(&filler)?;

    let path = searched::path(stage.root());
    let length = fs::metadata(&path)?.len();
    let row = row_of(&path)?;
    // More than what is left of the last block.
    let rows = row.repeat(100);
    let mut file = File::options().append(true).open(&path)?;
    let appended = match file.write_all(&rows).and_then(|()| file.sync_all()) {
        Err(error) if error.kind() == io::ErrorKind::StorageFull => "ENOSPC".to_owned(),
        Err(error) => error.to_string(),
        Ok(()) => "ok".to_owned(),
    };
    file.set_len(length)?;
    let cut = if ask() == before {
        "answers as before".to_owned()
    } else {
        ask()
    };

    fs::remove_file(&filler)?;
    file.write_all(&row)?;
    file.sync_all()?;
    let grown = match searched::info(stage.root()) {
        Ok(info) if info.starts_with("301 rows") => "takes the row".to_owned(),
        other => told(other),
    };
    drop(file);
    stage.unmount()?;
    Ok(format!(
        "{appended}, cut to its size it {cut}, with room it {grown}"
    ))
}

/// Writes `path` until nothing more goes onto its disk.
fn fill(path: &Path) -> Result<()> {
    let mut file = File::create(path)?;
    for length in [1 << 20, 1 << 12, 1] {
        let piece = vec![1; length];
        loop {
            match file.write_all(&piece).and_then(|()| file.sync_data()) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::StorageFull => break,
                Err(error) => return Err(error).context("cannot fill the disk"),
            }
        }
    }
    Ok(())
}

/// The bytes of the first row of a vector file.
fn row_of(path: &Path) -> Result<Vec<u8>> {
    let file = File::open(path)?;
    let mut dim = [0; 4];
    file.read_exact_at(&mut dim, 0)?;
    let mut row = vec![0; 4 + 4 * u32::from_le_bytes(dim) as usize];
    file.read_exact_at(&mut row, 0)?;
    Ok(row)
}

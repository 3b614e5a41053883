// SPDX-License-Identifier: MIT OR Apache-2.0
//! Appends rows and replaces indexes through the module, and tells the host what is stored, until the guest is cut off.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::context::Context;
use crate::anns::index::Kind;
use crate::exercise::cut_files::{
    MOST_ROWS, ROW_BYTES, Replacing, built, encoded, index, mixed, replacing, vectors,
};
use crate::guest::cut_disk::CutDisk;
use crate::protocol::Message;
use crate::protocol::cuts::Stored;
use crate::protocol::results::Writing;

/// Whoever is not cut off ends by itself.
const AT_MOST: Duration = Duration::from_secs(30);

/// Rows of one append.
const MOST_APPENDED: u64 = 8;

/// One action of so many writes an index; the others append.
const INDEX_EVERY: u64 = 8;

pub fn observe(context: &Context) -> Result<Writing> {
    let plan = context
        .plan
        .cut
        .context("the plan does not say what to write")?;
    let disk = CutDisk::mount()?;
    let mut choice = Choice(mixed(plan.seed ^ mixed(u64::from(plan.boot))));
    let begun = Instant::now();
    let mut stored = 0;
    let path = vectors(disk.root());
    let mut rows = usize::try_from(fs::metadata(&path).map_or(0, |meta| meta.len()) / ROW_BYTES)?;
    while begun.elapsed() < AT_MOST {
        let now = if rows == 0 || (rows < MOST_ROWS && choice.next(INDEX_EVERY) > 0) {
            let more = usize::try_from(1 + choice.next(MOST_APPENDED))?;
            let end = (rows + more).min(MOST_ROWS);
            append(&path, &encoded(plan.seed, rows..end)?, &mut choice)?;
            rows = end;
            Stored {
                rows: rows as u64,
                ..Stored::default()
            }
        } else {
            let kind = Kind::ALL[usize::try_from(choice.next(Kind::ALL.len() as u64))?];
            replace(disk.root(), kind, &built(plan.seed, rows, kind)?)?;
            Stored {
                indexes: [(kind, rows as u64)].into(),
                ..Stored::default()
            }
        };
        context.send(&Message::Stored { stored: now })?;
        stored += 1;
    }
    disk.unmount()?;
    Ok(Writing { stored })
}

/// Appends in one write or in two. The first of two may end within a row and is stored by itself, so that a cut may
/// leave it alone.
fn append(path: &Path, bytes: &[u8], choice: &mut Choice) -> Result<()> {
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    let at = usize::try_from(choice.next(bytes.len() as u64))?;
    let pieces = bytes.split_at(if choice.next(2) == 0 { 0 } else { at });
    file.write_all(pieces.0)
        .and_then(|()| match pieces.0 {
            [] => Ok(()),
            _ => file.sync_all(),
        })
        .and_then(|()| file.write_all(pieces.1))
        .and_then(|()| file.sync_all())
        .and_then(|()| sync_directory(path))
        .with_context(|| format!("cannot append to {}", path.display()))
}

fn replace(dir: &Path, kind: Kind, bytes: &[u8]) -> Result<()> {
    let path = index(dir, kind);
    let written = match replacing(kind) {
        Replacing::WrittenOver => write(&path, bytes),
        Replacing::Renamed => {
            let new = path.with_extension("new");
            write(&new, bytes).and_then(|()| fs::rename(&new, &path))
        }
    };
    written
        .and_then(|()| sync_directory(&path))
        .with_context(|| format!("cannot write {}", path.display()))
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    // The halves are stored one after the other, so that a cut may leave the first alone.
    for half in [&bytes[..bytes.len() / 2], &bytes[bytes.len() / 2..]] {
        file.write_all(half)?;
        file.sync_all()?;
    }
    Ok(())
}

fn sync_directory(path: &Path) -> std::io::Result<()> {
    File::open(path.parent().unwrap_or(path))?.sync_all()
}

/// The writer's choices, which follow from a seed.
struct Choice(u64);

impl Choice {
    /// A number below `below`.
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(1);
        mixed(self.0) % below.max(1)
    }
}

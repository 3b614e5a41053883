// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tells what a power cut has left, as it is beneath and as the module shows and searches it.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::context::{Context, flat};
use crate::anns::index::{Bytes, Index, Kind};
use crate::anns::{Hit, Metric, flat as exact};
use crate::client::{Method, Searcher};
use crate::dataset::{Matrix, fvecs};
use crate::exercise::cut_files::{MOST_ROWS, ROW_BYTES, built, encoded, index, row, vectors};
use crate::guest::cut_disk::CutDisk;
use crate::protocol::cuts::{Search, SurvivingIndex, Survivors};
use crate::protocol::errno_name;

/// The most rows that a search asks for.
const K: usize = 5;

pub fn observe(context: &Context) -> Result<Survivors> {
    let plan = context
        .plan
        .cut
        .context("the plan does not say what was written")?;
    let disk = CutDisk::mount()?;
    let (beneath, above) = (vectors(disk.lower()), vectors(disk.root()));
    let bytes = read_if_there(&beneath)?.unwrap_or_default();
    let rows = sound_rows(plan.seed, &bytes)?;
    let decoded = fvecs::decode(&bytes[..], bytes.len() as u64).ok();
    let decoded = decoded.filter(|decoded| !decoded.is_empty());
    let query = row(plan.seed ^ 1, 0);
    let same_beneath = read_if_there(&above)?.unwrap_or_default() == bytes;

    let mut indexes = BTreeMap::new();
    for kind in Kind::ALL {
        let file = read_if_there(&index(disk.lower(), kind))?;
        let parsed = file.as_ref().and_then(|file| parse(file, kind));
        let covers = parsed.as_ref().map(|index| index.header().rows as usize);
        let same = covers
            .filter(|covers| *covers <= MOST_ROWS)
            .map(|covers| Ok::<_, anyhow::Error>(Some(built(plan.seed, covers, kind)?) == file))
            .transpose()?;
        let right = match (&parsed, &decoded) {
            (Some(index), Some(rows)) if index.check_rows(rows).is_ok() => {
                Some(index.search(rows, &query, K.min(rows.rows()), 0).hits)
            }
            _ => None,
        };
        let found = SurvivingIndex {
            bytes: file.as_ref().map(|file| file.len() as u64),
            covers: covers
                .filter(|_| same == Some(true))
                .map(|rows| rows as u64),
            search: search(&above, &query, kind.into(), decoded.as_ref(), right),
        };
        indexes.insert(kind, found);
        context.working("indexes", indexes.len() as u64, Kind::ALL.len() as u64)?;
    }
    let exact = |rows: &Matrix| exact::search(rows, Metric::L2, &query, K.min(rows.rows())).hits;
    let kind = crate::client::Kind::Flat;
    let flat = search(
        &above,
        &query,
        kind,
        decoded.as_ref(),
        decoded.as_ref().map(exact),
    );
    let whole = rows as u64 * ROW_BYTES;
    let tail = bytes.len() as u64 - whole;
    let cut_to_rows = if tail > 0 {
        OpenOptions::new()
            .write(true)
            .open(&above)
            .and_then(|file| file.set_len(whole).and_then(|()| file.sync_all()))
            .context("cannot cut the file to its rows")?;
        let kept = Some(crate::exercise::cut_files::rows(plan.seed, rows)).filter(|_| rows > 0);
        Some(search(
            &above,
            &query,
            kind,
            kept.as_ref(),
            kept.as_ref().map(exact),
        ))
    } else {
        None
    };
    disk.unmount()?;
    Ok(Survivors {
        bytes: bytes.len() as u64,
        rows: rows as u64,
        tail,
        same_beneath,
        flat,
        indexes,
        cut_to_rows,
    })
}

/// How many rows from the first on are to the bit those that were written.
fn sound_rows(seed: u64, bytes: &[u8]) -> Result<usize> {
    let whole = bytes.len() / usize::try_from(ROW_BYTES)?;
    let written = encoded(seed, 0..whole)?;
    let chunk = usize::try_from(ROW_BYTES)?;
    let pairs = bytes.chunks_exact(chunk).zip(written.chunks_exact(chunk));
    Ok(pairs
        .take_while(|(found, written)| found == written)
        .count())
}

fn parse(file: &[u8], kind: Kind) -> Option<Index> {
    Index::parse(Bytes::copy_of(file).ok()?, kind).ok()
}

fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        read => read
            .map(Some)
            .with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Searches through the module. `right` is the answer that the files beneath give, if they give one.
fn search(
    path: &Path,
    query: &[f32],
    kind: crate::client::Kind,
    rows: Option<&Matrix>,
    right: Option<Vec<Hit>>,
) -> Search {
    let method = Method {
        kind,
        ..flat(K.min(rows.map_or(K, Matrix::rows)) as u32)
    };
    let answer = Searcher::open(path).and_then(|searcher| searcher.search(query, method));
    Search {
        answerable: right.is_some(),
        said: match answer {
            Ok(found) if Some(&found.hits) == right.as_ref() => "right".to_owned(),
            Ok(_) => "wrong".to_owned(),
            Err(error) => error.errno().map_or(error.to_string(), errno_name),
        },
    }
}

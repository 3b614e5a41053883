// SPDX-License-Identifier: MIT OR Apache-2.0
//! Loads, mounts, writes, searches exactly and by an index, checks that what is in use is busy, unmounts and unloads.
//! It does so again and again, and tells the memory in use after each time.

use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::anns::index;
use crate::anns::{Metric, flat as exact};
use crate::client::{Method, Place, Searcher};
use crate::dataset::{Matrix, fvecs};
use crate::exercise::building::{build, parse};
use crate::guest::kmod;
use crate::guest::mounts::{Mounted, Store};
use crate::guest::steps::context::{Context, flat};
use crate::protocol::results::{Cycle, Cycles, Memory};
use crate::protocol::{Failure, errno_name};
use crate::system::proc::{meminfo_kib, read_trimmed, slab_objects};

const ROWS: usize = 64;
const DIM: usize = 32;
const K: u32 = 5;

/// Cycles from one progress message to the next, at least; and the most messages of many cycles.
const PROGRESS_EVERY: u32 = 10;
const MOST_PROGRESS: u32 = 100;

pub fn observe(context: &Context) -> Result<Cycles> {
    let planned = context.plan.cycles;
    let store = Store::new()?;
    let lower = store.part(Place::Kernel)?;
    kmod::ensure_unloaded()?;
    let every = PROGRESS_EVERY.max(planned / MOST_PROGRESS);
    let mut cycles = Vec::new();
    let mut failed = None;
    for number in 0..planned {
        match cycle(&lower, number).with_context(|| format!("cycle {}", number + 1)) {
            Ok(cycle) => cycles.push(cycle),
            Err(error) => {
                failed = Some(Failure::from(&error));
                break;
            }
        }
        if (number + 1) % every == 0 {
            context.progress(number + 1, planned)?;
        }
    }
    Ok(Cycles {
        planned,
        cycles,
        failed,
    })
}

fn cycle(lower: &Path, number: u32) -> Result<Cycle> {
    kmod::load()?;
    let mounted = Mounted::new(Place::Kernel, lower)?;
    let path = mounted.root().join("cycle.fvecs");
    let rows = rows(number);
    fvecs::write(&path, &rows)?;
    let kind = index::Kind::ALL[number as usize % index::Kind::ALL.len()];
    let built = build(&rows, Metric::L2, kind)?;
    fs::write(format!("{}.{}", path.display(), kind.extension()), &built)
        .context("cannot write the index")?;

    let query = rows.row(number as usize % ROWS);
    let searcher = Searcher::open(&path)?;
    let found = searcher.search(query, flat(K))?;
    let by_index = Method {
        kind: kind.into(),
        ..flat(K)
    };
    let found_by_index = searcher.search(query, by_index)?;
    drop(searcher);
    let expected = parse(&built, kind)?.search(&rows, query, K as usize, 0);
    let vexfs_objects_mounted = slab_objects(kmod::NAME)?;

    let open = File::open(&path).context("cannot open the file that was just searched")?;
    let busy_unmount = name_of(mounted.try_unmount());
    let busy_unload = name_of(kmod::try_unload());
    drop(open);

    mounted.unmount()?;
    kmod::unload()?;
    Ok(Cycle {
        answer_equal: found.hits == exact::search(&rows, Metric::L2, query, K as usize).hits
            && found_by_index.hits == expected.hits,
        busy_unmount,
        busy_unload,
        memory: memory(vexfs_objects_mounted)?,
    })
}

/// Rows that differ from cycle to cycle, so that no answer can be one of an earlier cycle.
fn rows(number: u32) -> Matrix {
    let mut rows = Matrix::new(DIM);
    for row in 0..ROWS {
        let element = |column: usize| ((row * 31 + column * 17 + number as usize) % 97) as f32;
        rows.push(&std::array::from_fn::<f32, DIM, _>(element));
    }
    rows
}

fn name_of(result: nix::Result<()>) -> String {
    result.map_or_else(errno_name, |()| "ok".to_owned())
}

fn memory(vexfs_objects_mounted: u64) -> Result<Memory> {
    let meminfo = read_trimmed("/proc/meminfo")?;
    let kib = |name| meminfo_kib(&meminfo, name);
    Ok(Memory {
        free_kib: kib("MemFree")?,
        slab_kib: kib("Slab")?,
        slab_unreclaimable_kib: kib("SUnreclaim")?,
        vmalloc_used_kib: kib("VmallocUsed")?,
        vexfs_objects_mounted,
        vexfs_objects: slab_objects(kmod::NAME)?,
    })
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether a search sees what was written, and whom it keeps waiting.

use std::fs::{self, File, OpenOptions, Permissions};
use std::num::NonZeroUsize;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::mount::{MntFlags, umount2};
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};
use nix::sys::signal::{Signal, kill};

use super::trial::Trial;
use crate::anns::Metric;
use crate::client::{Found, Kind, Method, Searcher};
use crate::dataset::{Matrix, fvecs};
use crate::guest::mounts::{mount_fuse, stop_fuse};
use crate::guest::steps::stage::{Lower, Stage};
use crate::store::abi::K_MAX;
use crate::system::deadline::{doze, wait_for};

pub const TRIALS: &[Trial] = &[
    Trial {
        name: "a direct write beneath that is under way is waited for",
        lower: Lower::Ext4,
        work: direct_write,
        expected: "the search waits and sees it, and so does the next one",
    },
    Trial {
        name: "a long file is read while its mode is changed",
        lower: Lower::Tmpfs,
        work: change_mode,
        expected: "it is changed again and again meanwhile",
    },
    Trial {
        name: "stores into a shared mapping are seen",
        lower: Lower::Tmpfs,
        work: stores,
        expected: "each is seen",
    },
    Trial {
        name: "no write through the mount is seen halfway",
        lower: Lower::Tmpfs,
        work: whole_writes,
        expected: "each answer is of one write",
    },
];

const DIM: usize = 31;
/// With its dimension, a row takes 128 bytes.
const ROWS: usize = 8192;

fn rows(value: f32) -> Matrix {
    let mut rows = Matrix::new(DIM);
    for _ in 0..ROWS {
        rows.push(&[value; DIM]);
    }
    rows
}

/// The rows that are nearest to 0.
fn search(file: &Searcher, dim: usize, k: u32) -> Result<Found> {
    let method = Method {
        kind: Kind::Flat,
        metric: Metric::L2,
        k,
        effort: 0,
    };
    Ok(file.search(&vec![0.0; dim], method)?)
}

/// The distance of the nearest row from 0.
fn nearest(path: &Path, dim: usize) -> Result<u32> {
    let found = search(&Searcher::open(path)?, dim, 1)?;
    Ok(found.hits[0].distance)
}

/// Aligned as a direct write demands.
#[repr(align(4096))]
struct Page([u8; 4096]);

/// Longer than a tick of the clock that stamps files.
const TICK: Duration = Duration::from_millis(30);
/// How long a write may take until it waits.
const SOON: Duration = Duration::from_secs(20);

/// When the file was changed last.
fn changed(path: &Path) -> Result<(i64, i64)> {
    let found = fs::metadata(path)?;
    Ok((found.ctime(), found.ctime_nsec()))
}

/// The data of the write come from a mapping of a file on FUSE whose server is stopped: ext4 has changed the times by
/// then, and holds the inode lock shared.
fn direct_write(stage: &Stage) -> Result<String> {
    const BYTES: usize = ROWS * 128;
    let (below, above) = (stage.lower().join("x.fvecs"), stage.root().join("x.fvecs"));
    fvecs::write(&below, &rows(1.0))?;
    let source = Path::new("/store/source");
    fs::create_dir(source)?;
    fvecs::write(&source.join("y.fvecs"), &rows(2.0))?;
    File::open(&below)?.sync_all()?;
    let old = nearest(&above, DIM)?;

    let fuse = Path::new("/mnt/fuse");
    fs::create_dir_all(fuse)?;
    let mut daemon = mount_fuse(source, fuse)?;
    let data = File::open(fuse.join("y.fvecs"))?;
    let direct = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_DIRECT)
        .open(&below)?;
    // Once before: only then does ext4 know that there is no set-user-id bit to clear, and share the lock.
    let mut page = Box::new(Page([0; 4096]));
    page.0.copy_from_slice(&fs::read(&below)?[..4096]);
    direct.write_all_at(&page.0, 0)?;
    let length = NonZeroUsize::new(BYTES).context("it is empty")?;
    // SAFETY: a new mapping, which nobody else refers to.
    let mapped = unsafe {
        mmap(
            None,
            length,
            ProtFlags::PROT_READ,
            MapFlags::MAP_SHARED,
            &data,
            0,
        )
    }
    .context("cannot map it")?;
    // SAFETY: it is so long, and stays until the end.
    let bytes: &[u8] = unsafe { std::slice::from_raw_parts(mapped.as_ptr().cast(), BYTES) };

    sleep(TICK);
    let before = changed(&below)?;
    let server = stop_fuse(&daemon)?;
    let searched = AtomicBool::new(false);
    let (waited, seen) = thread::scope(|scope| {
        let write = scope.spawn(|| direct.write_all_at(bytes, 0));
        // ext4 stamps the file before it asks for the data, however busy the host is.
        let begun = wait_for("the stamp of the write", SOON, || {
            Ok((changed(&below)? != before).then_some(()))
        });
        let search = scope.spawn(|| {
            let seen = nearest(&above, DIM);
            searched.store(true, Ordering::Release);
            seen
        });
        doze(Duration::from_millis(500));
        let waited = !searched.load(Ordering::Acquire) && !write.is_finished();
        kill(server, Signal::SIGCONT)?;
        begun?;
        write.join().expect("the writer panics")?;
        anyhow::Ok((waited, search.join().expect("the searcher panics")?))
    })?;
    let next = nearest(&above, DIM)?;
    // SAFETY: nobody refers to it any more.
    unsafe { munmap(mapped, BYTES)? };
    drop(data);
    umount2(fuse, MntFlags::empty())?;
    daemon.wait()?;
    Ok(format!(
        "the search {} and {} it, and {} the next one",
        if waited { "waits" } else { "does not wait" },
        if seen == old { "does not see" } else { "sees" },
        if next == old {
            "neither does"
        } else {
            "so does"
        },
    ))
}

/// Stores into one mapping, which stays all the time, with a search after each.
fn stores(stage: &Stage) -> Result<String> {
    const BYTES: usize = ROWS * 128;
    let path = stage.root().join("x.fvecs");
    fvecs::write(&path, &rows(10.0))?;
    let file = OpenOptions::new().read(true).write(true).open(&path)?;
    let length = NonZeroUsize::new(BYTES).context("it is empty")?;
    // SAFETY: a new mapping of a file that has these bytes, which nobody else refers to.
    let mapped = unsafe {
        mmap(
            None,
            length,
            ProtFlags::PROT_READ | ProtFlags::PROT_WRITE,
            MapFlags::MAP_SHARED,
            &file,
            0,
        )
    }
    .context("cannot map it")?;
    let first = mapped.cast::<f32>();
    let mut seen = 0;
    for value in 1..=3_u8 {
        // SAFETY: the first row has these elements behind its dimension, and the mapping is aligned to a page.
        unsafe { (1..=DIM).for_each(|at| first.add(at).write(f32::from(value))) };
        let expected = DIM as f32 * f32::from(value) * f32::from(value);
        seen += u32::from(nearest(&path, DIM)? == expected.to_bits());
    }
    // SAFETY: nobody refers to it any more.
    unsafe { munmap(mapped, BYTES)? };
    Ok(match seen {
        3 => "each is seen".to_owned(),
        seen => format!("{seen} of 3 are seen"),
    })
}

/// A lock that is held all the time lets one or two through.
const CHANGES: u32 = 8;

fn change_mode(stage: &Stage) -> Result<String> {
    const DIM: usize = 1023;
    let path = stage.root().join("x.fvecs");
    let mut long = Matrix::new(DIM);
    // 64 MiB.
    for _ in 0..16_384 {
        long.push(&[1.0; DIM]);
    }
    fvecs::write(&path, &long)?;
    drop(long);
    let (reading, read) = (AtomicBool::new(false), AtomicBool::new(false));
    // A host that is busy with others may make any one of them wait, so they are counted.
    let (took, changes) = thread::scope(|scope| {
        let changer = scope.spawn(|| -> Result<u32> {
            let mut changes = 0;
            while !read.load(Ordering::Acquire) {
                fs::set_permissions(&path, Permissions::from_mode(0o644))?;
                changes += u32::from(reading.load(Ordering::Acquire));
                sleep(Duration::from_millis(1));
            }
            Ok(changes)
        });
        sleep(Duration::from_millis(20));
        let begun = Instant::now();
        reading.store(true, Ordering::Release);
        let searched = nearest(&path, DIM);
        let took = begun.elapsed();
        read.store(true, Ordering::Release);
        let changes = changer.join().expect("the changer panics")?;
        searched.map(|_| (took, changes))
    })?;
    Ok(if changes >= CHANGES {
        "it is changed again and again meanwhile".to_owned()
    } else {
        format!("reading takes {took:?}, with {changes} changes meanwhile")
    })
}

/// Two writes of the whole file in turns, each with rows of one value: then all rows are equally far from any query.
fn whole_writes(stage: &Stage) -> Result<String> {
    const DIM: usize = 1023;
    const CHANGES: usize = 60;
    let path = stage.root().join("x.fvecs");
    let contents = [1.0, 2.0].map(|value| {
        let mut bytes = Vec::new();
        // 8 MiB.
        for _ in 0..2048 {
            fvecs::encode_row(&mut bytes, &[value; DIM]).expect("memory takes it");
        }
        bytes
    });
    fs::write(&path, &contents[0])?;
    let file = OpenOptions::new().write(true).open(&path)?;
    let searcher = Searcher::open(&path)?;
    let (mut seen, mut mixed) = ([0, 0], 0);
    thread::scope(|scope| {
        let writer = scope.spawn(|| -> Result<()> {
            for i in 1..=CHANGES {
                file.write_all_at(&contents[i % 2], 0)?;
                sleep(Duration::from_millis(3));
            }
            Ok(())
        });
        while !writer.is_finished() {
            let found = search(&searcher, DIM, K_MAX)?;
            let (first, last) = (found.hits[0], found.hits[found.hits.len() - 1]);
            if first.distance != last.distance {
                mixed += 1;
            } else {
                // A row of ones is 1 away in each element.
                seen[usize::from(first.distance != (DIM as f32).to_bits())] += 1;
            }
        }
        writer.join().expect("the writer panics")
    })?;
    Ok(if mixed == 0 && seen.iter().any(|&seen| seen > 0) {
        "each answer is of one write".to_owned()
    } else {
        format!("{mixed} answers are of two writes, {seen:?} of one")
    })
}

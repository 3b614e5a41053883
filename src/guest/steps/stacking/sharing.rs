// SPDX-License-Identifier: MIT OR Apache-2.0
//! Snapshots that share rows: what was changed through the mount is read, and nothing else, and nobody's answer changes
//! under them.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, sleep};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::fcntl::{FallocateFlags, fallocate};

use super::memory::mapped_kib;
use super::trial::Trial;
use crate::anns::{Metric, flat};
use crate::client::{Found, Kind, Method, Searcher};
use crate::dataset::fvecs;
use crate::guest::steps::stage::{Lower, Stage};
use crate::protocol::errno_name;
use crate::store::abi::K_MAX;
use crate::system::deadline::wait_for;

pub const TRIALS: &[Trial] = &[
    Trial {
        name: "what is changed through the mount is read, and no more, on tmpfs",
        lower: Lower::Tmpfs,
        work: changes,
        expected: "11 changes seen as in process, 9 of them without reading the file",
    },
    Trial {
        name: "what is changed through the mount is read, and no more, on ext4",
        lower: Lower::Ext4,
        work: changes,
        expected: "11 changes seen as in process, 9 of them without reading the file",
    },
    Trial {
        name: "an empty file that was looked at, and rows that are appended to it",
        lower: Lower::Tmpfs,
        work: from_nothing,
        expected: "as in process, each of 20 times",
    },
    Trial {
        name: "memory for rows that are appended",
        lower: Lower::Tmpfs,
        work: memory,
        expected: "a piece for the first row, none for the second, given back when the file is read again",
    },
    Trial {
        name: "rows that are overwritten while others search",
        lower: Lower::Tmpfs,
        work: overwritten,
        expected: "each answer is of one write",
    },
    Trial {
        name: "rows that are appended while others search",
        lower: Lower::Tmpfs,
        work: appended,
        expected: "each answer is of the rows that it names",
    },
    Trial {
        name: "a change beneath between two through the mount",
        lower: Lower::Tmpfs,
        work: between,
        expected: "all three are seen",
    },
    Trial {
        name: "a change through the mount while somebody has the file open for writing beneath",
        lower: Lower::Tmpfs,
        work: another_writer,
        expected: "seen by reading the file, and then without it",
    },
    Trial {
        name: "malformed rows that are appended, and mended",
        lower: Lower::Tmpfs,
        work: malformed,
        expected: "half a row EBADMSG, mended as in process, another dimension EBADMSG, cut off as in process, \
                   a hole EBADMSG, filled as in process",
    },
];

const DIM: usize = 31;
const ROW: u64 = 128;
/// A file whose pieces have 1,024 rows. A row more takes no other huge page, where vmalloc has them.
const ROWS: usize = 70_000;
const PIECE_ROWS: usize = 1024;
/// More than what a load in full leaves behind, and less than a piece.
const SOME_KIB: u64 = 64;

/// Row `number` of a file, of a kind that tells files apart.
fn row(number: usize, kind: usize) -> [f32; DIM] {
    std::array::from_fn(|at| ((number * 7919 + at * 613 + kind * 104_729) % 1009) as f32 / 8.0)
}

fn encode<'a>(rows: impl IntoIterator<Item = &'a [f32; DIM]>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for row in rows {
        fvecs::encode_row(&mut bytes, row).expect("memory takes it");
    }
    bytes
}

fn some_rows(count: usize, kind: usize) -> Vec<u8> {
    let rows: Vec<_> = (0..count).map(|number| row(number, kind)).collect();
    encode(&rows)
}

fn for_writing(path: &Path) -> Result<File> {
    Ok(OpenOptions::new().read(true).write(true).open(path)?)
}

fn append(path: &Path, bytes: &[u8]) -> Result<()> {
    Ok(OpenOptions::new()
        .append(true)
        .open(path)?
        .write_all(bytes)?)
}

fn search(file: &Searcher, query: &[f32], metric: Metric, k: u32) -> Result<Found> {
    let method = Method {
        kind: Kind::Flat,
        metric,
        k,
        effort: 0,
    };
    Ok(file.search(query, method)?)
}

/// Does a search give what one in process gives on the rows as they are beneath? What is searched for is as near as can
/// be to the rows with these numbers, to the last one and to none.
fn as_in_process(stage: &Stage, metric: Metric, numbers: &[usize]) -> Result<bool> {
    const K: u32 = 40;
    let rows = fvecs::read(&stage.lower().join("x.fvecs"))?;
    let file = Searcher::open(&stage.root().join("x.fvecs"))?;
    let mut same = true;
    let mut queries = vec![row(12_345, 77).to_vec()];
    for &number in numbers.iter().chain([&(rows.rows() - 1)]) {
        queries.push(rows.row(number).to_vec());
    }
    for query in &queries {
        let found = search(&file, query, metric, K)?;
        let expected = flat::search(&rows, metric, query, K as usize);
        let pairs = found.hits.iter().zip(&expected.hits);
        same &= found.rows == rows.rows() as u64 && found.hits.len() == K as usize;
        same &= pairs
            .into_iter()
            .all(|(a, b)| (a.row, a.distance) == (b.row, b.distance));
    }
    Ok(same)
}

/// Reads the file in full: then only a snapshot that shares its rows takes more memory.
fn read_in_full(stage: &Stage) -> Result<u64> {
    stage.remount()?;
    Searcher::open(&stage.root().join("x.fvecs"))?.info()?;
    mapped_kib()
}

/// What a change of the file came to.
struct Seen {
    as_in_process: bool,
    /// Whether the next snapshot shares the rows of the last one.
    shared: bool,
}

fn see(stage: &Stage, metric: Metric, change: impl Fn(&Path) -> Result<()>) -> Result<Seen> {
    let before = read_in_full(stage)?;
    let old = fvecs::read(&stage.lower().join("x.fvecs"))?;
    change(&stage.root().join("x.fvecs"))?;
    let new = fvecs::read(&stage.lower().join("x.fvecs"))?;
    let changed = |&number: &usize| new.row(number) != old.row(number);
    let common = 0..old.rows().min(new.rows());
    let ends = [
        common.clone().find(changed),
        common.rev().find(changed),
        (new.rows() > old.rows()).then_some(old.rows()),
    ];
    let ends: Vec<_> = ends.into_iter().flatten().collect();
    let as_in_process = as_in_process(stage, metric, &ends)?;
    Ok(Seen {
        as_in_process,
        shared: mapped_kib()? > before + SOME_KIB,
    })
}

type Change = (&'static str, fn(&Path) -> Result<()>);

/// Most of them leave so few pieces changed that the others are shared; the last two do not.
const CHANGES: [Change; 11] = [
    ("a row appended", |path| append(path, &some_rows(1, 1))),
    ("rows of some pieces appended", |path| {
        append(path, &some_rows(3 * PIECE_ROWS + 5, 2))
    }),
    ("a row overwritten", |path| {
        Ok(for_writing(path)?.write_all_at(&some_rows(1, 3), 30_000 * ROW)?)
    }),
    ("bytes at an odd offset across rows", |path| {
        let rows = some_rows(4, 4);
        Ok(for_writing(path)?.write_all_at(&rows[9..409], 40_959 * ROW + 9)?)
    }),
    ("the first row overwritten", |path| {
        Ok(for_writing(path)?.write_all_at(&some_rows(1, 5), 0)?)
    }),
    ("rows cut off, and others appended", |path| {
        let file = for_writing(path)?;
        file.set_len((ROWS as u64 - 700) * ROW)?;
        append(path, &some_rows(900, 6))
    }),
    ("rows spliced from a pipe", |path| {
        let (reader, mut writer) = std::io::pipe()?;
        writer.write_all(&some_rows(20, 7))?;
        let file = for_writing(path)?;
        let mut at = 20_470 * ROW as i64;
        // SAFETY: both are open, and the offset outlives the call.
        let count = unsafe {
            libc::splice(
                reader.as_raw_fd(),
                std::ptr::null_mut(),
                file.as_raw_fd(),
                &raw mut at,
                20 * ROW as usize,
                0,
            )
        };
        ensure!(count == 20 * ROW as isize, "{count} bytes spliced");
        Ok(())
    }),
    ("rows copied from another file", |path| {
        let other = path.with_file_name("other");
        fs::write(&other, some_rows(20, 8))?;
        let (from, to) = (File::open(&other)?, for_writing(path)?);
        let (mut at, mut to_at) = (0, 50_000 * ROW as i64);
        // SAFETY: both are open, and the offsets outlive the call.
        let count = unsafe {
            libc::copy_file_range(
                from.as_raw_fd(),
                &raw mut at,
                to.as_raw_fd(),
                &raw mut to_at,
                20 * ROW as usize,
                0,
            )
        };
        ensure!(count == 20 * ROW as isize, "{count} bytes copied");
        Ok(())
    }),
    ("a hole for the elements of a row", |path| {
        let flags = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
        let (at, length) = (10_000 * ROW as i64 + 4, ROW as i64 - 4);
        Ok(fallocate(for_writing(path)?, flags, at, length)?)
    }),
    ("rows overwritten here and there", |path| {
        let file = for_writing(path)?;
        for number in 0..40 {
            file.write_all_at(&some_rows(1, 9 + number as usize), 1000 * number * ROW)?;
        }
        Ok(())
    }),
    ("all rows overwritten", |path| {
        Ok(for_writing(path)?.write_all_at(&some_rows(ROWS, 50), 0)?)
    }),
];

fn changes(stage: &Stage) -> Result<String> {
    fs::write(stage.lower().join("x.fvecs"), some_rows(ROWS, 0))?;
    let mut shared = 0;
    // One metric for each change: a flat search takes long where the CPU is emulated.
    for ((name, change), metric) in CHANGES.into_iter().zip(Metric::ALL.into_iter().cycle()) {
        // On a host that stops the guest for a second, a snapshot is no longer believed.
        for last in [false, false, true] {
            let seen = see(stage, metric, change)?;
            if !seen.as_in_process {
                return Ok(format!("{name}: not as in process"));
            }
            shared += u32::from(seen.shared);
            if seen.shared || last {
                break;
            }
        }
    }
    Ok(format!(
        "{} changes seen as in process, {shared} of them without reading the file",
        CHANGES.len()
    ))
}

/// Once more and once more: whether the driver knows all that was changed depends on the clock.
fn from_nothing(stage: &Stage) -> Result<String> {
    const TIMES: usize = 20;
    let path = stage.root().join("x.fvecs");
    for time in 0..TIMES {
        fs::write(&path, [])?;
        let empty = Searcher::open(&path)?.info()?;
        ensure!(empty.rows == 0, "{} rows of an empty file", empty.rows);
        append(&path, &some_rows(50, time))?;
        if !as_in_process(stage, Metric::ALL[time % Metric::ALL.len()], &[0, 20])? {
            return Ok(format!("not as in process, time {time}"));
        }
    }
    Ok(format!("as in process, each of {TIMES} times"))
}

fn memory(stage: &Stage) -> Result<String> {
    const SOON: Duration = Duration::from_secs(20);
    const PIECE_KIB: u64 = (PIECE_ROWS as u64 * ROW) >> 10;
    let (above, below) = (stage.root().join("x.fvecs"), stage.lower().join("x.fvecs"));
    fs::write(below, some_rows(ROWS, 0))?;
    let before = read_in_full(stage)?;
    let taken = || -> Result<u64> {
        Searcher::open(&above)?.info()?;
        Ok(mapped_kib()?.saturating_sub(before))
    };
    append(&above, &some_rows(1, 1))?;
    let first = taken()?;
    append(&above, &some_rows(1, 2))?;
    let second = taken()?;
    let again = wait_for("the next load in full", SOON, || {
        Ok((taken()? < SOME_KIB).then_some(()))
    });
    Ok(format!(
        "{} for the first row, {} for the second, {} when the file is read again",
        match first {
            PIECE_KIB..=160 => "a piece".to_owned(),
            kib => format!("{kib} KiB"),
        },
        match second.checked_sub(first) {
            Some(0..=8) => "none".to_owned(),
            _ => format!("{second} KiB in all"),
        },
        if again.is_ok() { "given back" } else { "kept" },
    ))
}

/// Has two threads ask `judge` of a search again and again, as long as `change` takes. How many answers were right, and
/// how many wrong.
fn searched_meanwhile(
    path: &Path,
    judge: impl Fn(&Searcher) -> Result<bool> + Sync,
    change: impl FnOnce() -> Result<()>,
) -> Result<(u32, u32)> {
    let ended = AtomicBool::new(false);
    let searching = || -> Result<(u32, u32)> {
        let searcher = Searcher::open(path)?;
        let (mut right, mut wrong) = (0, 0);
        while !ended.load(Ordering::Acquire) {
            match judge(&searcher)? {
                true => right += 1,
                false => wrong += 1,
            }
        }
        Ok((right, wrong))
    };
    thread::scope(|scope| {
        let searchers = [scope.spawn(searching), scope.spawn(searching)];
        let changed = change();
        ended.store(true, Ordering::Release);
        let mut sum = (0, 0);
        for searcher in searchers {
            let (right, wrong) = searcher.join().expect("the searcher panics")?;
            sum = (sum.0 + right, sum.1 + wrong);
        }
        changed.map(|()| sum)
    })
}

/// A fourth of the file's rows is near to 0, and all of them equally: an answer with two distances is of two writes.
fn overwritten(stage: &Stage) -> Result<String> {
    const DIM: usize = 1023;
    const ROWS: usize = 2048;
    const NEAR: usize = ROWS / 4;
    const CHANGES: usize = 150;
    let path = stage.root().join("x.fvecs");
    let encode = |values: &mut dyn Iterator<Item = f32>| {
        let mut bytes = Vec::new();
        values.for_each(|value| {
            fvecs::encode_row(&mut bytes, &[value; DIM]).expect("memory takes it");
        });
        bytes
    };
    let near = [1.0, 2.0].map(|value| encode(&mut std::iter::repeat_n(value, NEAR)));
    let all = encode(&mut (0..ROWS).map(|row| if row < NEAR { 1.0 } else { 9.0 }));
    fs::write(&path, all)?;
    let file = OpenOptions::new().write(true).open(&path)?;
    let is_of_one_write = |searcher: &Searcher| {
        let found = search(searcher, &[0.0; DIM], Metric::L2, NEAR as u32)?;
        Ok(found.hits[0].distance == found.hits[NEAR - 1].distance)
    };
    let (whole, mixed) = searched_meanwhile(&path, is_of_one_write, || {
        for i in 1..=CHANGES {
            file.write_all_at(&near[i % 2], 0)?;
            sleep(Duration::from_millis(3));
        }
        Ok(())
    })?;
    Ok(match mixed {
        0 if whole > 0 => "each answer is of one write".to_owned(),
        _ => format!("{mixed} answers are of two writes, {whole} of one"),
    })
}

/// Each row is nearer to 0 than all before it.
fn appended(stage: &Stage) -> Result<String> {
    const FIRST: usize = 20_000;
    const CHANGES: usize = 300;
    let path = stage.root().join("x.fvecs");
    let rows = |from: usize, count: usize| -> Vec<u8> {
        let rows: Vec<_> = (from..from + count)
            .map(|number| [(100_000 - number) as f32; DIM])
            .collect();
        encode(&rows)
    };
    fs::write(&path, rows(0, FIRST))?;
    let is_of_its_rows = |searcher: &Searcher| {
        let found = search(searcher, &[0.0; DIM], Metric::L2, K_MAX)?;
        let last = found.rows - 1;
        Ok((0..).zip(&found.hits).all(|(rank, hit)| {
            let value = (100_000 - hit.row) as f32;
            let distance = f32::from_bits(hit.distance);
            u64::from(hit.row) == last - rank
                && (distance / (DIM as f32 * value * value) - 1.0).abs() < 1e-6
        }))
    };
    let (right, wrong) = searched_meanwhile(&path, is_of_its_rows, || {
        let mut end = FIRST;
        for i in 0..CHANGES {
            let count = [1, 7, 300][i % 3];
            append(&path, &rows(end, count))?;
            end += count;
            sleep(Duration::from_millis(2));
        }
        Ok(())
    })?;
    Ok(match wrong {
        0 if right > 0 => "each answer is of the rows that it names".to_owned(),
        _ => format!("{wrong} answers are wrong, {right} right"),
    })
}

fn between(stage: &Stage) -> Result<String> {
    let (above, below) = (stage.root().join("x.fvecs"), stage.lower().join("x.fvecs"));
    fs::write(&below, some_rows(ROWS, 0))?;
    read_in_full(stage)?;
    for_writing(&above)?.write_all_at(&some_rows(1, 1), 10_000 * ROW)?;
    for_writing(&below)?.write_all_at(&some_rows(1, 2), 20_000 * ROW)?;
    for_writing(&above)?.write_all_at(&some_rows(1, 3), 30_000 * ROW)?;
    Ok(
        if as_in_process(stage, Metric::L2, &[10_000, 20_000, 30_000])? {
            "all three are seen".to_owned()
        } else {
            "not all three are seen".to_owned()
        },
    )
}

fn another_writer(stage: &Stage) -> Result<String> {
    let below = stage.lower().join("x.fvecs");
    fs::write(&below, some_rows(ROWS, 0))?;
    let change = |path: &Path| append(path, &some_rows(1, 1));
    let other = for_writing(&below)?;
    let with = see(stage, Metric::InnerProduct, change)?;
    drop(other);
    let mut without = see(stage, Metric::InnerProduct, change)?;
    if !without.shared {
        without = see(stage, Metric::InnerProduct, change)?;
    }
    Ok(match (&with, &without) {
        (
            Seen {
                as_in_process: true,
                shared: false,
            },
            Seen {
                as_in_process: true,
                shared: true,
            },
        ) => "seen by reading the file, and then without it".to_owned(),
        _ => format!(
            "shared {} and as in process {}, then {} and {}",
            with.shared, with.as_in_process, without.shared, without.as_in_process
        ),
    })
}

fn malformed(stage: &Stage) -> Result<String> {
    let (above, below) = (stage.root().join("x.fvecs"), stage.lower().join("x.fvecs"));
    fs::write(&below, some_rows(ROWS, 0))?;
    read_in_full(stage)?;
    let end = ROWS as u64 * ROW;
    let outcome = || -> Result<String> {
        match Searcher::open(&above)?.info() {
            Ok(_) if as_in_process(stage, Metric::Cosine, &[ROWS - 1])? => {
                Ok("as in process".to_owned())
            }
            Ok(_) => Ok("not as in process".to_owned()),
            Err(error) => Ok(error.errno().map_or(error.to_string(), errno_name)),
        }
    };
    let new = some_rows(3, 1);
    append(&above, &new[..64])?;
    let half = outcome()?;
    append(&above, &new[64..])?;
    let mended = outcome()?;
    let file = for_writing(&above)?;
    let length = file.metadata()?.len();
    let mut other = new.clone();
    other[0] = 30;
    append(&above, &other)?;
    let dimension = outcome()?;
    file.set_len(length)?;
    let cut = outcome()?;
    // As large as rows would be, and all of it zeros.
    file.set_len(length + 2 * ROW)?;
    let hole = outcome()?;
    file.write_all_at(&new[..2 * ROW as usize], length)
        .context("the hole is not filled")?;
    let filled = outcome()?;
    ensure!(length > end, "nothing was appended");
    Ok(format!(
        "half a row {half}, mended {mended}, another dimension {dimension}, cut off {cut}, a hole {hole}, \
         filled {filled}"
    ))
}

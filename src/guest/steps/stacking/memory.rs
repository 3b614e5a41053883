// SPDX-License-Identifier: MIT OR Apache-2.0
//! The memory that the module takes for searches: whose it is, how much, and who gets it back.

use std::fs::{self, File};
use std::io::Write;
use std::mem::offset_of;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};
use nix::mount::{MsFlags, mount};
use nix::sys::statvfs::statvfs;

use super::trial::Trial;
use crate::anns::file::{ALIGN, BLOCK_ROWS, Header, Section};
use crate::anns::{Metric, index};
use crate::client::{Error, Found, Kind, Method, Searcher};
use crate::dataset::{Matrix, fvecs};
use crate::exercise::building::build;
use crate::guest::memory_group::Group;
use crate::guest::steps::stage::{Lower, Stage, mount_module};
use crate::protocol::errno_name;
use crate::system::proc;

pub const TRIALS: &[Trial] = &[
    Trial {
        name: "an index that is stale by its header keeps no memory",
        lower: Lower::Tmpfs,
        work: stale_index,
        expected: "ESTALE, less than 1 MiB kept",
    },
    Trial {
        name: "the copies of a mount stay within its memory",
        lower: Lower::Tmpfs,
        work: budget,
        expected: "shown, 8 files within 4 MiB, the latest kept, the earliest not, a larger one ENOMEM, \
                   after a remount ok",
    },
    Trial {
        name: "the copy that was not used for the longest time goes first",
        lower: Lower::Tmpfs,
        work: by_age,
        expected: "the one in use kept, the idle one not",
    },
    Trial {
        name: "filters count to the memory of a mount, and give way to each other",
        lower: Lower::Tmpfs,
        work: filters,
        expected: "12 answers by 4 filters of 1.5 MiB within 4 MiB, one of 8 MiB ENOMEM, then 4 answers",
    },
    Trial {
        name: "a file that is closed and removed gives its blocks back",
        lower: Lower::Tmpfs,
        work: closed_and_removed,
        expected: "less than 1 MiB kept",
    },
    Trial {
        name: "copies are given back to whom they are charged",
        lower: Lower::Tmpfs,
        work: group,
        expected: "12 answers, then 25 MiB for the group itself, nobody killed",
    },
    Trial {
        name: "a group with room for one file nearly gets ENOMEM, and nobody is killed",
        lower: Lower::Tmpfs,
        work: sweep,
        expected: "ENOMEM at first, answers in the end, nobody killed",
    },
];

const DIM: usize = 47;
const MIB: u64 = 1 << 20;

/// Rows that differ from file to file. A packed one takes 192 bytes.
fn rows(count: usize, first: usize) -> Matrix {
    let mut rows = Matrix::new(DIM);
    for i in first..first + count {
        rows.push(&[i as f32; DIM]);
    }
    rows
}

fn search(path: &Path, kind: Kind) -> Result<Found, Error> {
    ask(&Searcher::open(path)?, kind)
}

fn ask(file: &Searcher, kind: Kind) -> Result<Found, Error> {
    let method = Method {
        kind,
        metric: Metric::L2,
        k: 1,
        effort: 0,
    };
    file.search(&[0.0; DIM], method)
}

fn outcome(found: &Result<Found, Error>) -> String {
    match found {
        Ok(_) => "ok".to_owned(),
        Err(error) => error.errno().map_or(error.to_string(), errno_name),
    }
}

/// What is mapped by vmalloc: the arrays of all copies are.
pub fn mapped_kib() -> Result<u64> {
    proc::meminfo_kib(&proc::read_trimmed("/proc/meminfo")?, "VmallocUsed")
}

/// A header that covers many rows, and nothing but holes behind it: on disk it is one page.
fn stale_index(stage: &Stage) -> Result<String> {
    const ROWS: usize = 64;
    const CODES: u64 = 64 * MIB;
    fvecs::write(&stage.lower().join("x.fvecs"), &rows(1, 0))?;

    let built = build(&rows(ROWS, 0), Metric::L2, index::Kind::Pq)?;
    let mut header: Header = bytemuck::pod_read_unaligned(&built[..size_of::<Header>()]);
    let codes = &mut header.section[1];
    let factor = CODES / codes.bytes;
    codes.bytes *= factor;
    header.rows = ROWS as u64 * factor;
    let blocks = Section {
        offset: (codes.offset + codes.bytes).next_multiple_of(ALIGN),
        bytes: 4 * header.rows.div_ceil(BLOCK_ROWS as u64),
    };
    header.section[2] = blocks;
    header.bytes = blocks.offset + blocks.bytes;
    let body = vec![0; header.bytes as usize - size_of::<Header>()];
    header.body_crc = crc32c::crc32c(&body);
    drop(body);
    let summed = offset_of!(Header, header_crc);
    header.header_crc = crc32c::crc32c(&bytemuck::bytes_of(&header)[..summed]);

    let mut file = File::create(stage.lower().join("x.fvecs.pq"))?;
    file.write_all(bytemuck::bytes_of(&header))?;
    file.set_len(header.bytes)?;

    let before = mapped_kib()?;
    let found = search(&stage.root().join("x.fvecs"), Kind::Pq);
    let kept = mapped_kib()?.saturating_sub(before);
    Ok(format!(
        "{}, {}",
        outcome(&found),
        if kept < 1024 {
            "less than 1 MiB kept".to_owned()
        } else {
            format!("{kept} KiB kept")
        }
    ))
}

fn budget(stage: &Stage) -> Result<String> {
    let limited = Path::new("/mnt/limited");
    mount_module(stage.lower(), limited, MsFlags::empty(), "memory=4m")?;
    let shown = fs::read_to_string("/proc/mounts")?;
    let shown = shown
        .lines()
        .any(|line| line.contains(" /mnt/limited ") && line.contains("memory=4096k"));

    let file = |i: usize| limited.join(format!("{i}.fvecs"));
    for i in 0..8 {
        // 938 KiB each.
        fvecs::write(&file(i), &rows(5000, i))?;
    }
    fvecs::write(&file(8), &rows(30_000, 0))?;
    let before = mapped_kib()?;
    let mut generations = Vec::new();
    for i in 0..8 {
        generations.push(search(&file(i), Kind::Flat)?.generation);
    }
    let kept = mapped_kib()?.saturating_sub(before);
    let latest = search(&file(7), Kind::Flat)?.generation == generations[7];
    let earliest = search(&file(0), Kind::Flat)?.generation == generations[0];
    let larger = outcome(&search(&file(8), Kind::Flat));
    mount(
        None::<&str>,
        limited,
        None::<&str>,
        MsFlags::MS_REMOUNT,
        Some("memory=64M"),
    )?;
    Ok(format!(
        "{}, 8 files {}, the latest {}, the earliest {}, a larger one {larger}, after a remount {}",
        if shown { "shown" } else { "not shown" },
        if kept <= 4096 {
            "within 4 MiB".to_owned()
        } else {
            format!("took {kept} KiB")
        },
        if latest { "kept" } else { "not kept" },
        if earliest { "kept" } else { "not" },
        outcome(&search(&file(8), Kind::Flat)),
    ))
}

/// Uses are noted ten times a second at most.
const NOTED: Duration = Duration::from_millis(200);

/// Four files fit, and then there is a fifth.
fn by_age(stage: &Stage) -> Result<String> {
    let limited = Path::new("/mnt/limited");
    mount_module(stage.lower(), limited, MsFlags::empty(), "memory=4m")?;
    let file = |i: usize| limited.join(format!("{i}.fvecs"));
    let mut generations = Vec::new();
    for i in 0..5 {
        // 938 KiB each.
        fvecs::write(&file(i), &rows(5000, i))?;
    }
    for i in 0..4 {
        generations.push(search(&file(i), Kind::Flat)?.generation);
    }
    sleep(NOTED);
    search(&file(0), Kind::Flat)?;
    search(&file(4), Kind::Flat)?;
    let kept = |i: usize| -> Result<&str> {
        let same = search(&file(i), Kind::Flat)?.generation == generations[i];
        Ok(if same { "kept" } else { "not" })
    };
    Ok(format!(
        "the one in use {}, the idle one {}",
        kept(0)?,
        kept(1)?
    ))
}

/// Filters for far more rows than the file has, each of an open file of its own.
fn filters(stage: &Stage) -> Result<String> {
    let limited = Path::new("/mnt/limited");
    mount_module(stage.lower(), limited, MsFlags::empty(), "memory=4m")?;
    let path = limited.join("x.fvecs");
    fvecs::write(&path, &rows(10, 0))?;
    let filtered = |bytes: u64, row: u32| -> Result<Searcher> {
        let words = (0..bytes / 8).map(|word| if word == 0 { 1 << row } else { u64::MAX });
        Ok(Searcher::open(&path)?.keeping_to(words.collect()))
    };
    let files = (0..4)
        .map(|row| filtered(3 * MIB / 2, row))
        .collect::<Result<Vec<_>>>()?;
    let before = mapped_kib()?;
    let ask_all = |times: usize| {
        let mut answers = 0;
        for _ in 0..times {
            for (row, file) in (0..).zip(&files) {
                let found = ask(file, Kind::Flat);
                answers += u32::from(found.is_ok_and(|found| found.hits[0].row == row));
            }
        }
        answers
    };
    let answers = ask_all(3);
    let kept = mapped_kib()?.saturating_sub(before);
    let larger = outcome(&ask(&filtered(8 * MIB, 0)?, Kind::Flat));
    Ok(format!(
        "{answers} answers by 4 filters of 1.5 MiB {}, one of 8 MiB {larger}, then {} answers",
        if kept <= 4096 {
            "within 4 MiB".to_owned()
        } else {
            format!("took {kept} KiB")
        },
        ask_all(1),
    ))
}

/// Nobody has it open any more, beneath neither.
fn closed_and_removed(stage: &Stage) -> Result<String> {
    let free = || -> Result<u64> {
        let found = statvfs(stage.lower())?;
        Ok(found.blocks_free() * found.fragment_size())
    };
    let path = stage.root().join("file");
    let before = free()?;
    fs::write(&path, vec![1; 8 * MIB as usize])?;
    fs::read(&path)?;
    ensure!(before - free()? >= 8 * MIB, "the file takes no room");
    fs::remove_file(&path)?;
    let kept = before.saturating_sub(free()?);
    Ok(if kept < MIB {
        "less than 1 MiB kept".to_owned()
    } else {
        format!("{} KiB kept", kept >> 10)
    })
}

fn killed(kills: u64) -> String {
    match kills {
        0 => "nobody killed".to_owned(),
        kills => format!("{kills} killed"),
    }
}

/// Six files in a group that has room for four. Their names, and so inodes and dentries, are charged to others.
fn group(stage: &Stage) -> Result<String> {
    for i in 0..6 {
        // 9.2 MiB each.
        fvecs::write(&stage.lower().join(format!("{i}.fvecs")), &rows(50_000, i))?;
    }
    let group = Group::new("searching")?;
    let files: Vec<_> = (0..6)
        .map(|i| stage.root().join(format!("{i}.fvecs")))
        .collect();
    let held = files
        .iter()
        .map(File::open)
        .collect::<Result<Vec<_>, _>>()?;
    group.limit(40 * MIB)?;
    group.enter()?;
    let mut answers = 0;
    for file in files.iter().chain(&files) {
        answers += u32::from(search(file, Kind::Flat).is_ok());
    }
    let mut own = vec![0u8; 25 * MIB as usize];
    own.iter_mut().step_by(4096).for_each(|byte| *byte = 1);
    let sum: u64 = own.iter().step_by(4096).map(|&byte| u64::from(byte)).sum();
    drop((own, held));
    let kills = group.leave()?;
    Ok(format!(
        "{answers} answers, then {} MiB for the group itself, {}",
        sum * 4096 / MIB,
        killed(kills)
    ))
}

/// Searches with all limits around what one file takes.
fn sweep(stage: &Stage) -> Result<String> {
    let path = stage.lower().join("x.fvecs");
    fvecs::write(&path, &rows(50_000, 0))?;
    let path = stage.root().join("x.fvecs");
    let _held = File::open(&path)?;
    let group = Group::new("near")?;
    group.limit(64 * MIB)?;
    group.enter()?;
    let mut outcomes = Vec::new();
    for kib in (8 * 1024..14 * 1024).step_by(40) {
        // To drop the copies of the last search, another one drops what it could use.
        fs::write("/proc/sys/vm/drop_caches", "2")?;
        group.limit(kib * 1024)?;
        outcomes.push(outcome(&search(&path, Kind::Flat)));
        group.limit(64 * MIB)?;
    }
    let kills = group.leave()?;
    let (first, last) = (&outcomes[0], &outcomes[outcomes.len() - 1]);
    ensure!(
        outcomes
            .iter()
            .all(|outcome| outcome == first || outcome == last),
        "{outcomes:?}"
    );
    Ok(format!(
        "{first} at first, {} in the end, {}",
        if last == "ok" { "answers" } else { last },
        killed(kills)
    ))
}

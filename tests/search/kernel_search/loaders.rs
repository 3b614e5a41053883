// SPDX-License-Identifier: MIT OR Apache-2.0
//! Both loaders take the same files, however they are mutated, and find the same in those that they take.

use std::mem::offset_of;

use rand_core::SeedableRng;
use rand_pcg::Pcg64;
use vexfs::anns::Metric;
use vexfs::anns::index::{Bytes, Header, Index, Kind, NONE};

use crate::kernel_search::library::{Kernel, kernels};
use crate::kernel_search::values::{Source, below, one_of};
use crate::kernel_search::{Case, Size, files, files_to_search};

/// Mutated files of each kind. `VEXFS_KERNEL_SEARCH_FILES` counts in tens.
fn mutations() -> u64 {
    10 * files_to_search()
}

/// Puts the checksums of a file right.
fn seal(file: &mut [u8]) {
    let Some(body) = file.get(size_of::<Header>()..) else {
        return;
    };
    let (body, end) = (crc32c::crc32c(body), offset_of!(Header, header_crc));
    file[offset_of!(Header, body_crc)..][..4].copy_from_slice(&body.to_le_bytes());
    let header = crc32c::crc32c(&file[..end]);
    file[end..][..4].copy_from_slice(&header.to_le_bytes());
}

/// A number that may be just in or just out of a range.
fn number(random: &mut Pcg64, before: u32, rows: u32) -> u32 {
    let limits = [
        0, 1, 2, 3, 4, 13, 14, 16, 64, 65, 128, 256, 257, 4000, 4001, 32768, 32769, 65536, 65537,
        rows, NONE,
    ];
    match below(random, 6) {
        0 => before ^ 1 << below(random, 32),
        1 => before.wrapping_add(1),
        2 => before.wrapping_sub(1),
        3 => one_of(random, &limits),
        4 => one_of(random, &limits).wrapping_sub(1),
        // Infinities, NaN, zeros and the smallest numbers; codes of -128.
        _ => one_of(
            random,
            &[
                0x7f80_0000,
                0xff80_0000,
                0x7fc0_0000,
                0x7f7f_ffff,
                0x8000_0000,
                0x0080_0000,
                0x007f_ffff,
                0x8080_8080,
                0x0000_8000,
            ],
        ),
    }
}

fn mutate(random: &mut Pcg64, file: &[u8], rows: u32) -> Vec<u8> {
    let mut file = file.to_vec();
    for _ in 0..1 + below(random, 2) {
        let words = file.len() / 4;
        let word = match below(random, 2) {
            0 => below(random, words.min(size_of::<Header>() / 4)),
            _ => below(random, words),
        };
        let at = &mut file[4 * word..][..4];
        let before = u32::from_le_bytes((&*at).try_into().expect("four bytes"));
        at.copy_from_slice(&number(random, before, rows).to_le_bytes());
        match below(random, 40) {
            0 => file.truncate(below(random, words) * 4 + 4),
            1 => file.resize(file.len() + 1 + below(random, 100), 0),
            _ => {}
        }
    }
    if below(random, 16) != 0 {
        seal(&mut file);
    }
    file
}

#[test]
fn both_loaders_take_the_same_files() {
    for kind in Kind::ALL {
        let random = &mut Pcg64::seed_from_u64(u64::from(kind.code()));
        let (mut taken, mut refused) = (0, 0);
        for mutation in 0..mutations() {
            if mutated(kernels().last().expect("one"), random, kind, mutation) {
                taken += 1;
            } else {
                refused += 1;
            }
        }
        println!("{kind}: both loaders took {taken} mutated files and refused {refused}");
        assert!(taken > 100 && refused > 100, "too few of {kind} to tell");
    }
}

/// Whether a mutated file is taken.
fn mutated(kernel: &'static Kernel, random: &mut Pcg64, kind: Kind, mutation: u64) -> bool {
    let case = Case::new(random, kind, Size::Small);
    let file = mutate(random, &case.file, case.rows.rows() as u32);
    let what = format!("mutation {mutation} of {kind}");
    let copy = Bytes::copy_of(&file).expect("memory for a small index");
    let (ours, theirs) = (Index::parse(copy, kind), kernel.parse(&file, kind));
    let (index, theirs) = match (ours, theirs) {
        (Ok(index), Ok(theirs)) => (index, theirs),
        (Err(_), Err(libc::EUCLEAN)) => return false,
        (ours, theirs) => panic!(
            "{what}: ours {:?}, the kernel's {:?}, {}",
            ours.map(drop),
            theirs.map(drop),
            kernel.log()
        ),
    };
    let header = *index.header();
    if header.dim as usize != case.rows.dim() || header.rows > case.rows.rows() as u64 {
        return true;
    }
    let rows = kernel.pack(&case.rows);
    let stale = index.check_rows(&case.rows).is_err();
    assert_eq!(theirs.check_rows(&rows) == libc::ESTALE, stale, "{what}");
    let (query, k) = (case.query(random), case.k(random));
    let effort = 1 + below(random, 30) as u32;
    let answer = index.search(&case.rows, &query, k, effort);
    assert_eq!(
        theirs.search(&rows, header.metric(), &query, k, effort),
        Ok((answer.hits, answer.evaluated)),
        "{what}, k {k}, effort {effort}, query {query:?}"
    );
    true
}

/// Each demand of `docs/index-format.md` is missed once, alone, and the kernel's log names it.
#[test]
fn each_demand_is_named_in_the_kernels_log() {
    let kernel = kernels().last().expect("one");
    let random = &mut Pcg64::seed_from_u64(1);
    let header = |field: usize| move |_: &Header| field;
    let section =
        |i: usize, at: usize| move |header: &Header| header.section[i].offset as usize + at;
    type At = Box<dyn Fn(&Header) -> usize>;
    let param = |i: usize| -> At { Box::new(header(offset_of!(Header, param) + 4 * i)) };
    let field = |at: usize| -> At { Box::new(header(at)) };
    let inside = |i: usize, at: usize| -> At { Box::new(section(i, at)) };

    let all: [(At, u32, &str); 19] = [
        (field(0), 0, "this is no index"),
        (field(offset_of!(Header, version)), 4, "version"),
        (field(offset_of!(Header, rows_crc)), 1, "their blocks"),
        (field(offset_of!(Header, version)), 0, "version"),
        (field(offset_of!(Header, exact)), 2, "without codes"),
        (field(offset_of!(Header, recall)), 1, "recall"),
        (field(offset_of!(Header, recall)), 1_000_001, "recall"),
        (field(offset_of!(Header, kind)), 0, "another kind"),
        (field(offset_of!(Header, kind)), 7, "another kind"),
        (field(offset_of!(Header, metric)), 3, "metric"),
        (field(offset_of!(Header, dim)), 0, "dimension"),
        (field(offset_of!(Header, dim)), 65537, "dimension"),
        (field(offset_of!(Header, rows)), 0, "number of rows"),
        (field(offset_of!(Header, rows) + 4), 1, "number of rows"),
        (field(offset_of!(Header, bytes)), 1, "size of the file"),
        (field(offset_of!(Header, effort)), 0, "effort"),
        (field(offset_of!(Header, effort)), 65537, "effort"),
        (field(offset_of!(Header, sections)), 1, "number of sections"),
        (field(offset_of!(Header, reserved) + 44), 1, "reserved"),
    ];
    let layout: [(At, u32, &str); 4] = [
        (field(offset_of!(Header, section)), 64, "place or size"),
        (field(offset_of!(Header, section) + 12), 1, "place or size"),
        (
            field(offset_of!(Header, section) + 16 * 7),
            1,
            "sections that the kind",
        ),
        (param(15), 1, "parameter"),
    ];
    let hnsw: [(At, u32, &str); 17] = [
        (field(offset_of!(Header, dim)), 32769, "too many elements"),
        (param(0), 1, "M is"),
        (param(0), 129, "M is"),
        (param(1), 1, "M0 is"),
        (param(1), 257, "M0 is"),
        (param(3), 0, "number of levels"),
        (param(3), 14, "number of levels"),
        (param(4), 0, "a level"),
        (param(4), 1000, "a level"),
        (inside(0, 0), 0x7f80_0000, "quantizer"),
        (inside(0, 4 * 20), 0x8000_0000, "quantizer"),
        (inside(0, 4 * 32), 0x007f_ffff, "quantizer"),
        (inside(0, 4 * 32), 0x7f80_0000, "quantizer"),
        (inside(0, 4 * 32), 0xbf80_0000, "quantizer"),
        (inside(1, 0), 60, "permutation"),
        (inside(2, 0), 0x80, "code"),
        (inside(2, 20), 1, "code"),
    ];
    let links: [(At, u32, &str); 2] = [(inside(3, 4 * 6), 60, "link"), (inside(4, 4), 60, "link")];
    let ivf: [(At, u32, &str); 10] = [
        (field(offset_of!(Header, dim)), 32769, "too many elements"),
        (param(0), 0, "nlist"),
        (param(0), 61, "nlist"),
        (param(1), 0, "rerank"),
        (param(1), 65537, "rerank"),
        (inside(0, 0), 0xffff_ffff, "centroid"),
        (inside(0, 4 * 31), 1, "centroid"),
        (inside(2, 0), 1, "lists"),
        (inside(3, 4), 60, "permutation"),
        (inside(4, 60), 1 << 24, "code"),
    ];
    let pq: [(At, u32, &str); 6] = [
        (param(0), 0, "m is"),
        (param(0), 3, "m is"),
        (param(0), 258, "m is"),
        (param(1), 8, "nbits"),
        (param(2), 19, "sub-vectors"),
        (inside(0, 0), 0x7f80_0001, "centroid"),
    ];
    let lsh: [(At, u32, &str); 10] = [
        (param(0), 0, "tables"),
        (param(0), 65, "tables"),
        (param(1), 0, "hashes"),
        (param(1), 17, "hashes"),
        (param(2), 0, "bits"),
        (param(2), 25, "bits"),
        (inside(0, 0), 0x7f80_0000, "projection"),
        (inside(1, 0), 0x7f80_0000, "bias"),
        (inside(2, 0), 1, "buckets"),
        (inside(3, 0), 60, "a bucket"),
    ];

    let source = Source::Ordinary;
    let rows = source.matrix(random, 60, 20);
    for kind in Kind::ALL {
        // A file of several levels, of which each has room for two links.
        let file = loop {
            let file = files::file(random, &rows, kind, Metric::L2, source);
            let header: Header = bytemuck::pod_read_unaligned(&file[..size_of::<Header>()]);
            let levels = header.param[3];
            let hnsw = header.param[1] >= 7 && (3..12).contains(&levels);
            if header.version == 3 && header.exact == 0 && (kind != Kind::Hnsw || hnsw) {
                break file;
            }
        };
        let own: &[(At, u32, &str)] = match kind {
            Kind::Hnsw => &hnsw,
            Kind::Ivf => &ivf,
            Kind::Pq => &pq,
            Kind::Lsh => &lsh,
        };
        let links: &[_] = match kind {
            Kind::Hnsw => &links,
            _ => &[],
        };
        for (at, number, reason) in all.iter().chain(&layout).chain(own).chain(links) {
            let mut file = file.to_vec();
            let header: Header = bytemuck::pod_read_unaligned(&file[..size_of::<Header>()]);
            file[at(&header)..][..4].copy_from_slice(&number.to_le_bytes());
            seal(&mut file);
            let refused = kernel.parse(&file, kind).err();
            let what = format!("{kind} with {number:#x} at {}", at(&header));
            assert_eq!(refused, Some(libc::EUCLEAN), "{what}");
            assert!(kernel.log().contains(reason), "{what}: {}", kernel.log());
            let copy = Bytes::copy_of(&file).expect("memory");
            assert!(Index::parse(copy, kind).is_err(), "{what}: ours takes it");
        }
        let mut longer = file.to_vec();
        longer.resize(file.len() + 64, 0);
        let bytes = (longer.len() as u64).to_le_bytes();
        longer[offset_of!(Header, bytes)..][..8].copy_from_slice(&bytes);
        seal(&mut longer);
        assert_eq!(
            kernel.parse(&longer, kind).err(),
            Some(libc::EUCLEAN),
            "{kind}"
        );
        assert!(kernel.log().contains("last section"), "{}", kernel.log());
        for at in [0, 100, size_of::<Header>(), file.len() - 1] {
            let mut flipped = file.to_vec();
            flipped[at] ^= 1;
            assert_eq!(
                kernel.parse(&flipped, kind).err(),
                Some(libc::EUCLEAN),
                "{kind} {at}"
            );
            assert_eq!(
                kernel.parse(&file[..at], kind).err(),
                Some(libc::EUCLEAN),
                "{kind} {at}"
            );
        }
    }
}

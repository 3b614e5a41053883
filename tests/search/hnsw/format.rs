// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every demand of `docs/index-format.md` is made, and no file makes the program panic.

use rand_core::Rng;
use vexfs::anns::Metric;
use vexfs::anns::hnsw::Parameters;
use vexfs::anns::index::{Bytes, Header, Index, Kind, Malformed, Stale, section_sizes};
use vexfs::dataset::Matrix;

use crate::hnsw::file::{File, HEADER, crc};
use crate::hnsw::reference;
use crate::hnsw::vectors::{below, build, first, matrix, random, unit};

/// A sound index of 40 rows of 20 elements, with three levels.
fn sound() -> File {
    let mut random = random(1);
    let rows = matrix(40, 20, || unit(&mut random));
    let parameters = Parameters {
        m: 3,
        ef_construction: 20,
        ef_search: 10,
    };
    File(build(&rows, Metric::L2, parameters).to_vec())
}

fn parse(file: File) -> Result<Index, Malformed> {
    Index::parse(file.seal(), Kind::Hnsw)
}

#[test]
fn a_sound_file_is_what_the_page_says() {
    let file = sound();
    assert_eq!(&file.0[..8], b"VEXFSIDX");
    let header = [8, 12, 16, 20, 24, 28, 56, 60].map(|at| file.u32(at));
    assert_eq!(header, [3, 1, 0, 20, 40, 0, 10, 6]);
    assert_eq!([256, 260, 264].map(|at| file.u32(at)), [0; 3]);
    assert_eq!(file.u64(40), 7, "the seed");
    assert_eq!([0, 1, 2].map(|index| file.param(index)), [3, 6, 20]);
    assert!(file.param(3) >= 3, "too few levels for these tests");
    assert_eq!(file.section(0), HEADER);
    let parsed = parse(file.clone()).unwrap();
    assert_eq!(&parsed.bytes()[..], &file.0[..]);
    // The header alone, as INFO reads it.
    let header = Header::parse(
        &file.0[..HEADER],
        file.0.len() as u64,
        Kind::Hnsw,
        section_sizes(Kind::Hnsw),
    )
    .unwrap();
    assert_eq!(header, *parsed.header());
}

#[test]
fn what_the_page_does_not_allow_is_refused() {
    let upper = |file: &File| file.section(4);
    let last_level = move |file: &File| {
        let nodes: usize = (1..file.param(3) - 1)
            .map(|level| file.param(3 + level))
            .sum();
        upper(file) + 4 * 3 * nodes
    };
    type Forge = Box<dyn Fn(&mut File)>;
    let put = |at: usize, value: u32| -> Forge { Box::new(move |file| file.set_u32(at, value)) };
    let param = |index: usize, value: u32| put(64 + 4 * index, value);
    let forgeries: Vec<(&str, Forge)> = vec![
        ("does not begin", put(0, 0)),
        ("version", put(8, 0)),
        ("version", put(8, 4)),
        ("sections", put(8, 2)),
        ("not that of its blocks", put(48, 1)),
        (
            "not that of its blocks",
            Box::new(|file| {
                let block = file.section(5);
                file.0[block] ^= 1;
            }),
        ),
        ("another kind", put(12, 0)),
        ("another kind", put(12, 2)),
        ("metric", put(16, 3)),
        ("dimension", put(20, 0)),
        ("dimension", put(20, 65_537)),
        ("sections", put(20, 21 + 64)),
        ("rows", put(24, 0)),
        ("rows", Box::new(|file| file.set_u64(24, 0xffff_ffff))),
        ("rows", Box::new(|file| file.set_u64(24, u64::MAX))),
        ("sections", Box::new(|file| file.set_u64(24, 0xffff_fffe))),
        ("size", Box::new(|file| file.set_u64(32, file.u64(32) + 1))),
        ("size", Box::new(|file| file.0.push(0))),
        ("size", Box::new(|file| file.0.truncate(file.0.len() - 1))),
        (
            "within its header",
            Box::new(|file| file.0.truncate(HEADER - 1)),
        ),
        ("effort", put(56, 0)),
        ("effort", put(56, 65_537)),
        ("sections", put(60, 5)),
        ("sections", put(60, 7)),
        ("M is", param(0, 1)),
        ("M is", param(0, 129)),
        ("sections", param(0, 4)),
        ("M0", param(1, 1)),
        ("M0", param(1, 257)),
        ("number of levels", param(3, 0)),
        ("number of levels", param(3, 14)),
        ("smaller", param(4, 41)),
        ("smaller", param(5, 0)),
        ("parameter", param(15, 1)),
        (
            "parameter",
            Box::new(|file| {
                let beyond = 64 + 4 * (4 + file.param(3) - 1);
                file.set_u32(beyond, 1);
            }),
        ),
        (
            "sections",
            Box::new(|file| file.set_u64(128 + 16, file.u64(128 + 16) + 64)),
        ),
        (
            "sections",
            Box::new(|file| file.set_u64(128 + 24, file.u64(128 + 24) - 4)),
        ),
        ("sections", put(128 + 16 * 6, 1)),
        ("sections", put(256, 1)),
        ("neither codes", put(256, 2)),
        ("recall", put(260, 1)),
        ("reserved", put(268, 1)),
        (
            "reserved in its version",
            Box::new(|file| {
                file.set_u32(8, 1);
                file.set_u32(264, 1);
            }),
        ),
        ("reserved", put(312, 1)),
        ("not finite", put(HEADER, f32::NAN.to_bits())),
        ("not finite", put(HEADER + 4 * 47, f32::INFINITY.to_bits())),
        ("scale", put(HEADER + 4 * 32, 0)),
        ("scale", put(HEADER + 4 * 32, 0x007f_ffff)),
        ("scale", put(HEADER + 4 * 32, (-1f32).to_bits())),
        (
            "covered",
            Box::new(|file| file.set_u32(file.section(1), 40)),
        ),
        (
            "same row",
            Box::new(|file| {
                let other = file.u32(file.section(1) + 4);
                file.set_u32(file.section(1), other);
            }),
        ),
        (
            "-128",
            Box::new(|file| {
                let at = file.section(2);
                file.0[at] = 0x80;
            }),
        ),
        (
            "not 0",
            Box::new(|file| {
                let at = file.section(2) + 64 * 39 + 20;
                file.0[at] = 1;
            }),
        ),
        (
            "not on its level",
            Box::new(|file| file.set_u32(file.section(3), 40)),
        ),
        (
            "after the last",
            Box::new(|file| {
                file.set_u32(file.section(3), u32::MAX);
                file.set_u32(file.section(3) + 4, 0);
            }),
        ),
        (
            "not on its level",
            Box::new(move |file| {
                file.set_u32(upper(file), file.param(4) as u32);
            }),
        ),
        (
            "not on its level",
            Box::new(move |file| {
                let nodes = file.param(3 + file.param(3) - 1);
                file.set_u32(last_level(file), nodes as u32);
            }),
        ),
        (
            "after the last",
            Box::new(move |file| {
                let last = upper(file) + file.u64(128 + 16 * 4 + 8) as usize - 12;
                file.set_u32(last, u32::MAX);
                file.set_u32(last + 8, 0);
            }),
        ),
    ];
    for (i, (reason, forge)) in forgeries.iter().enumerate() {
        let mut file = sound();
        forge(&mut file);
        let error = parse(file).expect_err(reason).to_string();
        assert!(error.contains(reason), "forgery {i}, {reason}: {error}");
    }
}

#[test]
fn every_flipped_bit_is_noticed() {
    let file = sound();
    for byte in 0..file.0.len() {
        let mut bytes = Bytes::copy_of(&file.0).unwrap();
        bytes[byte] ^= 1 << (byte % 8);
        assert!(Index::parse(bytes, Kind::Hnsw).is_err(), "byte {byte}");
    }
    for length in 0..file.0.len() {
        let bytes = Bytes::copy_of(&file.0[..length]).unwrap();
        assert!(Index::parse(bytes, Kind::Hnsw).is_err(), "{length} bytes");
    }
}

#[test]
fn what_may_differ_may_differ() {
    let mut file = sound();
    // The seed, efConstruction, the recall, and what lies between sections.
    file.set_u32(260, 1_000_000);
    file.set_u32(264, 1);
    file.set_u64(40, u64::MAX);
    file.set_u32(64 + 8, 0);
    let gap = file.section(1) + 4 * 40;
    assert!(gap < file.section(2));
    file.0[gap] = 1;
    assert!(parse(file).is_ok());
}

/// Files of older versions have one fingerprint of all covered rows.
#[test]
fn an_older_file_belongs_to_its_rows_as_a_whole() {
    let mut random = random(3);
    let rows = matrix(600, 3, || unit(&mut random));
    let mut changed = rows.clone();
    changed.set(599, &[2.0; 3]);
    let built = File(build(&rows, Metric::L2, Parameters::default()).to_vec());
    let new = parse(built.clone()).unwrap();
    assert_eq!(
        new.changes(&changed).map(|found| found.rows()),
        Ok(600 - 512)
    );
    for version in [1, 2] {
        let mut old = built.clone();
        old.make_older(version, crc_of(&rows));
        let old = parse(old).unwrap();
        assert_eq!(old.check_rows(&rows), Ok(()), "version {version}");
        assert_eq!(old.changes(&changed), Err(Stale::RowsChanged));
    }
}

/// The fingerprint of rows as a whole.
fn crc_of(rows: &Matrix) -> u32 {
    let bytes: Vec<u8> = rows
        .iter()
        .flatten()
        .flat_map(|x| x.to_le_bytes())
        .collect();
    crc(&bytes)
}

#[test]
fn other_rows_are_stale() {
    let mut random = random(2);
    let rows = matrix(50, 3, || unit(&mut random));
    let index = Index::parse(
        build(&first(&rows, 40), Metric::L2, Parameters::default()),
        Kind::Hnsw,
    );
    let index = index.unwrap();
    assert_eq!(index.check_rows(&rows), Ok(()));
    assert_eq!(index.check_rows(&first(&rows, 40)), Ok(()));
    let fewer = index.check_rows(&first(&rows, 39));
    assert_eq!(
        fewer,
        Err(Stale::FewerRows {
            covered: 40,
            rows: 39
        })
    );

    let mut other = rows.row(39).to_vec();
    other[2] = f32::from_bits(other[2].to_bits() ^ 1);
    let mut changed = first(&rows, 39);
    changed.push(&other);
    assert_eq!(index.check_rows(&changed), Err(Stale::RowsChanged));
}

/// Files with some bytes changed, and checksums that are right: what is accepted is searched, with the answer of the
/// reference.
#[test]
fn mutated_files_are_refused_or_searched() {
    let mut random = random(3);
    let rows = matrix(40, 20, || unit(&mut random));
    let file = sound();
    let interesting = [
        0,
        1,
        2,
        20,
        39,
        40,
        41,
        0x7f,
        0x80,
        0xff,
        0x7fff_ffff,
        u32::MAX - 1,
        u32::MAX,
    ];
    let mut accepted = 0;
    for _ in 0..20_000 {
        let mut mutated = file.clone();
        for _ in 0..1 + below(&mut random, 3) {
            // The header as often as the rest.
            let end = [HEADER, file.0.len()][below(&mut random, 2)];
            let at = below(&mut random, end / 4) * 4;
            match below(&mut random, 4) {
                0 => mutated.0[at] ^= 1 << below(&mut random, 8),
                1 => mutated.set_u32(at, random.next_u32()),
                2 => mutated.set_u32(at, random.next_u32() % 48),
                _ => mutated.set_u32(at, interesting[below(&mut random, interesting.len())]),
            }
        }
        // The file's dimension is for the driver to compare.
        if let Ok(index) = parse(mutated.clone())
            && index.header().dim == 20
        {
            accepted += 1;
            let query = rows.row(below(&mut random, 40));
            let (k, effort) = (1 + below(&mut random, 40), below(&mut random, 60));
            assert_eq!(
                index.search(&rows, query, k, effort as u32),
                reference::search(&mutated, &rows, query, k, effort)
            );
        }
    }
    assert!(accepted > 1000, "only {accepted} were searched");
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! IVF, PQ and LSH: files that do not depend on threads, malformed ones refused, and what is found.

use std::sync::atomic::{AtomicUsize, Ordering};

use rand_core::Rng;
use rand_pcg::Pcg64;
use vexfs::anns::index::{
    self, BuildError, Bytes, Header, Index, Kind, Parameters, Progress, Unobserved,
};
use vexfs::anns::{Metric, flat, ivf, lsh, pq, recall};
use vexfs::dataset::Matrix;
use vexfs::dataset::workload::{Name, Vectors, Workload};

fn all_kinds() -> [Parameters; 3] {
    [
        Parameters::Ivf(ivf::Parameters::default()),
        Parameters::Pq(pq::Parameters::default()),
        Parameters::Lsh(lsh::Parameters::default()),
    ]
}

fn clustered(rows: usize, dim: usize) -> Vectors {
    let workload = Workload {
        rows,
        dim,
        ..Workload::new(Name::Clustered)
    };
    workload.generate().unwrap()
}

#[test]
fn the_same_file_whatever_the_number_of_threads() {
    let Vectors { vectors, .. } = clustered(5000, 48);
    for parameters in all_kinds() {
        for metric in Metric::ALL {
            let hash = |threads, seed| {
                let built = index::build(&vectors, metric, &parameters, seed, threads, &Unobserved);
                blake3::hash(&built.unwrap())
            };
            let one = hash(1, 7);
            for threads in [2, 8] {
                assert_eq!(
                    one,
                    hash(threads, 7),
                    "{parameters:?}, {metric}, {threads} threads"
                );
            }
            assert_ne!(
                one,
                hash(1, 8),
                "{parameters:?}, {metric}: the seed is not used"
            );
        }
    }
}

/// Ends a build at its nth question.
struct StopAt(AtomicUsize);

impl Progress for StopAt {
    fn report(&self, done: u64, of: u64) {
        assert!(done <= of);
    }

    fn should_stop(&self) -> bool {
        self.0.fetch_sub(1, Ordering::Relaxed) <= 1
    }
}

#[test]
fn builds_can_be_ended() {
    let Vectors { vectors, .. } = clustered(3000, 16);
    for parameters in all_kinds() {
        for question in [1, 2, 3] {
            let stop = StopAt(AtomicUsize::new(question));
            let built = index::build(&vectors, Metric::L2, &parameters, 1, 2, &stop);
            assert_eq!(
                built.unwrap_err(),
                BuildError::Interrupted,
                "{parameters:?}"
            );
        }
    }
}

#[test]
fn parameters_out_of_range_are_refused() {
    let rows = Matrix::from_row(&[1.0, 2.0]);
    let refused = [
        Parameters::Ivf(ivf::Parameters {
            nlist: Some(0),
            ..Default::default()
        }),
        Parameters::Ivf(ivf::Parameters {
            nlist: Some(65_537),
            ..Default::default()
        }),
        Parameters::Ivf(ivf::Parameters {
            nprobe: 0,
            ..Default::default()
        }),
        Parameters::Ivf(ivf::Parameters {
            rerank: 0,
            ..Default::default()
        }),
        Parameters::Pq(pq::Parameters {
            m: Some(0),
            ..Default::default()
        }),
        Parameters::Pq(pq::Parameters {
            m: Some(3),
            ..Default::default()
        }),
        Parameters::Pq(pq::Parameters {
            m: Some(258),
            ..Default::default()
        }),
        Parameters::Pq(pq::Parameters {
            rerank: 65_537,
            ..Default::default()
        }),
        Parameters::Lsh(lsh::Parameters {
            tables: 65,
            ..Default::default()
        }),
        Parameters::Lsh(lsh::Parameters {
            hashes: 17,
            ..Default::default()
        }),
        Parameters::Lsh(lsh::Parameters {
            bits: Some(25),
            ..Default::default()
        }),
        Parameters::Lsh(lsh::Parameters {
            width: 0.0,
            ..Default::default()
        }),
        Parameters::Lsh(lsh::Parameters {
            width: f32::NAN,
            ..Default::default()
        }),
        Parameters::Lsh(lsh::Parameters {
            probes: 0,
            ..Default::default()
        }),
    ];
    for parameters in refused {
        let built = index::build(&rows, Metric::L2, &parameters, 1, 1, &Unobserved);
        assert!(
            matches!(built, Err(BuildError::Parameter(_))),
            "{parameters:?}"
        );
    }
}

/// A small index, to be changed.
struct File {
    kind: Kind,
    bytes: Bytes,
}

const ROWS: usize = 70;
const DIM: usize = 17;

impl File {
    fn new(parameters: &Parameters) -> Self {
        let Vectors { vectors, .. } = clustered(ROWS, DIM);
        let bytes = index::build(&vectors, Metric::L2, parameters, 1, 1, &Unobserved).unwrap();
        File {
            kind: parameters.kind(),
            bytes,
        }
    }

    fn header(&self) -> Header {
        bytemuck::pod_read_unaligned(&self.bytes[..320])
    }

    fn set_header(&mut self, change: impl FnOnce(&mut Header)) {
        let mut header = self.header();
        change(&mut header);
        self.bytes[..320].copy_from_slice(bytemuck::bytes_of(&header));
    }

    fn section<T: bytemuck::Pod>(&mut self, index: usize) -> &mut [T] {
        let section = self.header().section[index];
        let (start, length) = (section.offset as usize, section.bytes as usize);
        bytemuck::cast_slice_mut(&mut self.bytes[start..start + length])
    }

    /// Whether the file is taken, once its checksums are right.
    fn parse(mut self) -> Result<Index, String> {
        let body = crc32c::crc32c(&self.bytes[320..]);
        self.set_header(|header| header.body_crc = body);
        let crc = crc32c::crc32c(&self.bytes[..316]);
        self.bytes[316..320].copy_from_slice(&crc.to_le_bytes());
        Index::parse(self.bytes, self.kind).map_err(|malformed| malformed.to_string())
    }
}

/// What each change of a file is, and what is then said.
type Change = (&'static str, fn(&mut File));

fn refuses(parameters: &Parameters, changes: &[Change]) {
    assert!(File::new(parameters).parse().is_ok());
    for (what, change) in changes {
        let mut file = File::new(parameters);
        change(&mut file);
        let refused = file.parse().expect_err(what);
        assert!(refused.contains(what), "{what}: {refused}");
    }
}

const CONTAINER: &[Change] = &[
    ("does not begin", |f| f.bytes[0] = b'v'),
    ("version", |f| f.set_header(|h| h.version = 4)),
    ("version", |f| f.set_header(|h| h.version = 0)),
    ("sections", |f| f.set_header(|h| h.version = 2)),
    ("blocks", |f| f.set_header(|h| h.rows_crc ^= 1)),
    ("neither codes nor none", |f| f.set_header(|h| h.exact = 2)),
    ("recall", |f| f.set_header(|h| h.recall = 1)),
    ("recall", |f| {
        f.set_header(|h| (h.recall, h.measured) = (1_000_001, 1));
    }),
    ("reserved in its version", |f| {
        f.set_header(|h| (h.version, h.measured) = (1, 1));
    }),
    ("another kind", |f| f.set_header(|h| h.kind = 1)),
    ("another kind", |f| f.set_header(|h| h.kind = 0)),
    ("metric", |f| f.set_header(|h| h.metric = 3)),
    ("dimension", |f| f.set_header(|h| h.dim = 0)),
    ("dimension", |f| f.set_header(|h| h.dim = 65_537)),
    ("number of rows", |f| f.set_header(|h| h.rows = 0)),
    ("number of rows", |f| f.set_header(|h| h.rows = 0xffff_ffff)),
    ("size", |f| f.set_header(|h| h.bytes += 1)),
    ("effort", |f| f.set_header(|h| h.effort = 0)),
    ("effort", |f| f.set_header(|h| h.effort = 65_537)),
    ("sections", |f| f.set_header(|h| h.sections -= 1)),
    ("sections", |f| f.set_header(|h| h.sections += 1)),
    ("sections", |f| f.set_header(|h| h.sections = u32::MAX)),
    ("sections", |f| f.set_header(|h| h.section[0].offset += 64)),
    ("sections", |f| f.set_header(|h| h.section[1].bytes += 4)),
    ("sections", |f| f.set_header(|h| h.section[7].bytes = 1)),
    ("sections", |f| f.set_header(|h| h.rows += 64)),
    ("reserved", |f| f.set_header(|h| h.reserved[11] = 1)),
    ("parameter", |f| f.set_header(|h| h.param[15] = 1)),
];

#[test]
fn whatever_the_format_demands_of_an_ivf_file_is_demanded() {
    let parameters = Parameters::Ivf(ivf::Parameters {
        nlist: Some(5),
        nprobe: 2,
        rerank: 20,
    });
    refuses(&parameters, CONTAINER);
    refuses(
        &parameters,
        &[
            ("nlist", |f| f.set_header(|h| h.param[0] = 0)),
            ("nlist", |f| f.set_header(|h| h.param[0] = ROWS as u32 + 1)),
            ("sections", |f| f.set_header(|h| h.param[0] = 65)),
            ("rerank", |f| f.set_header(|h| h.param[1] = 0)),
            ("rerank", |f| f.set_header(|h| h.param[1] = 65_537)),
            ("parameter", |f| f.set_header(|h| h.param[2] = 1)),
            ("centroid is not finite", |f| f.section(0)[3] = f32::NAN),
            ("centroid is not padded", |f| f.section(0)[DIM] = -0.0f32),
            ("quantizer", |f| f.section(1)[0] = f32::INFINITY),
            ("quantizer", |f| f.section(1)[32] = 0f32),
            ("quantizer", |f| f.section(1)[32] = -1f32),
            ("quantizer", |f| {
                f.section(1)[32] = f32::from_bits(0x007f_ffff)
            }),
            ("lists", |f| f.section(2)[0] = 1u32),
            ("lists", |f| f.section(2)[5] = ROWS as u32 + 1),
            ("lists", |f| {
                let starts = f.section::<u32>(2);
                starts[2] = starts[3] + 1;
            }),
            ("not covered", |f| f.section(3)[9] = ROWS as u32),
            ("same row", |f| {
                let rows = f.section::<u32>(3);
                rows[1] = rows[0];
            }),
            ("-128", |f| f.section(4)[64] = -128i8),
            ("not 0", |f| f.section(4)[DIM] = 1i8),
        ],
    );
}

#[test]
fn whatever_the_format_demands_of_a_pq_file_is_demanded() {
    let parameters = Parameters::Pq(pq::Parameters {
        m: Some(6),
        rerank: 20,
    });
    refuses(&parameters, CONTAINER);
    refuses(
        &parameters,
        &[
            ("m is not", |f| f.set_header(|h| h.param[0] = 0)),
            ("m is not", |f| f.set_header(|h| h.param[0] = 7)),
            ("m is not", |f| f.set_header(|h| h.param[0] = 258)),
            ("sub-vectors", |f| f.set_header(|h| h.param[0] = 10)),
            ("sections", |f| {
                f.set_header(|h| (h.param[0], h.param[2]) = (8, 3));
            }),
            ("nbits", |f| f.set_header(|h| h.param[1] = 8)),
            ("sub-vectors", |f| f.set_header(|h| h.param[2] = 2)),
            ("parameter", |f| f.set_header(|h| h.param[3] = 1)),
            ("centroid", |f| f.section(0)[40] = f32::NEG_INFINITY),
        ],
    );
}

#[test]
fn whatever_the_format_demands_of_an_lsh_file_is_demanded() {
    let parameters = Parameters::Lsh(lsh::Parameters {
        tables: 3,
        hashes: 4,
        bits: Some(5),
        ..Default::default()
    });
    refuses(&parameters, CONTAINER);
    refuses(
        &parameters,
        &[
            ("tables", |f| f.set_header(|h| h.param[0] = 0)),
            ("tables", |f| f.set_header(|h| h.param[0] = 65)),
            ("hashes", |f| f.set_header(|h| h.param[1] = 0)),
            ("hashes", |f| f.set_header(|h| h.param[1] = 17)),
            ("bits", |f| f.set_header(|h| h.param[2] = 0)),
            ("bits", |f| f.set_header(|h| h.param[2] = 25)),
            ("sections", |f| f.set_header(|h| h.param[2] = 6)),
            ("parameter", |f| f.set_header(|h| h.param[3] = 1)),
            ("projection is not finite", |f| f.section(0)[1] = f32::NAN),
            ("projection is not padded", |f| f.section(0)[DIM] = 1f32),
            ("bias", |f| f.section(1)[11] = f32::INFINITY),
            ("buckets", |f| f.section(2)[0] = 1u32),
            ("buckets", |f| f.section(2)[32] = ROWS as u32 - 1),
            ("buckets", |f| f.section(2)[33] = 1u32),
            ("buckets", |f| f.section(2)[98] = ROWS as u32 + 1),
            ("buckets", |f| f.section(2)[50] = u32::MAX),
            ("not covered", |f| f.section(3)[0] = ROWS as u32),
        ],
    );
}

/// Bytes are changed at random and the checksums put right: such a file is refused, or it is an index like any other.
#[test]
fn changed_files_do_no_harm() {
    let small = [
        Parameters::Ivf(ivf::Parameters {
            nlist: Some(5),
            nprobe: 5,
            rerank: 20,
        }),
        Parameters::Pq(pq::Parameters {
            m: Some(6),
            rerank: 20,
        }),
        Parameters::Lsh(lsh::Parameters {
            tables: 3,
            hashes: 4,
            bits: Some(5),
            ..Default::default()
        }),
    ];
    let Vectors { vectors, queries } = clustered(ROWS, DIM);
    let mut random = Pcg64::new(1, 9);
    for parameters in small {
        let (mut taken, mut refused) = (0, 0);
        let whole = File::new(&parameters);
        for _ in 0..3000 {
            let mut file = File {
                kind: whole.kind,
                bytes: whole.bytes.clone(),
            };
            for _ in 0..random.next_u32() % 3 + 1 {
                // Half of the changes are in the header.
                let within = [320, file.bytes.len()][random.next_u32() as usize % 2];
                let at = random.next_u32() as usize % within;
                file.bytes[at] = match random.next_u32() % 3 {
                    0 => random.next_u32() as u8,
                    1 => file.bytes[at] ^ 1 << (random.next_u32() % 8),
                    _ => [0, 1, 0x7f, 0x80, 0xff][random.next_u32() as usize % 5],
                };
            }
            match file.parse() {
                Err(_) => refused += 1,
                Ok(index) => {
                    let header = *index.header();
                    if header.dim as usize == DIM && header.rows as usize <= ROWS {
                        taken += 1;
                        let query = queries.row(random.next_u32() as usize % 100);
                        let effort = [0, 1, 7, 65_536][random.next_u32() as usize % 4];
                        let found = index.search(&vectors, query, 5, effort);
                        assert!(found.hits.is_sorted_by_key(|hit| hit.key()));
                    }
                }
            }
        }
        assert!(
            taken > 100 && refused > 100,
            "{parameters:?}: {taken} taken, {refused} refused"
        );
    }
}

/// Mean recall of the 10 nearest.
fn recall_of(workload: &Vectors, metric: Metric, parameters: &Parameters, effort: u32) -> f64 {
    let Vectors { vectors, queries } = workload;
    let bytes = index::build(vectors, metric, parameters, 42, 2, &Unobserved).unwrap();
    let index = Index::parse(bytes, parameters.kind()).unwrap();
    index.check_rows(vectors).unwrap();
    let recall = queries.iter().map(|query| {
        let truth = flat::search(vectors, metric, query, 10).hits;
        recall::by_row(&truth, &index.search(vectors, query, 10, effort).hits)
    });
    recall.sum::<f64>() / queries.rows() as f64
}

#[test]
fn recall_on_the_clustered_workload_without_an_effort() {
    let workload = clustered(10_000, 128);
    for parameters in all_kinds() {
        for metric in Metric::ALL {
            let recall = recall_of(&workload, metric, &parameters, 0);
            println!("{}, {metric}: {recall}", parameters.kind());
            // LSH hashes directions, and an inner product is also large where a vector is long.
            let floor = match (parameters.kind(), metric) {
                (Kind::Lsh, Metric::InnerProduct) => 0.90,
                _ => 0.95,
            };
            assert!(recall >= floor, "{parameters:?}, {metric}: {recall}");
        }
    }
}

#[test]
fn recall_on_the_inherited_workload() {
    let workload = Workload::new(Name::Inherited).generate().unwrap();
    for (parameters, effort) in all_kinds().into_iter().zip([160, 0, 64]) {
        let recall = recall_of(&workload, Metric::L2, &parameters, effort);
        println!("{}: {recall}", parameters.kind());
        assert!(recall >= 0.95, "{parameters:?}: {recall}");
    }
}

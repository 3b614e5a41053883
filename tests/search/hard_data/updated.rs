// SPDX-License-Identifier: MIT OR Apache-2.0
//! What indexes find that were brought up to date with rows that were changed and appended.

use rand_core::Rng;
use rand_pcg::Pcg64;
use vexfs::anns::index::{
    self, Behind, BuildError, Bytes, Index, Kind, Parameters, Progress, Stale, Unobserved,
    UpdateError, Wanted,
};
use vexfs::anns::{Metric, flat, hnsw};
use vexfs::dataset::Matrix;

use super::{Data, QUERIES, SETS, WANTED, built, defaults, matrix, recall as recall_of};
use crate::hnsw::file::{File, crc};

fn updated(index: &Index, rows: &Matrix, threads: usize) -> (Bytes, Behind) {
    let updated = index::update(index, rows, threads, &Unobserved);
    updated.unwrap().expect("the index is behind")
}

/// Demands that an index is one of these rows, none of which it has to be told of.
fn assert_covers(index: &Index, rows: &Matrix) {
    assert_eq!(index.header().rows, rows.rows() as u64);
    assert_eq!(index.check_rows(rows), Ok(()));
    assert_eq!(index.cut_off(), 0);
    let again = index::update(index, rows, 1, &Unobserved).unwrap();
    assert!(again.is_none(), "it is behind once more");
}

/// Covered rows that change: some in every other block.
fn changing(covered: usize) -> impl Iterator<Item = usize> {
    (0..covered).filter(|row| row % 512 < 256 && row % 25 == 7)
}

/// Takes the last rows of all for those that change.
fn history(all: &[Vec<f32>], covered: usize) -> (Matrix, Matrix) {
    let before = matrix(&all[..covered]);
    let mut now = all.to_vec();
    for row in changing(covered) {
        now[row] = now.pop().expect("there are more rows");
    }
    (before, matrix(&now))
}

#[test]
fn updates_find_what_is_near_in_data_that_is_hard() {
    for (name, metric, make) in SETS {
        let mut all = make(&mut Data {
            random: Pcg64::new(7, 0),
        });
        let queries = matrix(&all.split_off(all.len() - QUERIES));
        let (before, now) = history(&all, all.len() / 2);
        for kind in [Kind::Hnsw, Kind::Ivf] {
            let old = built(&before, *metric, &defaults(kind));
            let (bytes, behind) = updated(&old, &now, 2);
            println!("{name}, {metric}, {kind}: {behind:?}");
            assert_eq!(behind.appended, now.rows() - before.rows());
            let index = Index::parse(bytes, kind).unwrap();
            assert_covers(&index, &now);
            let wanted = Wanted::AtLeast(WANTED);
            let (bytes, quality) = index::tune(index, &now, None, wanted, 2, &Unobserved).unwrap();
            let (quality, index) = (quality.unwrap(), Index::parse(bytes, kind).unwrap());
            let anew = built(&now, *metric, &defaults(kind));
            let (_, anew) = index::tune(anew, &now, None, wanted, 2, &Unobserved).unwrap();
            println!("  updated {quality:?}, built {:?}", anew.unwrap());
            assert!(
                quality.reaches(WANTED),
                "{name}, {metric}, {kind}: {quality:?}"
            );
            let recall = recall_of(&index, &now, &queries);
            assert!(
                recall >= WANTED - 0.03,
                "{name}, {metric}, {kind}: {recall}"
            );
        }
    }
}

/// A file does not depend on threads, and each row that is another or new is found where it is now.
#[test]
fn updates_of_every_kind_know_the_rows_that_are_others() {
    let mut data = Data {
        random: Pcg64::new(11, 0),
    };
    let all = data.clusters(4100, 20);
    let (before, now) = history(&all, 3000);
    for kind in Kind::ALL {
        for metric in Metric::ALL {
            let old = built(&before, metric, &defaults(kind));
            let (bytes, behind) = updated(&old, &now, 1);
            assert_eq!(behind.changed, 6 * 256);
            assert!(
                updated(&old, &now, 3).0[..] == bytes[..],
                "{kind}, {metric}"
            );
            let index = Index::parse(bytes, kind).unwrap();
            assert_covers(&index, &now);
            assert_eq!(index.header().seed, old.header().seed);
            assert_eq!(index.header().effort, old.header().effort);
            let others: Vec<_> = changing(3000).chain(3000..now.rows()).collect();
            let missed = |index: &Index| {
                let missed = others.iter().filter(|row| {
                    let query = now.row(**row);
                    let nearest = flat::search(&now, metric, query, 1).hits;
                    index.search(&now, query, 10, 0).hits.first() != nearest.first()
                });
                missed.count()
            };
            let anew = missed(&built(&now, metric, &defaults(kind)));
            let missed = missed(&index);
            println!("{kind}, {metric}: {missed} missed, {anew} by an index that was built anew");
            assert!(missed <= anew + others.len() / 50, "{kind}, {metric}");
        }
    }
}

/// However few links a node has, and however many rows there are of a kind.
#[test]
fn every_row_can_be_reached_after_updates() {
    let mut data = Data {
        random: Pcg64::new(12, 0),
    };
    for m in [2, 3, 16] {
        for different in [1, 2, 7, 400, u32::MAX] {
            for metric in Metric::ALL {
                let mut value = || (data.random.next_u32() % different) as f32 / 16.0;
                let mut rows: Vec<_> = (0..700).map(|_| vec![value(), value()]).collect();
                let parameters = Parameters::Hnsw(hnsw::Parameters {
                    m,
                    ef_construction: 10,
                    ef_search: 10,
                });
                let mut index = built(&matrix(&rows), metric, &parameters);
                for round in 0..4 {
                    rows.extend((0..50).map(|_| vec![value(), value()]));
                    for row in (256 * (round % 2)..).step_by(9).take(20) {
                        rows[row] = vec![value(), value()];
                    }
                    let now = matrix(&rows);
                    let (bytes, _) = updated(&index, &now, 2);
                    index = Index::parse(bytes, Kind::Hnsw).unwrap();
                    assert_covers(&index, &now);
                    let all = index.search(&now, now.row(0), rows.len(), 0).hits;
                    assert_eq!(
                        all.len(),
                        rows.len(),
                        "{m} links, {different} values, {metric}"
                    );
                }
            }
        }
    }
}

/// An index that was brought up to date again and again finds what one finds that was built at once.
#[test]
fn many_updates_wear_no_index_out() {
    let mut data = Data {
        random: Pcg64::new(13, 0),
    };
    let mut all: Vec<_> = (0..6000 + QUERIES).map(|_| data.normals(24)).collect();
    let queries = matrix(&all.split_off(6000));
    let others: Vec<_> = (0..6000).map(|_| data.normals(24)).collect();
    for kind in [Kind::Hnsw, Kind::Ivf] {
        let mut rows = all[..2000].to_vec();
        let mut index = built(&matrix(&rows), Metric::L2, &defaults(kind));
        for round in 0..20 {
            rows.extend_from_slice(&all[2000 + 200 * round..2200 + 200 * round]);
            for (row, other) in rows.iter_mut().zip(&others).skip(round * 97).take(300) {
                row.clone_from(other);
            }
            let (bytes, _) = updated(&index, &matrix(&rows), 2);
            index = Index::parse(bytes, kind).unwrap();
        }
        let now = matrix(&rows);
        assert_covers(&index, &now);
        let anew = built(&now, Metric::L2, &defaults(kind));
        let [worn, anew] = [&index, &anew].map(|index| recall_of(index, &now, &queries));
        println!("{kind}: recall {worn} after 20 updates, {anew} built anew");
        assert!(worn >= anew - 0.02, "{kind}: {worn}, {anew}");
    }
}

#[test]
fn what_no_update_can_mend_is_refused() {
    let mut data = Data {
        random: Pcg64::new(14, 0),
    };
    let all = data.clusters(700, 8);
    let (before, now) = history(&all, 600);
    for kind in Kind::ALL {
        let index = built(&before, Metric::L2, &defaults(kind));
        let refused = |rows: &Matrix| index::update(&index, rows, 1, &Unobserved).unwrap_err();
        let fewer = matrix(&all[..599]);
        let stale = Stale::FewerRows {
            covered: 600,
            rows: 599,
        };
        assert_eq!(refused(&fewer), UpdateError::Stale(stale));
        let others = matrix(&data.clusters(700, 8));
        assert_eq!(refused(&others), UpdateError::Stale(Stale::RowsChanged));
        let stopped = index::update(&index, &now, 1, &Stopped).unwrap_err();
        assert_eq!(stopped, UpdateError::Build(BuildError::Interrupted));
    }
}

/// Asks for an end at once.
struct Stopped;

impl Progress for Stopped {
    fn report(&self, _: u64, _: u64) {}

    fn should_stop(&self) -> bool {
        true
    }
}

/// A file that is sound to search may have any links. An update takes them as they are, or says that they do not hold.
#[test]
fn a_graph_of_any_links_is_updated_or_refused() {
    let mut data = Data {
        random: Pcg64::new(15, 0),
    };
    let all = data.clusters(700, 8);
    let (before, now) = history(&all, 600);
    let parameters = Parameters::Hnsw(hnsw::Parameters {
        m: 3,
        ..Default::default()
    });
    let sound = File(built(&before, Metric::L2, &parameters).bytes().to_vec());
    let (mut updates, mut torn) = (0, 0);
    for forged in [0, 1, 10, 100, 1000, 10_000] {
        for _ in 0..5 {
            let mut file = sound.clone();
            for _ in 0..forged {
                // The links of level 0: 6 of each of the 600 nodes.
                let at = file.section(3) + 4 * (data.random.next_u32() as usize % 3600);
                if file.u32(at) != u32::MAX {
                    file.set_u32(at, data.random.next_u32() % 600);
                }
            }
            let Ok(index) = Index::parse(file.seal(), Kind::Hnsw) else {
                continue;
            };
            match index::update(&index, &now, 1, &Unobserved) {
                Ok(updated) => {
                    let (bytes, _) = updated.expect("the index is behind");
                    let index = Index::parse(bytes, Kind::Hnsw).unwrap();
                    assert_eq!(index.check_rows(&now), Ok(()));
                    assert_eq!(index.cut_off(), 0, "{forged} links were forged");
                    updates += 1;
                }
                Err(error) => {
                    assert_eq!(error, UpdateError::Build(BuildError::Torn));
                    torn += 1;
                }
            }
        }
    }
    println!("{updates} updated, {torn} torn");
    assert!(updates > 0 && torn > 0);
}

/// An index of a few rows grows with its file: into the levels that a build would give it, and as good.
#[test]
fn an_index_of_a_few_rows_grows_with_its_file() {
    let mut data = Data {
        random: Pcg64::new(16, 0),
    };
    let mut row = || (0..16).map(|_| data.unit()).collect::<Vec<_>>();
    let mut all: Vec<_> = (0..4000 + QUERIES).map(|_| row()).collect();
    // The first rows span all that come later, so that the scales of their codes are good for these.
    all[0].fill(0.0);
    all[1].fill(1.0);
    let queries = matrix(&all[4000..]);
    let now = matrix(&all[..4000]);
    let kind = Kind::Hnsw;
    let parameters = Parameters::Hnsw(hnsw::Parameters {
        m: 8,
        ef_construction: 50,
        ef_search: 24,
    });
    for metric in [Metric::L2, Metric::InnerProduct] {
        let anew = built(&now, metric, &parameters);
        let levels = |index: &Index| index.header().param[3];
        for covered in [2, 30, 400] {
            let mut index = built(&matrix(&all[..covered]), metric, &parameters);
            // At once, and step by step.
            for step in [covered + 4000, 3 * covered] {
                let mut rows = covered;
                while rows < 4000 {
                    rows = (rows + step).min(4000);
                    let (bytes, _) = updated(&index, &matrix(&all[..rows]), 2);
                    index = Index::parse(bytes, kind).unwrap();
                }
                assert_covers(&index, &now);
                let [grown, made] = [&index, &anew].map(|index| recall_of(index, &now, &queries));
                println!("{metric}, {covered} rows: recall {grown}, {made} built anew");
                assert!(grown >= made - 0.03, "{metric}, {covered} rows");
                assert!(levels(&index) >= levels(&anew), "{metric}, {covered} rows");
                index = built(&matrix(&all[..covered]), metric, &parameters);
            }
        }
    }
}

/// Codes that were scaled to the first rows say nothing of rows far away: no index takes these up.
#[test]
fn rows_that_codes_do_not_tell_apart_are_refused() {
    let mut data = Data {
        random: Pcg64::new(17, 0),
    };
    let mut all = data.clusters(2000, 16);
    all[1000..].iter_mut().flatten().for_each(|x| *x *= 1000.0);
    let (before, now) = (matrix(&all[..1000]), matrix(&all));
    for kind in [Kind::Hnsw, Kind::Ivf] {
        let index = built(&before, Metric::L2, &defaults(kind));
        assert_eq!(index.header().exact, 0, "{kind}");
        let refused = index::update(&index, &now, 1, &Unobserved).unwrap_err();
        assert_eq!(refused, UpdateError::Build(BuildError::Unfit), "{kind}");
    }
}

/// A file without fingerprints of blocks can be brought up to date with appended rows, and has them then.
#[test]
fn files_of_older_versions_are_brought_up_to_date() {
    let mut data = Data {
        random: Pcg64::new(18, 0),
    };
    let all = data.clusters(900, 12);
    let (before, now) = (matrix(&all[..600]), matrix(&all));
    let mut bytes = Vec::new();
    before
        .iter()
        .flatten()
        .for_each(|x| bytes.extend_from_slice(&x.to_le_bytes()));
    for kind in Kind::ALL {
        let sound = built(&before, Metric::L2, &defaults(kind));
        let mut file = File(sound.bytes().to_vec());
        file.make_older(2, crc(&bytes));
        let old = Index::parse(file.seal(), kind).unwrap();
        assert_eq!(old.header().version, 2);
        let (from_old, _) = updated(&old, &now, 1);
        assert!(from_old[..] == updated(&sound, &now, 1).0[..], "{kind}");
        assert_covers(&Index::parse(from_old, kind).unwrap(), &now);
        let mut other = now.clone();
        other.set(3, now.row(4));
        let refused = index::update(&old, &other, 1, &Unobserved).unwrap_err();
        assert_eq!(refused, UpdateError::Stale(Stale::RowsChanged), "{kind}");
    }
}

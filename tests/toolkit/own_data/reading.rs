// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests what is made of a file: rows, queries, metric, and what the file says of its neighbours.

use std::path::Path;

use tempfile::TempDir;
use vexfs::anns::Metric;
use vexfs::criteria::Criteria;
use vexfs::criteria::check::Status;
use vexfs::criteria::own_criteria;
use vexfs::criteria::own_data::{Options, OwnData};
use vexfs::criteria::subject;

use crate::python::run_python;

/// Three files as ann-benchmarks has them, with their true neighbours, and the same rows alone. Rows repeat, so that
/// there are ties.
const FILES: &str = r"
import h5py, numpy as np
random = np.random.default_rng(4)
a = np.concatenate([random.standard_normal((200, 12)), np.ones((20, 12))]).astype('<f4')
a = np.concatenate([a, a[:60]])
q = random.standard_normal((25, 12)).astype('<f4')
wide, queries = a.astype(float), q.astype(float)
length = lambda x: np.linalg.norm(x, axis=1, keepdims=True)
distances = {
    'euclidean': np.linalg.norm(queries[:, None] - wide[None], axis=2),
    'angular': 1 - queries @ wide.T / length(queries) / length(wide).T,
    'dot': -(queries @ wide.T),
}
for name, d in distances.items():
    # Of equal rows the last comes first, unlike ours.
    nearest = len(a) - 1 - np.argsort(d[:, ::-1], axis=1, kind='stable')[:, :30]
    with h5py.File(name + '.hdf5', 'w') as file:
        file.attrs['distance'] = np.bytes_(name) if name == 'dot' else name
        file.create_dataset('train', data=a, compression='gzip')
        file['test'] = q
        file['neighbors'] = nearest.astype('<i4')
        file['distances'] = np.take_along_axis(d, nearest, 1).astype('<f4')
np.save('rows.npy', a)
np.save('queries.npy', q[:7])
";

fn files() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    run_python(FILES, folder.path());
    folder
}

fn options(folder: &Path, name: &str) -> Options {
    Options {
        file: folder.join(name),
        queries: None,
        rows: None,
        query_rows: 100,
        metric: None,
        k: 10,
        boots: 1,
    }
}

#[test]
fn a_file_says_its_metric_and_brings_the_true_neighbours() {
    let folder = files();
    for (name, metric) in [
        ("euclidean", Metric::L2),
        ("angular", Metric::Cosine),
        ("dot", Metric::InnerProduct),
    ] {
        let own = OwnData::read(&options(folder.path(), &format!("{name}.hdf5"))).unwrap();
        assert_eq!(own.metric, metric, "{name}");
        let record = &own.origin.record;
        assert_eq!((record.rows, record.of_rows, record.dim), (280, 280, 12));
        assert_eq!(record.queries, 25);
        let found = &own.origin.file_truth;
        assert_eq!(found.status, Status::Pass, "{name}: {}", found.measured);
        assert!(found.measured.starts_with("250 neighbours of 25 queries"));
    }
}

#[test]
fn a_wrong_neighbour_is_named() {
    let folder = files();
    run_python(
        r"
import h5py
for name in ['euclidean', 'angular', 'dot']:
    with h5py.File(name + '.hdf5', 'r+') as file:
        ids = file['neighbors'][:]
        ids[7, 4] = ids[7, 29]
        file['neighbors'][:] = ids
with h5py.File('euclidean.hdf5', 'r') as old, h5py.File('beyond.hdf5', 'w') as file:
    ids = old['neighbors'][:]
    ids[3, 0] = 280
    file['train'], file['test'], file['neighbors'] = old['train'][:], old['test'][:], ids
",
        folder.path(),
    );
    for (name, sentence) in [
        ("euclidean", "query 7, rank 4: the file has row"),
        ("angular", "query 7, rank 4: the file has row"),
        ("dot", "query 7, rank 4: the file has row"),
        (
            "beyond",
            "query 3, rank 0: the file has row 280, which there is not",
        ),
    ] {
        let own = OwnData::read(&options(folder.path(), &format!("{name}.hdf5"))).unwrap();
        let found = own.origin.file_truth;
        assert_eq!(found.status, Status::Fail, "{name}: {}", found.measured);
        assert!(found.measured.starts_with(sentence), "{}", found.measured);
    }
}

#[test]
fn neighbours_of_something_else_are_not_judged() {
    let folder = files();
    let skipped = |change: fn(&mut Options), words: &str| {
        let mut options = options(folder.path(), "euclidean.hdf5");
        change(&mut options);
        if let Some(queries) = &mut options.queries {
            *queries = folder.path().join(&queries);
        }
        let found = OwnData::read(&options).unwrap().origin.file_truth;
        assert_eq!(found.status, Status::Skipped, "{}", found.measured);
        assert!(found.measured.contains(words), "{}", found.measured);
    };
    skipped(|options| options.rows = Some(100), "among all its 280 rows");
    skipped(
        |options| options.metric = Some(Metric::Cosine),
        "euclidean, which is not asked for",
    );
    skipped(
        |options| options.queries = Some("queries.npy".into()),
        "its own queries",
    );
    let own = OwnData::read(&options(folder.path(), "rows.npy")).unwrap();
    assert_eq!(own.origin.file_truth.status, Status::Skipped);
}

#[test]
fn without_queries_the_last_rows_are_taken_out() {
    let folder = files();
    let mut asked = options(folder.path(), "rows.npy");
    asked.rows = Some(205);
    let own = OwnData::read(&asked).unwrap();
    assert_eq!(
        (own.vectors.vectors.rows(), own.vectors.queries.rows()),
        (185, 20)
    );
    let record = own.origin.record;
    assert_eq!(
        (record.rows, record.of_rows, record.queries),
        (185, 280, 20)
    );
    assert_eq!(
        record.queries_from,
        "the last 20 of 205 rows, which are not searched"
    );

    let mut all = options(folder.path(), "euclidean.hdf5");
    all.queries = Some(folder.path().join("rows.npy"));
    all.query_rows = 280;
    let all = OwnData::read(&all).unwrap().vectors;
    for (row, query) in (185..205).zip(own.vectors.queries.iter()) {
        assert_eq!(all.queries.row(row), query);
    }
}

#[test]
fn criteria_are_derived_from_the_vectors_and_can_be_read_back() {
    let folder = files();
    let own = OwnData::read(&options(folder.path(), "angular.hdf5")).unwrap();
    let base = Criteria::read(None).unwrap();
    let derived = own_criteria::derive(&base, &own).unwrap();
    // The peers are compared on the built-in vectors.
    assert!(derived.comparison.is_none());
    let kept = base
        .checks
        .iter()
        .filter(|check| !subject::compares(&check.id));
    assert_eq!(derived.checks.len(), kept.count() + 1);
    assert_eq!(derived.indexes.len(), 1);
    assert_eq!(derived.indexes[0].kinds.len(), 4);
    assert_eq!(derived.workload.vectors, own.given.vectors_blake3);
    assert_eq!(derived.workload.metric, Metric::Cosine);
    assert_eq!(
        Criteria::parse(&derived.text).unwrap().blake3,
        derived.blake3
    );
    // A run can be repeated with the criteria that it wrote down, on the same vectors only.
    let again = own_criteria::derive(&derived, &own).unwrap();
    assert_eq!(again.blake3, derived.blake3);
    let other = OwnData::read(&options(folder.path(), "euclidean.hdf5")).unwrap();
    let error = own_criteria::derive(&derived, &other)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("of other vectors or another metric"),
        "{error}"
    );
}

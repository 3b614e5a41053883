// SPDX-License-Identifier: MIT OR Apache-2.0
//! A record with peers in it is compared with itself, as it would be if their searches had taken something
//! else.

use vexfs::peers::{Comparison, Series};
use vexfs::records::reproduce::{Agreement, Reproduction, Row, Side};

use super::fixture::{self, Record};

/// The rows of ratios to a peer, when its searches on the host were changed in some way.
fn ratios(peer: &str, change: impl Fn(&mut Comparison)) -> Vec<Row> {
    let packed = fixture::full();
    let mut new = fixture::full();
    change(new.evidence.comparison.as_mut().unwrap());
    let mut rows = Reproduction::of(side(&packed), side(&new)).rows;
    let prefix = format!("host: median of {peer} ");
    rows.retain(|row| row.what.starts_with(&prefix) && row.what.contains(", x "));
    rows
}

fn side(record: &Record) -> Side<'_> {
    Side {
        evidence: &record.evidence,
        verdict: &record.verdict,
    }
}

fn outcomes(rows: &[Row]) -> Vec<Agreement> {
    rows.iter().map(|row| row.outcome).collect()
}

fn series<'a>(comparison: &'a mut Comparison, of: &str) -> impl Iterator<Item = &'a mut Series> {
    let all = comparison.workloads.iter_mut();
    let all = all.flat_map(|compared| &mut compared.series);
    all.filter(move |series| series.engine == of)
}

fn times(comparison: &mut Comparison, of: &str, by: u64) {
    for series in series(comparison, of) {
        let samples = series.measured.value.as_mut().unwrap();
        for ns in samples.samples_ns.iter_mut().flatten() {
            *ns *= by;
        }
    }
}

#[test]
fn the_same_times_are_within_on_both_workloads() {
    let rows = ratios("qdrant", |_| {});
    assert_eq!(outcomes(&rows), [Agreement::Within; 2], "{rows:#?}");
    let base = "x vexfs flat search, effort 0, fuse on inherited beside other engines";
    assert!(rows[0].what.ends_with(base), "{rows:#?}");
}

#[test]
fn another_engine_or_ours_ten_times_as_slow_differs() {
    for slower in ["qdrant", "vexfs"] {
        let rows = ratios("qdrant", |comparison| times(comparison, slower, 10));
        assert_eq!(outcomes(&rows), [Agreement::Differs; 2], "{rows:#?}");
    }
}

/// A machine that does everything at half the pace reproduces what was said of it.
#[test]
fn everything_as_slow_is_within() {
    let rows = ratios("qdrant", |comparison| {
        times(comparison, "qdrant", 2);
        times(comparison, "vexfs", 2);
    });
    assert_eq!(outcomes(&rows), [Agreement::Within; 2], "{rows:#?}");
}

#[test]
fn another_version_or_too_little_found_is_not_comparable() {
    let why = |change: &dyn Fn(&mut Comparison)| {
        let rows = ratios("qdrant", change);
        assert_eq!(outcomes(&rows), [Agreement::NotComparable; 2], "{rows:#?}");
        rows[0].why.clone().unwrap()
    };
    let version = why(&|comparison| {
        for engine in &mut comparison.engines {
            engine.versions.insert("qdrant".into(), "1.2.4".into());
        }
    });
    assert!(version.contains("1.2.4"), "{version}");
    let recall = why(&|comparison| {
        for series in series(comparison, "qdrant") {
            series.measured.value.as_mut().unwrap().recall_by_row = 0.5;
        }
    });
    assert!(recall.contains("recall"), "{recall}");
}

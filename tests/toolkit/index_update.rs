// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs index update`

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;

use tempfile::TempDir;
use vexfs::anns::index::Kind;
use vexfs::dataset::fvecs;

use crate::cli::{failure, json, printed, vexfs};

const ROW_BYTES: usize = 4 + 4 * 20;

/// 600 rows with an index of each kind, and the bytes of 300 more.
fn folder() -> (TempDir, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let generate = "dataset generate --workload clustered --rows 900 --dim 20 --queries 1 --out .";
    printed(folder.path(), generate);
    let path = folder.path().join("vectors.fvecs");
    let mut bytes = fs::read(&path).unwrap();
    let more = bytes.split_off(600 * ROW_BYTES);
    fs::write(&path, &bytes).unwrap();
    for kind in Kind::ALL {
        let build = format!("index build vectors.fvecs --kind {kind}");
        printed(folder.path(), &build);
    }
    (folder, more)
}

fn append(folder: &Path, bytes: &[u8]) {
    let file = OpenOptions::new()
        .append(true)
        .open(folder.join("vectors.fvecs"));
    file.unwrap().write_all(bytes).unwrap();
}

fn hashes(folder: &Path) -> Vec<String> {
    let hash = |kind: &Kind| {
        let bytes = fs::read(folder.join(format!("vectors.fvecs.{}", kind.extension())));
        blake3::hash(&bytes.unwrap()).to_string()
    };
    Kind::ALL.iter().map(hash).collect()
}

/// Each index as `vexfs index update` told of it: appended and changed rows, and the hash of the file.
fn told(folder: &Path, arguments: &str) -> Vec<(u64, u64, String)> {
    let report = json(folder, arguments);
    let indexes = report["indexes"].as_array().unwrap();
    let told = indexes.iter().map(|index| {
        let count = |name: &str| index[name].as_u64().unwrap();
        let hash = index["blake3"].as_str().unwrap().to_owned();
        (count("appended"), count("changed"), hash)
    });
    told.collect()
}

#[test]
fn indexes_are_brought_up_to_date_with_rows_that_were_appended_and_changed() {
    let (folder, more) = folder();
    let folder = folder.path();
    append(folder, &more);
    let row = fs::read(folder.join("queries.fvecs")).unwrap();
    let file = OpenOptions::new()
        .write(true)
        .open(folder.join("vectors.fvecs"))
        .unwrap();
    file.write_all_at(&row, 300 * ROW_BYTES as u64).unwrap();

    let update = "index update vectors.fvecs";
    let first = told(folder, &format!("{update} --threads 1"));
    let hashes_now = hashes(folder);
    let expected = hashes_now.iter().map(|hash| (300, 256, hash.clone()));
    assert_eq!(first, expected.collect::<Vec<_>>());
    for index in json(folder, "index info vectors.fvecs")["indexes"]
        .as_array()
        .unwrap()
    {
        assert_eq!(index["state"], "fits");
        assert_eq!(
            [&index["rows"], &index["tail"], &index["changed"]],
            [900, 0, 0]
        );
        assert_eq!(index["recall_queries"], 128);
    }
    printed(folder, "index verify vectors.fvecs");
    for kind in Kind::ALL {
        let search = format!("search vectors.fvecs --query-file queries.fvecs --k 1 --kind {kind}");
        assert_eq!(printed(folder, &search), "0\t300\t0\n", "{kind}");
    }

    // Nothing is written where there is nothing to do.
    let again = told(folder, update);
    let expected = hashes_now.iter().map(|hash| (0, 0, hash.clone()));
    assert_eq!(again, expected.collect::<Vec<_>>());
    assert_eq!(hashes(folder), hashes_now);
    let said = printed(folder, "index update vectors.fvecs --kind pq");
    assert_eq!(said, "vectors.fvecs.pq is up to date: 900 rows\n");
}

#[test]
fn what_cannot_be_brought_up_to_date_is_told_and_the_others_are() {
    let (folder, more) = folder();
    let folder = folder.path();
    let ivf = folder.join("vectors.fvecs.ivf");
    let whole = fs::read(&ivf).unwrap();
    fs::write(&ivf, &whole[..whole.len() - 1]).unwrap();
    append(folder, &more);
    let output = vexfs(folder, "index update vectors.fvecs");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stdout).unwrap();
    let done = said.matches("300 appended rows and 0 rows in changed blocks are in it now");
    assert_eq!(done.count(), 3, "{said}");
    let faults = String::from_utf8(output.stderr).unwrap();
    assert!(
        faults.contains("vectors.fvecs.ivf cannot be brought up to date: "),
        "{faults}"
    );
    assert_eq!(fs::read(&ivf).unwrap(), &whole[..whole.len() - 1]);

    let file = OpenOptions::new()
        .write(true)
        .open(folder.join("vectors.fvecs"))
        .unwrap();
    file.set_len(500 * ROW_BYTES as u64).unwrap();
    let message = failure(folder, "index update vectors.fvecs --kind hnsw");
    assert!(
        message.contains("build it anew: the index covers 900 rows, but the file has only 500"),
        "{message}"
    );
    let message = failure(folder, "index update queries.fvecs");
    assert!(message.contains("queries.fvecs has no index"), "{message}");
    file.set_len(0).unwrap();
    let message = failure(folder, "index update vectors.fvecs --kind hnsw");
    assert!(message.contains("the file has only 0"), "{message}");
}

/// Centroids of one cluster say nothing of others, so all rows of these are in few lists or cut in two.
#[test]
fn a_recall_that_has_fallen_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let row = |seed: u32, spread: f32| -> Vec<u8> {
        let mut state = seed.wrapping_mul(2_654_435_761) | 1;
        let elements = (0..16).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            spread * (state >> 8) as f32 / (1 << 24) as f32
        });
        let mut bytes = Vec::new();
        fvecs::encode_row(&mut bytes, &elements.collect::<Vec<_>>()).unwrap();
        bytes
    };
    // Ten clusters, which a list each finds whole, and rows without any.
    let clustered = (0..500).flat_map(|i| {
        let mut bytes = row(i % 10, 100.0);
        bytes[4] ^= (i / 10) as u8;
        bytes
    });
    fs::write(folder.join("vectors.fvecs"), clustered.collect::<Vec<u8>>()).unwrap();
    printed(
        folder,
        "index build vectors.fvecs --kind ivf --nlist 20 --nprobe 2",
    );
    let more = (1000..3000).flat_map(|i| row(i, 100.0));
    append(folder, &more.collect::<Vec<u8>>());
    let output = vexfs(folder, "index update vectors.fvecs");
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("vexfs: warning: the recall of vectors.fvecs.ivf was "),
        "{said}, {:?}",
        String::from_utf8(output.stdout)
    );
}

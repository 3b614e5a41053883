// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs index` on a mount: the same files as elsewhere, and nothing half done.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use vexfs::anns::index::Kind;
use vexfs::dataset::fvecs;
use vexfs::dataset::workload::{Name, Workload};
use vexfs::store::index_file;

use crate::fixture::Mounted;

fn vexfs(arguments: &[&str], file: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vexfs"))
        .arg("index")
        .arg(arguments[0])
        .arg(file)
        .args(&arguments[1..])
        .output()
        .unwrap()
}

#[track_caller]
fn succeeds(arguments: &[&str], file: &Path) {
    let output = vexfs(arguments, file);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
}

fn write_rows(path: &Path) {
    let workload = Workload {
        rows: 400,
        dim: 24,
        queries: 1,
        ..Workload::new(Name::Clustered)
    };
    fvecs::write(path, &workload.generate().unwrap().vectors).unwrap();
}

fn names(folder: &Path) -> Vec<OsString> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
}

#[test]
fn an_index_built_through_a_mount_is_the_one_built_elsewhere() {
    let mounted = Mounted::new();
    let folder = tempfile::tempdir().unwrap();
    let (there, here) = (mounted.path("v.fvecs"), folder.path().join("v.fvecs"));
    write_rows(&there);
    write_rows(&here);
    for kind in Kind::ALL {
        for metric in ["l2", "ip", "cosine"] {
            let build = |file: &Path, threads: &str| {
                let kind = kind.extension();
                let options = ["build", "--kind", kind, "--metric", metric];
                succeeds(&[&options[..], &["--threads", threads]].concat(), file);
                let bytes = fs::read(index_file::path(file, kind_of(kind))).unwrap();
                blake3::hash(&bytes)
            };
            assert_eq!(build(&there, "2"), build(&here, "1"), "{kind} for {metric}");
        }
    }
    succeeds(&["verify"], &there);
    assert_eq!(names(mounted.root()), names(folder.path()));
    for kind in Kind::ALL {
        succeeds(&["drop", "--kind", kind.extension()], &there);
    }
    assert_eq!(names(mounted.root()), ["v.fvecs"]);
}

fn kind_of(extension: &str) -> Kind {
    let mut kinds = Kind::ALL.into_iter();
    kinds.find(|kind| kind.extension() == extension).unwrap()
}

#[test]
fn without_room_for_a_new_index_the_old_one_stays() {
    let mounted = Mounted::new();
    let path = mounted.path("v.fvecs");
    write_rows(&path);
    succeeds(&["build", "--kind", "hnsw", "--m", "4"], &path);
    let index = index_file::path(&path, Kind::Hnsw);
    let old = fs::read(&index).unwrap();
    mounted.leave(32 << 10);
    for file in [&path, &mounted.lower("v.fvecs")] {
        let output = vexfs(&["build", "--kind", "hnsw", "--m", "32"], file);
        assert_eq!(output.status.code(), Some(1));
        let message = String::from_utf8(output.stderr).unwrap();
        for part in ["v.fvecs.hnsw: No space left on device", "old index is as"] {
            assert!(message.contains(part), "{message}");
        }
        assert_eq!(fs::read(&index).unwrap(), old);
        assert_eq!(names(mounted.root()), ["v.fvecs", "v.fvecs.hnsw"]);
    }
    succeeds(&["verify"], &path);

    mounted.leave(1 << 20);
    succeeds(&["build", "--kind", "hnsw", "--m", "32"], &path);
    assert_ne!(fs::read(&index).unwrap(), old);
    assert_eq!(names(mounted.root()), ["v.fvecs", "v.fvecs.hnsw"]);
}

#[test]
fn a_read_only_mount_keeps_its_indexes() {
    let mounted = Mounted::read_only();
    write_rows(&mounted.lower("v.fvecs"));
    let path = mounted.path("v.fvecs");
    for arguments in [["build", "--kind", "pq"], ["drop", "--kind", "hnsw"]] {
        fs::write(mounted.lower("v.fvecs.hnsw"), "old").unwrap();
        let output = vexfs(&arguments, &path);
        assert_eq!(output.status.code(), Some(1));
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(message.contains("Read-only file system"), "{message}");
    }
    assert_eq!(names(mounted.root()), ["v.fvecs", "v.fvecs.hnsw"]);
}

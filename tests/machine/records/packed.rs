// SPDX-License-Identifier: MIT OR Apache-2.0
//! A run in one file, and what is done to such files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tar::EntryType;
use tempfile::TempDir;
use vexfs::protocol::run_files::{RUN, VERDICT, to_json};
use vexfs::records::pack::pack;
use vexfs::records::source::RunSource;
use vexfs::report;
use vexfs::verdict::record;

use crate::records::forged::{self, LIST};
use crate::records::kept;

/// The run, packed into a directory of its own.
pub fn kept_pack() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("kept.tar.gz");
    pack(&RunSource::open(kept::run()).unwrap(), Some(&file)).unwrap();
    (dir, file)
}

fn refusal(pack: &Path) -> String {
    match RunSource::open(pack) {
        Ok(_) => panic!("{} was taken", pack.display()),
        Err(error) => format!("{error:#}"),
    }
}

#[test]
fn the_same_run_gives_the_same_bytes_under_the_name_of_its_id() {
    let (dir, first) = kept_pack();
    let out = kept::validate_in(dir.path(), &["pack", &kept::run().display().to_string()]);
    assert_eq!(out.status.code(), Some(0), "{out:?}");
    let printed = String::from_utf8(out.stdout).unwrap();
    let (name, id) = printed.trim().split_once(": pack ").unwrap();
    assert_eq!(name, format!("vexfs-{}.tar.gz", &id[..16]));
    let second = dir.path().join(name);
    assert_eq!(fs::read(&first).unwrap(), fs::read(second).unwrap());

    let files = forged::unpacked(&first);
    assert_eq!(blake3::hash(&files[LIST]).to_string(), id);
    let statement: Value = serde_json::from_slice(&files["statement.json"]).unwrap();
    assert_eq!(statement["predicate"]["result"], "PASSED");
    assert_eq!(
        statement["subject"][0]["digest"]["blake3"],
        blake3::hash(&files["manifest.json"]).to_string()
    );
}

#[test]
fn one_changed_byte_of_any_file_is_found() {
    let (dir, kept) = kept_pack();
    let files = forged::unpacked(&kept);
    assert!(files.len() > 12, "{:?}", files.keys());
    let changed = dir.path().join("changed.tar.gz");
    forged::packed(&files, &changed);
    RunSource::open(&changed).unwrap();
    for name in files.keys() {
        let mut files = files.clone();
        let content = files.get_mut(name).unwrap();
        match content.len() {
            0 => content.push(b' '),
            size => content[size / 2] ^= 1,
        }
        forged::packed(&files, &changed);
        let refused = refusal(&changed);
        assert!(refused.contains(name.as_str()), "{name}: {refused}");
    }
}

#[test]
fn nothing_but_what_is_listed_and_known_is_unpacked() {
    let (dir, kept) = kept_pack();
    let files = forged::unpacked(&kept);
    let pack = dir.path().join("hostile.tar.gz");
    let refuse = |files: &BTreeMap<String, Vec<u8>>, named: &str| {
        forged::packed(files, &pack);
        let refused = refusal(&pack);
        assert!(refused.contains(named), "{named}: {refused}");
    };

    for name in ["notes.txt", "../escaped", "/escaped", "second-boot/../x"] {
        let mut more = files.clone();
        more.insert(name.to_owned(), b"more".to_vec());
        refuse(&more, "does not name");
        // Listed, too, in the place of a neighbour, so that the list keeps its order.
        let list = String::from_utf8(more[LIST].clone()).unwrap();
        let mut listed = files.keys().filter(|file| *file != LIST);
        let before = listed.clone().rfind(|file| file.as_str() < name);
        let place = before.or(listed.next()).unwrap();
        let list = list.replacen(&format!("\"{place}\""), &format!("\"{name}\""), 1);
        more.insert(LIST.to_owned(), list.into_bytes());
        refuse(&more, "is no file of a run");
    }
    let mut fewer = files.clone();
    fewer.remove("host.json");
    refuse(&fewer, "lacks the file host.json");
    let mut unlisted = files.clone();
    let list = String::from_utf8(unlisted[LIST].clone()).unwrap();
    let endless = list.replacen("\"size\": ", "\"size\": 9999999", 1);
    unlisted.insert(LIST.to_owned(), endless.into_bytes());
    refuse(&unlisted, "at most");

    let list = (LIST, EntryType::Regular, files[LIST].as_slice());
    let run = files["run.json"].as_slice();
    for (entries, named) in [
        (
            vec![("run.json", EntryType::Regular, run), list],
            "begins with",
        ),
        (
            vec![list, ("run.json", EntryType::Symlink, b"" as &[u8])],
            "no plain file",
        ),
        (
            vec![list, ("second-boot", EntryType::Directory, b"")],
            "no plain file",
        ),
        (
            vec![list, ("x", EntryType::GNULongName, b"run.json")],
            "no plain file",
        ),
        (
            vec![
                list,
                ("run.json", EntryType::Regular, run),
                ("run.json", EntryType::Regular, run),
            ],
            "twice",
        ),
        (vec![], "empty"),
    ] {
        forged::archived(&entries, &pack);
        let refused = refusal(&pack);
        assert!(refused.contains(named), "{named}: {refused}");
    }

    let whole = fs::read(&kept).unwrap();
    fs::write(&pack, [whole.as_slice(), b"more"].concat()).unwrap();
    assert!(refusal(&pack).contains("something follows"));
    fs::write(&pack, &whole[..whole.len() / 2]).unwrap();
    refusal(&pack);
    fs::write(&pack, b"no pack at all").unwrap();
    assert!(refusal(&pack).contains("neither a run's directory, nor a pack, nor an image"));
    assert!(!Path::new("/escaped").exists());
}

/// Every digest is right again, and yet the files contradict each other.
#[test]
fn an_edit_with_all_digests_redone_contradicts_the_other_files() {
    let (dir, kept) = kept_pack();
    let pack = dir.path().join("redone.tar.gz");
    for (name, of, to, named) in [
        (
            "verdict.json",
            "\"fail\": 0",
            "\"fail\": 1",
            "verdict.json, line",
        ),
        (
            "verdict.json",
            "icount on QEMU",
            "kvm on QEMU",
            "verdict.json, line",
        ),
        (
            "results.json",
            "\"write_ns\": ",
            "\"write_ns\": 1",
            "messages.jsonl",
        ),
        (
            "host.json",
            "\"unstable\": null",
            "\"unstable\": \"x\"",
            "on the host",
        ),
        (
            "run.json",
            "\"qemu\": \"",
            "\"qemu\": \"1",
            "results.json, line",
        ),
        (
            "figures.json",
            "\"value\": ",
            "\"value\": 1",
            "figures.json, line",
        ),
        (
            "report.html",
            "pass",
            "PASS",
            "report.html is not the report",
        ),
        (
            "statement.json",
            "PASSED",
            "WARNED",
            "statement.json does not state",
        ),
    ] {
        let mut files = forged::unpacked(&kept);
        let text = String::from_utf8(files[name].clone()).unwrap();
        assert!(text.contains(of), "{name} lacks {of}");
        let text = text.replacen(of, to, 1);
        forged::replace(&mut files, name, text.into_bytes());
        forged::packed(&files, &pack);
        let refused = refusal(&pack);
        assert!(refused.contains(named), "{name}, {of}: {refused}");
    }
}

/// Results, messages, verdict, figures and reports all agree; the answers do not fit what they were hashed to.
#[test]
fn answers_that_do_not_fit_their_hashes_are_found() {
    let run = forged::run(|evidence| {
        let kernel = forged::kernel(evidence);
        let before = kernel.answers[0].blake3.clone();
        forged::another_answer(&mut kernel.answers);
        kernel.answers[0].blake3 = before;
    });
    let refused = refusal(&run.path().join("run"));
    assert!(
        refused.contains("the workload in kernel: the answer to query 0 does not fit its hash"),
        "{refused}"
    );
    let run = forged::run(|evidence| forged::another_answer(&mut forged::kernel(evidence).answers));
    let refused = refusal(&run.path().join("run"));
    assert!(refused.contains("the hashes of the runs"), "{refused}");
    let run = forged::run(|evidence| forged::kernel(evidence).recall = 0.5);
    let refused = refusal(&run.path().join("run"));
    assert!(refused.contains("recall is 1, not 0.5"), "{refused}");
}

#[test]
fn what_is_no_whole_run_is_not_packed() {
    let refused = |run: &Path| {
        let out = kept::validate_in(run, &["pack", &run.display().to_string()]);
        assert_eq!(out.status.code(), Some(2));
        String::from_utf8(out.stderr).unwrap()
    };
    let dir = kept::copy();
    let run = dir.path().join("run");
    fs::write(run.join("notes.txt"), "mine").unwrap();
    assert!(refused(&run).contains("`notes.txt` is no file of a run"));
    fs::remove_file(run.join("notes.txt")).unwrap();
    fs::remove_file(run.join("criteria.json")).unwrap();
    assert!(refused(&run).contains("cannot read criteria.json"));

    let never = forged::run(|evidence| {
        let not_started = "there is no QEMU".into();
        evidence.fate = vexfs::verdict::fate::Fate::NotStarted { not_started };
    });
    let said = refused(&never.path().join("run"));
    assert!(
        said.contains("is not complete") && said.contains("no QEMU"),
        "{said}"
    );

    let (_dir, pack) = kept_pack();
    let out = kept::validate_in(Path::new("."), &["pack", &pack.display().to_string()]);
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&out.stderr).contains("is a pack already"));
}

#[test]
fn a_verdict_that_hides_its_gaps_is_refused_and_one_of_an_earlier_format_has_none() {
    let dir = kept::copy();
    let run = dir.path().join("run");
    let (evidence, mut verdict) = record::read(&run).unwrap();
    assert!(!verdict.not_looked_at.is_empty());
    verdict.not_looked_at.clear();
    fs::write(run.join(VERDICT), to_json(&verdict).unwrap()).unwrap();
    report::write(&evidence, &verdict, &run).unwrap();
    let refusal = format!("{:#}", record::verify(&run).err().unwrap());
    assert!(
        refusal.contains(VERDICT) && refusal.contains("not_looked_at"),
        "{refusal}"
    );

    let path = run.join(RUN);
    let text = fs::read_to_string(&path).unwrap();
    let (now, before) = ("\"format\": 4,", "\"format\": 3,");
    assert_eq!(text.matches(now).count(), 1, "{text}");
    let text = text.replace(now, before);
    // That format knew no debug kernel.
    let (start, rest) = text.split_once("  \"debug_kernel\": {\n").unwrap();
    let (_, end) = rest.split_once("\n  },\n").unwrap();
    fs::write(&path, [start, end].concat()).unwrap();
    record::verify(&run).unwrap();
}

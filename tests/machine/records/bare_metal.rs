// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tests every reason for which a run does not let a module out of the virtual machine.

use std::fs;
use std::path::{Path, PathBuf};

use vexfs::criteria::check::Status;
use vexfs::records::bare_metal::{Module, objections};
use vexfs::verdict::evidence::Evidence;
use vexfs::verdict::record;
use vexfs::verdict::{Verdict, Word};

use crate::bundles;
use crate::records::kept;

/// The kept run as if its criteria were the built-in ones, and what is said of it after a change.
fn said(change: impl FnOnce(&mut Evidence, &mut Verdict, &mut Module, &mut String)) -> Vec<String> {
    let (mut evidence, mut verdict) = record::read(kept::run()).unwrap();
    let provenance = &verdict.provenance;
    let mut module = Module {
        file: PathBuf::from("vexfs.ko"),
        blake3: provenance.module_blake3.clone().unwrap(),
        built_for: provenance.kernel_release.clone().unwrap(),
        release: provenance.kernel_release.clone().unwrap(),
    };
    let mut built_in = evidence.criteria.blake3.clone();
    change(&mut evidence, &mut verdict, &mut module, &mut built_in);
    objections(&evidence, &verdict, &module, &built_in)
}

#[test]
fn a_full_pass_for_this_very_module_has_nothing_against_it() {
    assert_eq!(said(|_, _, _, _| ()), Vec::<String>::new());
}

#[test]
fn everything_short_of_that_is_named() {
    let one = |all: Vec<String>, words: &[&str]| {
        assert!(!all.is_empty(), "{words:?}");
        let all = all.join("\n");
        for word in words {
            assert!(all.contains(word), "{word}: {all}");
        }
    };
    let other = || "0".repeat(64);
    one(
        said(|_, _, module, _| module.blake3 = other()),
        &[
            "it tested another module",
            "its guest loaded another module",
        ],
    );
    one(
        said(|_, _, module, _| module.release = "6.1".into()),
        &["it ran on the kernel 6.12", "not on 6.1"],
    );
    one(
        said(|_, _, _, built_in| *built_in = other()),
        &["its criteria are not those of this version"],
    );
    one(
        said(|_, verdict, _, _| verdict.verdict = Word::Inconclusive),
        &["its verdict is inconclusive"],
    );
    one(
        said(|evidence, _, _, _| evidence.guest.steps.clear()),
        &["its guest loaded no module: the guest did not get to step module"],
    );
    for status in [
        Status::Fail,
        Status::CouldNotRun,
        Status::Skipped,
        Status::Inconclusive,
    ] {
        one(
            said(|_, verdict, _, _| verdict.checks[0].status = status),
            &["fuse.host.answers", &status.word().to_lowercase()],
        );
    }
}

#[test]
fn only_checks_of_other_engines_may_be_left_open() {
    for id in ["peers.measured", "fuse.vs-chromadb"] {
        let open = |status| {
            said(|_, verdict, _, _| {
                verdict.checks[0].id = id.into();
                verdict.checks[0].status = status;
            })
        };
        assert_eq!(open(Status::Skipped), Vec::<String>::new());
        assert_eq!(open(Status::Inconclusive), Vec::<String>::new());
        assert_eq!(open(Status::Fail).len(), 1);
        assert_eq!(open(Status::CouldNotRun).len(), 1);
    }
}

#[test]
fn the_command_refuses_and_says_why() {
    let module = bundles::plain().join("vexfs.ko");
    let runs = kept::run().parent().unwrap();
    let release = record::read(kept::run())
        .unwrap()
        .1
        .provenance
        .kernel_release;
    let release = release.unwrap();
    let ask = |module: &Path, runs: &Path, release: &str| {
        let out = kept::validate([
            "bare-metal".as_ref(),
            module,
            "--runs".as_ref(),
            runs,
            "--release".as_ref(),
            release.as_ref(),
        ]);
        let said = [out.stdout, out.stderr].concat();
        (out.status.code().unwrap(), String::from_utf8(said).unwrap())
    };
    let refused = |asked: (i32, String), status: i32, words: &[&str]| {
        assert_eq!(asked.0, status, "{}", asked.1);
        for word in words {
            assert!(asked.1.contains(word), "{word}: {}", asked.1);
        }
    };
    let criteria = "its criteria are not those of this version";
    refused(
        ask(&module, runs, &release),
        1,
        &["REFUSED: 1 run(s)", criteria],
    );
    refused(
        ask(&module, runs, "6.1"),
        1,
        &["was built for the kernel 6.12"],
    );
    let none = tempfile::tempdir().unwrap();
    refused(
        ask(&module, none.path(), &release),
        1,
        &["REFUSED: 0 run(s)"],
    );

    let other = none.path().join("other.ko");
    let mut bytes = fs::read(&module).unwrap();
    bytes.push(0);
    fs::write(&other, bytes).unwrap();
    refused(
        ask(&other, runs, &release),
        1,
        &["it tested another module"],
    );
    let no_module = kept::run().join("results.json");
    refused(
        ask(&no_module, runs, &release),
        2,
        &["is not a kernel module"],
    );

    let copy = kept::copy();
    let verdict = copy.path().join("run/verdict.json");
    let text = fs::read_to_string(&verdict).unwrap();
    fs::write(&verdict, text.replace("\"skipped\": 0", "\"skipped\": 1")).unwrap();
    refused(
        ask(&module, copy.path(), &release),
        1,
        &["its record contradicts itself"],
    );
}

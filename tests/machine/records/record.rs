// SPDX-License-Identifier: MIT OR Apache-2.0
//! A run's directory is read back, and judged again gives its own verdict.

use std::fs;

use vexfs::verdict::judgement::Judgement;
use vexfs::verdict::record;

use crate::records::kept;

#[test]
fn a_record_judged_again_gives_its_own_verdict() {
    let (evidence, verdict) = record::read(kept::run()).unwrap();
    assert_eq!(Judgement::of(&evidence).unwrap().verdict, verdict);
    record::verify(kept::run()).unwrap();
}

#[test]
fn what_contradicts_itself_is_refused_by_its_name() {
    for (file, of, to, named) in [
        // A criterion that nobody wrote down beforehand.
        ("criteria.json", "1.03", "9.03", "verdict.json, line"),
        // A machine that ended in another way, or ran on another day.
        ("run.json", "\"completed\"", "\"hang\"", "run.json"),
        // An answer that does not fit its hash.
        (
            "results.json",
            "\"recall\": 1.0",
            "\"recall\": 0.9",
            "messages.jsonl",
        ),
        (
            "messages.jsonl",
            "\"recall\":1.0",
            "\"recall\":0.9",
            "messages.jsonl",
        ),
        (
            "console.log",
            "Linux version",
            "Another version",
            "verdict.json, line",
        ),
        (
            "figures.json",
            "\"outliers\": 0",
            "\"outliers\": 1",
            "figures.json, line",
        ),
        (
            "verdict.json",
            "\"pass\": 15",
            "\"pass\": 16",
            "verdict.json, line",
        ),
        ("manifest.json", "debian", "fedora", "line"),
    ] {
        let dir = kept::copy();
        let run = dir.path().join("run");
        let path = run.join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(of), "{file} lacks {of}");
        fs::write(&path, text.replacen(of, to, 1)).unwrap();
        let refused = record::verify(&run).map(drop).unwrap_err();
        let refused = format!("{refused:#}");
        assert!(refused.contains(named), "{file}: {refused}");
    }
}

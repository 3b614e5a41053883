// SPDX-License-Identifier: MIT OR Apache-2.0
//! `junit.xml` as a CI reads it.

use roxmltree::Document;
use vexfs::criteria::check::Status;

use super::fixture;

#[test]
fn each_check_is_a_case_with_its_status() {
    for record in [fixture::full(), fixture::empty(), fixture::hostile()] {
        let xml = record.report().junit().unwrap();
        let document = Document::parse(&xml).unwrap();
        let root = document.root_element();
        assert_eq!(root.tag_name().name(), "testsuites");
        let cases: Vec<_> = root
            .descendants()
            .filter(|node| node.has_tag_name("testcase"))
            .collect();
        assert_eq!(cases.len(), record.verdict.checks.len());
        for check in &record.verdict.checks {
            let case = cases
                .iter()
                .find(|case| case.attribute("name") == Some(&check.id))
                .unwrap();
            let class = case.attribute("classname").unwrap();
            assert!(
                class.starts_with(&format!("phase {}: ", check.phase)),
                "{class}"
            );
            let outcome = case
                .children()
                .find(|node| node.is_element() && !node.has_tag_name("system-out"));
            let outcome = outcome.map(|node| (node.tag_name().name(), node.attribute("message")));
            let visible = check.measured.replace(['\u{1b}', '\u{7}'], "");
            match check.status {
                Status::Pass => assert_eq!(outcome, None),
                _ => {
                    let (tag, message) = outcome.unwrap();
                    let expected = match check.status {
                        Status::Fail => "failure",
                        Status::Skipped => "skipped",
                        _ => "error",
                    };
                    assert_eq!(tag, expected);
                    // An escape sequence of a terminal goes as a whole.
                    assert_eq!(message.unwrap(), visible.replace("[31m", ""));
                }
            }
            let said: String = case.descendants().filter_map(|node| node.text()).collect();
            assert!(
                said.contains("measured: ") && said.contains("criterion: "),
                "{said}"
            );
        }
        let number = |name: &str| root.attribute(name).unwrap().parse::<usize>().unwrap();
        let counts = record.verdict.counts;
        assert_eq!(number("tests"), cases.len());
        assert_eq!(number("failures"), counts.fail);
        assert_eq!(number("errors"), counts.could_not_run + counts.inconclusive);
        assert_eq!(number("skipped"), counts.skipped);
    }
}

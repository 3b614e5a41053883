// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which cases of pjdfstest are expected not to pass, and where.

use std::collections::BTreeMap;

use super::pjdfstest::Results;

const LIST: &str = include_str!("pjdfstest.expected");

/// What differs from the list: a case that did not pass and is not in it, and one that is in it and passed.
///
/// `tags` are the words by which a line of the list may be confined: the lower filesystem, and the driver above it.
pub fn surprises(results: &Results, tags: &[&str]) -> Vec<String> {
    surprises_of(LIST, results, tags)
}

fn surprises_of(list: &str, results: &Results, tags: &[&str]) -> Vec<String> {
    let expected = expected(list, tags);
    let others = results.others.iter();
    let mut surprises: Vec<String> = others
        .filter(|(name, other)| expected.get(name.as_str()) != Some(&other.status.as_str()))
        .map(|(name, other)| match other.said.is_empty() {
            true => format!("{name}: {}", other.status),
            false => format!("{name}: {} ({})", other.status, other.said),
        })
        .collect();
    let missing = expected
        .iter()
        .filter(|(name, _)| !results.others.contains_key(**name));
    surprises.extend(missing.map(|(name, status)| format!("{name}: no longer {status}")));
    surprises
}

/// The lines `CASE STATUS [TAG...]` that hold where all of their tags do.
fn expected<'a>(list: &'a str, tags: &[&str]) -> BTreeMap<&'a str, &'a str> {
    let lines = list.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let (name, status) = (words.next()?, words.next()?);
            words
                .all(|tag| tags.contains(&tag))
                .then_some((name, status))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suites::pjdfstest::Other;

    fn results(others: &[(&str, &str)]) -> Results {
        let other = |status: &str| Other {
            status: status.to_owned(),
            said: String::new(),
        };
        let others = others.iter();
        Results {
            passed: 1,
            others: others
                .map(|(name, status)| ((*name).to_owned(), other(status)))
                .collect(),
        }
    }

    #[test]
    fn both_ways_of_differing_are_surprises() {
        let list = "# why\na::b skipped\na::c FAILED ext4\na::d skipped tmpfs fuse\n";
        let found =
            |others: &[(&str, &str)], tags: &[&str]| surprises_of(list, &results(others), tags);
        let none: [String; 0] = [];
        assert_eq!(found(&[("a::b", "skipped")], &["tmpfs"]), none);
        assert_eq!(
            found(
                &[("a::b", "skipped"), ("a::c", "FAILED")],
                &["ext4", "fuse"]
            ),
            none
        );
        assert_eq!(found(&[], &["tmpfs"]), ["a::b: no longer skipped"]);
        assert_eq!(
            found(&[("a::b", "FAILED"), ("a::x", "FAILED")], &["tmpfs"]),
            ["a::b: FAILED", "a::x: FAILED"]
        );
        assert_eq!(
            found(&[("a::b", "skipped")], &["tmpfs", "fuse"]),
            ["a::d: no longer skipped"]
        );
    }
}

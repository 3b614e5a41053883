// SPDX-License-Identifier: MIT OR Apache-2.0
//! The table of `docs/self-test.md`: each mutant, its bug, and what noticed it.

use super::finding::Finding;

pub const HEAD: &str = "| mutant | bug | noticed by |\n|---|---|---|\n";

/// The table of these findings, in Markdown.
pub fn markdown(findings: &[Finding]) -> String {
    let rows = findings.iter().map(row);
    HEAD.to_owned() + &rows.collect::<String>()
}

fn row(finding: &Finding) -> String {
    let noticed_by = match finding.noticed_by() {
        nothing if nothing.is_empty() => finding.fate().word().to_owned(),
        noticed_by => match noticed_by.split_once(" (") {
            None => format!("`{noticed_by}`"),
            Some((check, case)) => format!("`{check}` ({case}"),
        },
    };
    let bug = finding.bug.replace('|', "\\|");
    format!("| `{}` | {bug} | {noticed_by} |\n", finding.mutant)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::self_test::finding::Notice;

    #[test]
    fn a_row_says_what_was_planted_and_what_noticed() {
        let mut finding = Finding {
            mutant: "names/a".to_owned(),
            bug: "An | is an &.".to_owned(),
            expected: "kernel.files".to_owned(),
            noticed: vec![Notice {
                by: "kernel.files".to_owned(),
                said: String::new(),
            }],
            failure: None,
            key: None,
            seconds: 1.0,
        };
        let table = markdown(std::slice::from_ref(&finding));
        assert!(table.ends_with("|---|\n| `names/a` | An \\| is an &. | `kernel.files` |\n"));
        finding.noticed.clear();
        assert!(markdown(&[finding]).ends_with("| SURVIVED |\n"));
    }
}

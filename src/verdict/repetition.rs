// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether two boots of one plan gave the same bytes.

use std::fs;
use std::path::Path;

use super::evidence::Repetition;
use crate::protocol::run_files::{CONSOLE, MESSAGES};

/// Compares two boots byte for byte: what the guests said, and what their kernels logged.
pub fn compare(first: &Path, second: &Path) -> Repetition {
    let mut bytes = 0;
    for name in [MESSAGES, CONSOLE] {
        let (Ok(a), Ok(b)) = (fs::read(first.join(name)), fs::read(second.join(name))) else {
            return Repetition::Failed(format!("{name} of one of the boots cannot be read"));
        };
        if a != b {
            return Repetition::Different(format!("{name}, {}", first_difference(&a, &b)));
        }
        bytes += a.len();
    }
    Repetition::Equal { bytes }
}

fn first_difference(a: &[u8], b: &[u8]) -> String {
    let at = a
        .iter()
        .zip(b)
        .position(|(a, b)| a != b)
        .unwrap_or(a.len().min(b.len()));
    let line = a[..at].iter().filter(|&&byte| byte == b'\n').count() + 1;
    let from = at.saturating_sub(30);
    let excerpt =
        |text: &[u8]| String::from_utf8_lossy(&text[from..text.len().min(at + 30)]).into_owned();
    format!(
        "line {line}, byte {at}: `{}` against `{}`",
        excerpt(a),
        excerpt(b)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_shown_with_its_line() {
        let said = first_difference(b"one\ntwo\nthree", b"one\ntwo\nthrew");
        assert!(said.starts_with("line 3, byte 12: "), "{said}");
        assert!(first_difference(b"one", b"one more").contains("byte 3"));
    }
}

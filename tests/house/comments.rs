// SPDX-License-Identifier: MIT OR Apache-2.0
//! Doc comments: none is wider than the documents, has an endless sentence, or leans on what stands before it.

use crate::order::{files, root};
use crate::prose::{LINE, long_sentences};

/// Openings of a comment that says nothing when it is read alone.
const LEANING: [&str; 14] = [
    "The same",
    "And ",
    "Of ",
    "As above",
    "Also ",
    "Likewise",
    "But ",
    "Or ",
    "Nor ",
    "With the same",
    "Those ",
    "Theirs",
    "Its ",
    "Else",
];

/// A run of lines that begin with the same mark: the line on which it begins, and what it says.
struct Comment {
    line: usize,
    text: String,
}

fn comments(source: &str) -> Vec<Comment> {
    let mut found: Vec<Comment> = Vec::new();
    let mut before = None;
    for (line, said) in (1..).zip(source.lines()) {
        let mark = mark_of(said);
        if let Some((mark, said)) = mark {
            if before != Some(mark) {
                let text = String::new();
                found.push(Comment { line, text });
            }
            let text = &mut found.last_mut().expect("one was pushed").text;
            text.push_str(said.strip_prefix(' ').unwrap_or(said));
            text.push('\n');
        }
        before = mark.map(|(mark, _)| mark);
    }
    found
}

/// Splits a line of a doc comment into its mark and the rest.
fn mark_of(line: &str) -> Option<(&'static str, &str)> {
    let line = line.trim_start();
    let marks = ["///", "//!"].into_iter();
    let mut marked = marks.filter_map(|mark| Some((mark, line.strip_prefix(mark)?)));
    marked.next().filter(|(_, rest)| !rest.starts_with('/'))
}

/// What is wrong with the comments of a source, with the line.
fn faults(source: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (line, said) in (1..).zip(source.lines()) {
        let width = said.chars().count();
        if mark_of(said).is_some() && width > LINE {
            found.push((
                line,
                format!("a line of a doc comment has {width} characters"),
            ));
        }
    }
    for Comment { line, text } in comments(source) {
        if let Some(leaning) = LEANING
            .into_iter()
            .find(|&leaning| text.starts_with(leaning))
        {
            let leaning = leaning.trim_end();
            found.push((
                line,
                format!(
                    "a doc comment begins with “{leaning}”, which leans on what stands before it"
                ),
            ));
        }
        let long = long_sentences(&text).into_iter();
        found.extend(long.map(|(within, what)| (line + within - 1, what)));
    }
    found.sort();
    found
}

#[test]
fn doc_comments_stand_alone_and_are_short() {
    let mut found = Vec::new();
    for room in ["src", "tests", "benches"] {
        for path in files(&root().join(room), ".rs") {
            let path = std::path::Path::new(room).join(path);
            let source = std::fs::read_to_string(root().join(&path)).unwrap();
            let faults = faults(&source).into_iter();
            found.extend(faults.map(|(line, what)| format!("{}:{line}: {what}", path.display())));
        }
    }
    assert!(
        found.is_empty(),
        "{} findings:\n{}",
        found.len(),
        found.join("\n")
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(source: &str) -> Vec<usize> {
        faults(source).into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn a_good_comment_is_no_fault() {
        let good = "//! What this file is for.\n\n/// Counts the rows. The same for columns.\nfn f() {} // Of no concern\n";
        assert_eq!(faults(good), []);
    }

    #[test]
    fn every_leaning_opening_is_found() {
        for leaning in LEANING {
            assert_eq!(
                lines(&format!(
                    "fn g() {{}}\n    /// {leaning}x of it.\nfn f() {{}}\n"
                )),
                [2]
            );
        }
        let twice = "//! Its file.\n/// And a function.\nfn f() {}\n/// Or another.\nfn g() {}\n";
        assert_eq!(lines(twice), [1, 2, 4]);
    }

    #[test]
    fn only_a_line_over_the_width_is_found() {
        let of = |width: usize| format!("/// {}\n// {}\n", "x".repeat(width - 4), "x".repeat(200));
        assert_eq!(faults(&of(120)), []);
        assert_eq!(
            faults(&of(121)),
            [(1, "a line of a doc comment has 121 characters".to_owned())]
        );
    }

    #[test]
    fn a_long_sentence_is_found_where_it_begins() {
        let long = format!(
            "/// Short.\n///\n/// Long {}\n///   {}\nfn f() {{}}\n",
            "word ".repeat(20),
            "word ".repeat(20)
        );
        assert_eq!(lines(&long), [3]);
        let code = format!(
            "/// Short.\n///\n/// ```\n/// {}\n/// {}\n/// ```\n",
            "word ".repeat(20),
            "word ".repeat(20)
        );
        assert_eq!(faults(&code), []);
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Documents: their width, their sentences, and whether what they point to is there.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use pulldown_cmark::{CowStr, Event, Tag, TagEnd};

use crate::order::root;
use crate::prose::{LINE, line_of, long_sentences, parser};

const README_LINES: usize = 120;

/// The directories with which paths of the repository begin.
const ROOMS: [&str; 9] = [
    "src/", "kernel/", "tests/", "docs/", "nix/", "vm/", "peers/", "benches/", "contrib/",
];

/// Files that a run writes: no document, though one may have this name too.
const OF_A_RUN: [&str; 1] = ["report.md"];

/// A document, with what it is checked against.
struct Document<'a> {
    /// The document's path from the root of the repository.
    path: &'a Path,
    text: &'a str,
    root: &'a Path,
}

impl Document<'_> {
    /// Everything that is wrong with the document, with the line.
    fn faults(&self) -> Vec<(usize, String)> {
        let mut found = self.wide_lines();
        found.extend(long_sentences(self.text));
        found.extend(self.dead_links());
        found.extend(self.code_spans());
        let lines = self.text.lines().count();
        if self.path == Path::new("README.md") && lines > README_LINES {
            found.push((
                lines,
                format!("the README has {lines} lines, and may have {README_LINES}"),
            ));
        }
        found.sort();
        found
    }

    fn line(&self, offset: usize) -> usize {
        line_of(self.text, offset)
    }

    /// Lines over the width, except tables, code, and lines that are one link.
    fn wide_lines(&self) -> Vec<(usize, String)> {
        let mut exempt: Vec<Range<usize>> = Vec::new();
        for (event, range) in parser(self.text).into_offset_iter() {
            let lines = self.line(range.start)..self.line(range.end.saturating_sub(1)) + 1;
            match event {
                Event::Start(Tag::Table(_) | Tag::CodeBlock(_)) => exempt.push(lines),
                Event::Start(Tag::Link { .. } | Tag::Image { .. }) if self.is_alone(&range) => {
                    exempt.push(lines)
                }
                _ => (),
            }
        }
        let widths = (1..).zip(self.text.lines().map(|line| line.chars().count()));
        widths
            .filter(|(line, width)| {
                *width > LINE && !exempt.iter().any(|lines| lines.contains(line))
            })
            .map(|(line, width)| {
                (
                    line,
                    format!("the line has {width} characters, and may have {LINE}"),
                )
            })
            .collect()
    }

    /// Whether nothing but a list's mark and a full stop stand beside this range.
    fn is_alone(&self, range: &Range<usize>) -> bool {
        let before = self.text[..range.start].rsplit('\n').next().unwrap_or("");
        let after = self.text[range.end..].split('\n').next().unwrap_or("");
        let mark = |one: char| one.is_whitespace() || "-*+>".contains(one);
        before.chars().all(mark) && after.trim().trim_end_matches(['.', ',']).is_empty()
    }

    fn dead_links(&self) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        for (event, range) in parser(self.text).into_offset_iter() {
            if let Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) = event
                && let Some(what) = self.dead(&dest_url)
            {
                found.push((self.line(range.start), what));
            }
        }
        found
    }

    /// What is wrong with a link's destination.
    fn dead(&self, link: &str) -> Option<String> {
        if link.contains("://") || link.starts_with("mailto:") {
            return None;
        }
        let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
        let text = if path.is_empty() {
            Some(self.text.to_owned())
        } else {
            let file = self.root.join(self.path).parent()?.join(path);
            if !file.exists() {
                return Some(format!("the link {link} leads to no file"));
            }
            std::fs::read_to_string(file).ok()
        };
        let anchors = text.map(|text| anchors(&text)).unwrap_or_default();
        let dead = !anchor.is_empty() && !anchors.iter().any(|one| one == anchor);
        dead.then(|| format!("the link {link} leads to no heading"))
    }

    /// Code spans that should be links, and those that name what is not there.
    fn code_spans(&self) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        let mut links = 0;
        for (event, range) in parser(self.text).into_offset_iter() {
            match event {
                Event::Start(Tag::Link { .. }) => links += 1,
                Event::End(TagEnd::Link) => links -= 1,
                Event::Code(code) if links == 0 && is_document(&code) => {
                    found.push((self.line(range.start), format!("`{code}` should be a link")));
                }
                Event::Code(code) if is_path(&code) && !self.root.join(&*code).exists() => {
                    found.push((
                        self.line(range.start),
                        format!("`{code}` is not in the repository"),
                    ));
                }
                _ => (),
            }
        }
        found
    }
}

fn is_document(code: &CowStr<'_>) -> bool {
    let plain = code
        .chars()
        .all(|one| one.is_alphanumeric() || "-_./".contains(one));
    plain && code.ends_with(".md") && !code.starts_with("out/") && !OF_A_RUN.contains(&&**code)
}

/// Whether a code span is a path of the repository, and neither a pattern nor a command.
fn is_path(code: &str) -> bool {
    let pattern = |one: char| one.is_whitespace() || "*?<>{}[]()$…:=,".contains(one);
    let placeholder =
        |word: &str| word.len() > 1 && word.chars().all(|one| one.is_uppercase() || one == '_');
    ROOMS.iter().any(|room| code.starts_with(room))
        && !code.contains(pattern)
        && !code.split(['/', '.']).any(placeholder)
}

/// The anchors of a document's headings, as GitHub makes them.
fn anchors(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    let mut heading: Option<String> = None;
    for event in parser(text) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::Text(said) | Event::Code(said) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&said);
                }
            }
            Event::End(TagEnd::Heading(_)) => {
                let anchor: String = heading.take().unwrap_or_default().trim().to_lowercase();
                let kept = |one: &char| one.is_alphanumeric() || " -_".contains(*one);
                let anchor = anchor
                    .chars()
                    .filter(kept)
                    .collect::<String>()
                    .replace(' ', "-");
                let before = times.entry(anchor.clone()).or_default();
                found.push(match *before {
                    0 => anchor,
                    before => format!("{anchor}-{before}"),
                });
                *before += 1;
            }
            _ => (),
        }
    }
    found
}

/// The paths of all documents, from the root of the repository.
fn documents() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = [
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "nix/debian/README.md",
        "contrib/ci/README.md",
    ]
    .map(PathBuf::from)
    .into();
    let docs = std::fs::read_dir(root().join("docs")).unwrap();
    let names = docs.map(|entry| Path::new("docs").join(entry.unwrap().file_name()));
    found.extend(names.filter(|path| path.extension().is_some_and(|ending| ending == "md")));
    found.sort();
    found
}

#[test]
fn documents_are_narrow_and_point_to_what_is_there() {
    let root = root();
    let mut found = Vec::new();
    for path in documents() {
        match std::fs::read_to_string(root.join(&path)) {
            Ok(text) => {
                let document = Document {
                    path: &path,
                    text: &text,
                    root: &root,
                };
                let faults = document.faults().into_iter();
                found.extend(
                    faults.map(|(line, what)| format!("{}:{line}: {what}", path.display())),
                );
            }
            Err(why) => found.push(format!(
                "{}:1: the document cannot be read: {why}",
                path.display()
            )),
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

    /// What is wrong with a text that stands in `docs/`, as `line: what`.
    fn faults(text: &str) -> Vec<String> {
        faults_at("docs/x.md", text)
    }

    fn faults_at(path: &str, text: &str) -> Vec<String> {
        let document = Document {
            path: Path::new(path),
            text,
            root: &root(),
        };
        let found = document.faults().into_iter();
        found
            .map(|(line, what)| format!("{line}: {what}"))
            .collect()
    }

    const NONE: [&str; 0] = [];

    #[test]
    fn prose_over_the_width_is_found() {
        let wide = "x".repeat(121);
        let good = format!("{}\n\n- {}\n", "x".repeat(120), "x".repeat(118));
        assert_eq!(faults(&good), NONE);
        assert_eq!(
            faults(&format!("Text.\n{wide}\n")),
            ["2: the line has 121 characters, and may have 120"]
        );
        assert_eq!(
            faults(&format!("- {wide}\n")),
            ["1: the line has 123 characters, and may have 120"]
        );
    }

    #[test]
    fn tables_code_and_lone_links_may_be_wide() {
        let wide = "x".repeat(121);
        assert_eq!(faults(&format!("| a |\n|---|\n| {wide} |\n")), NONE);
        assert_eq!(faults(&format!("```\n{wide}\n```\n\n    {wide}\n")), NONE);
        assert_eq!(
            faults(&format!("Text:\n[text](https://example.org/{wide}).\n")),
            NONE
        );
        let beside = format!("Text [text](https://example.org/{wide}).\n");
        assert_eq!(
            faults(&beside),
            ["1: the line has 155 characters, and may have 120"]
        );
    }

    #[test]
    fn a_long_sentence_is_found_in_prose_only() {
        let long = "word ".repeat(36);
        let two = format!("{}\n{}", "word ".repeat(18), "word ".repeat(18));
        assert_eq!(
            faults(&two),
            ["1: a sentence has 36 words: “word word word word word word …”"]
        );
        assert_eq!(faults(&format!("| a |\n|---|\n| {long} |\n")), NONE);
    }

    #[test]
    fn a_link_must_lead_to_a_file() {
        assert_eq!(
            faults("[a](architecture.md), [b](../src/lib.rs), [c](https://example.org/x)\n"),
            NONE
        );
        assert_eq!(
            faults("[a](nowhere.md)\n"),
            ["1: the link nowhere.md leads to no file"]
        );
        assert_eq!(
            faults("[a](docs/architecture.md)\n"),
            ["1: the link docs/architecture.md leads to no file"]
        );
        assert_eq!(
            faults("![a](nowhere.png)\n"),
            ["1: the link nowhere.png leads to no file"]
        );
    }

    #[test]
    fn an_anchor_must_be_a_heading() {
        let text = "# One, `two` & three\n\n## Again\n\n## Again\n\n";
        let good =
            format!("{text}[a](#one-two--three) [b](#again-1) [c](architecture.md#the-tree)\n");
        assert_eq!(faults(&good), NONE);
        assert_eq!(
            faults(&format!("{text}[a](#again-2)\n")),
            ["7: the link #again-2 leads to no heading"]
        );
        assert_eq!(
            faults("[a](architecture.md#nowhere)\n"),
            ["1: the link architecture.md#nowhere leads to no heading"]
        );
    }

    #[test]
    fn a_document_is_named_by_a_link() {
        assert_eq!(
            faults("[`docs/search.md`](search.md), `report.md`, `out/latest/report.md`, `*.md`\n"),
            NONE
        );
        assert_eq!(
            faults("See `docs/search.md`.\n"),
            ["1: `docs/search.md` should be a link"]
        );
        assert_eq!(
            faults("See\n`search.md`.\n"),
            ["2: `search.md` should be a link"]
        );
    }

    #[test]
    fn a_path_must_be_there() {
        assert_eq!(
            faults(
                "`src/lib.rs`, `kernel/`, `tests/*.rs`, `src/<kind>/x`, `src/KIND.rs`, `out/x`, `src/ x`\n"
            ),
            NONE
        );
        assert_eq!(
            faults("`src/nowhere.rs`\n"),
            ["1: `src/nowhere.rs` is not in the repository"]
        );
        assert_eq!(
            faults("| a |\n|---|\n| `vm/nowhere/` |\n"),
            ["3: `vm/nowhere/` is not in the repository"]
        );
    }

    #[test]
    fn the_readme_may_have_so_many_lines() {
        let of = |lines: usize| "x\n".repeat(lines - 1) + "\n";
        let long = |text: &str| {
            faults_at("README.md", text)
                .into_iter()
                .filter(|what| what.contains("README"))
                .count()
        };
        assert_eq!((long(&of(120)), long(&of(121))), (0, 1));
        assert_eq!(faults(&"x.\nX.\n".repeat(100)), NONE);
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sentences of a Markdown text, found by a parser and not by its lines.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// The longest line of prose, in characters.
pub const LINE: usize = 120;
/// The longest sentence, in words.
const SENTENCE: usize = 35;

/// The parser of every rule: tables are GitHub's.
pub fn parser(text: &str) -> Parser<'_> {
    Parser::new_ext(text, Options::ENABLE_TABLES)
}

/// The number of the line, from 1, that holds this byte.
pub fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset]
        .iter()
        .filter(|&&byte| byte == b'\n')
        .count()
        + 1
}

/// A block of prose under way: a paragraph, or what a list item says itself.
#[derive(Default)]
struct Block {
    /// Plain text, with each code span as one word.
    text: String,
    /// Where each piece of the plain text begins, there and in the source.
    pieces: Vec<(usize, usize)>,
}

impl Block {
    fn push(&mut self, piece: &str, source: usize) {
        self.pieces.push((self.text.len(), source));
        self.text.push_str(piece);
    }

    fn source(&self, at: usize) -> usize {
        let piece = self.pieces.iter().rev().find(|(begin, _)| *begin <= at);
        piece.map_or(0, |(begin, source)| source + at - begin)
    }

    /// Hands on each sentence's place in the source and its words, and is empty again.
    fn sentences(&mut self, found: &mut Vec<(usize, Vec<String>)>) {
        let block = std::mem::take(self);
        let mut sentence: Option<(usize, Vec<String>)> = None;
        for word in block.text.split_whitespace() {
            if let Some(done) =
                sentence.take_if(|(_, words)| words.last().is_some_and(|last| ends(last)))
            {
                found.push(done);
            }
            let at = word.as_ptr().addr() - block.text.as_ptr().addr();
            let (_, words) = sentence.get_or_insert_with(|| (block.source(at), Vec::new()));
            if word.chars().any(|one| one.is_alphanumeric() || one == '`') {
                words.push(word.to_owned());
            } else if let Some(last) = words.last_mut().filter(|_| ends(word)) {
                last.push_str(word);
            }
        }
        found.extend(sentence);
    }
}

/// Whether a sentence ends with this word.
fn ends(word: &str) -> bool {
    let abbreviation = ["e.g.", "i.e.", "cf.", "vs."]
        .into_iter()
        .any(|one| word.ends_with(one));
    !abbreviation
        && word
            .trim_end_matches([')', '"', '”', '’', '\'', ']'])
            .ends_with(['.', '!', '?'])
}

/// The line and the words of every sentence in paragraphs and list items. Headings, tables and code hold none.
fn sentences(text: &str) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    let mut block = Block::default();
    let mut silent = 0;
    for (event, range) in parser(text).into_offset_iter() {
        match event {
            Event::Start(Tag::Heading { .. } | Tag::Table(_) | Tag::CodeBlock(_)) => silent += 1,
            Event::End(TagEnd::Heading(_) | TagEnd::Table | TagEnd::CodeBlock) => silent -= 1,
            Event::Start(Tag::Paragraph | Tag::Item | Tag::List(_))
            | Event::End(TagEnd::Paragraph | TagEnd::Item) => block.sentences(&mut found),
            Event::Text(piece) if silent == 0 => block.push(&piece, range.start),
            Event::Code(code) if silent == 0 => {
                let word: String = code.split_whitespace().collect();
                block.push(&format!("`{word}`"), range.start);
            }
            Event::SoftBreak | Event::HardBreak => block.push(" ", range.start),
            _ => (),
        }
    }
    block.sentences(&mut found);
    let placed = found
        .into_iter()
        .map(|(at, words)| (line_of(text, at), words));
    placed.collect()
}

/// The line of each sentence that is too long, and what to say of it.
pub fn long_sentences(text: &str) -> Vec<(usize, String)> {
    let long = sentences(text)
        .into_iter()
        .filter(|(_, words)| words.len() > SENTENCE);
    long.map(|(line, words)| {
        let begins = words[..6].join(" ");
        (
            line,
            format!("a sentence has {} words: “{begins} …”", words.len()),
        )
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(text: &str) -> Vec<(usize, usize)> {
        let found = sentences(text).into_iter();
        found.map(|(line, words)| (line, words.len())).collect()
    }

    #[test]
    fn sentences_end_where_another_begins() {
        assert_eq!(
            counts("One two. Three four\nfive (six.) `Seven` eight."),
            [(1, 2), (1, 4), (2, 2)]
        );
        assert_eq!(counts("One two. three"), [(1, 2), (1, 1)]);
        assert_eq!(counts("Version 1.2 of e.g. this — and that"), [(1, 7)]);
    }

    #[test]
    fn a_code_span_is_one_word() {
        assert_eq!(counts("Run `make validate ACCEL=kvm`, then `x`."), [(1, 4)]);
    }

    #[test]
    fn items_are_told_apart_and_what_is_no_prose_is_left_out() {
        let text = "# A heading here\n\n- one two\n  - three\n- four\n\n      code code\n\n| a b | c |\n|---|---|\n| d e | f |\n\nEnd.\n";
        assert_eq!(counts(text), [(3, 2), (4, 1), (5, 1), (13, 1)]);
    }

    #[test]
    fn only_a_sentence_over_the_limit_is_found() {
        let of = |words: usize| format!("Short.\n{}end.", "word ".repeat(words - 1));
        assert_eq!(long_sentences(&of(35)), []);
        assert_eq!(
            long_sentences(&of(36)),
            [(
                2,
                "a sentence has 36 words: “word word word word word word …”".to_owned()
            )]
        );
    }
}

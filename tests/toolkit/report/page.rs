// SPDX-License-Identifier: MIT OR Apache-2.0
//! `report.html` as text and as a tree.

use roxmltree::{Document, Node, ParsingOptions};

use vexfs::verdict::evidence::GuestPeers;

use super::fixture::{self, Record};

fn all() -> [(&'static str, Record); 3] {
    [
        ("full", fixture::full()),
        ("empty", fixture::empty()),
        ("hostile", fixture::hostile()),
    ]
}

/// The page as XML. It is XML except for its `<meta>`s: that asks for more than a browser does.
fn as_xml(page: &str) -> String {
    let metas = page.lines().next().unwrap().matches("<meta ").count();
    let mut text = page.to_owned();
    for _ in 0..metas {
        let from = text.find("<meta ").unwrap();
        let to = from + text[from..].find('>').unwrap();
        text.replace_range(to..=to, "></META>");
        text.replace_range(from..from + 5, "<META");
    }
    text
}

/// Does something with the tree of a page.
pub fn examine(page: &str, look: impl FnOnce(Node)) {
    let text = as_xml(page);
    let options = ParsingOptions {
        allow_dtd: true,
        ..ParsingOptions::default()
    };
    let document = Document::parse_with_options(&text, options);
    look(
        document
            .unwrap_or_else(|error| panic!("not well-formed: {error}"))
            .root_element(),
    );
}

pub fn tagged<'a>(within: Node<'a, 'a>, tag: &'a str) -> impl Iterator<Item = Node<'a, 'a>> {
    within
        .descendants()
        .filter(move |node| node.has_tag_name(tag))
}

pub fn classed<'a>(within: Node<'a, 'a>, class: &'a str) -> impl Iterator<Item = Node<'a, 'a>> {
    within
        .descendants()
        .filter(move |node| has_class(*node, class))
}

pub fn section<'a>(page: Node<'a, 'a>, id: &str) -> Node<'a, 'a> {
    page.descendants()
        .find(|node| node.attribute("id") == Some(id))
        .unwrap()
}

fn has_class(node: Node, class: &str) -> bool {
    let classes = node.attribute("class").unwrap_or_default();
    classes.split(' ').any(|one| one == class)
}

pub fn text(node: Node) -> String {
    node.descendants()
        .filter(Node::is_text)
        .filter_map(|node| node.text())
        .collect()
}

#[test]
fn it_is_well_formed_and_names_what_it_holds() {
    for (name, record) in all() {
        examine(&record.report().page(), |page| {
            assert_eq!(page.attribute("lang"), Some("en"), "{name}");
            assert_eq!(tagged(page, "h1").count(), 1, "{name}");
            for head in tagged(page, "th") {
                let inside = head
                    .ancestors()
                    .find(|node| node.has_tag_name("thead") || node.has_tag_name("tbody"));
                let scope = if inside.unwrap().has_tag_name("thead") {
                    "col"
                } else {
                    "row"
                };
                assert_eq!(
                    head.attribute("scope"),
                    Some(scope),
                    "{name}: {}",
                    text(head)
                );
            }
            for drawing in classed(page, "chart") {
                assert_eq!(drawing.attribute("role"), Some("img"), "{name}");
                let mut children = drawing.children();
                for tag in ["title", "desc"] {
                    let child = children.next().unwrap();
                    assert!(
                        child.has_tag_name(tag) && !text(child).is_empty(),
                        "{name}: {tag}"
                    );
                }
            }
            let ids: Vec<&str> = page
                .descendants()
                .filter_map(|node| node.attribute("id"))
                .collect();
            for id in &ids {
                assert_eq!(
                    ids.iter().filter(|other| *other == id).count(),
                    1,
                    "{name}: #{id}"
                );
            }
            for node in page.descendants() {
                let to = node
                    .attribute("href")
                    .map(|href| href.strip_prefix('#').unwrap());
                for id in to
                    .or(node.attribute("aria-labelledby"))
                    .into_iter()
                    .flat_map(|ids| ids.split(' '))
                {
                    assert!(ids.contains(&id), "{name}: {id}");
                }
            }
        });
    }
}

#[test]
fn each_section_has_something_to_show_or_a_reason() {
    for (name, record) in all() {
        examine(&record.report().page(), |page| {
            let sections: Vec<_> = tagged(page, "section").collect();
            // A record may be of a run that did not tell its gaps.
            let gaps = usize::from(!record.verdict.not_looked_at.is_empty());
            assert_eq!(sections.len(), 10 + gaps, "{name}");
            for section in sections {
                let shows = |node: &Node| {
                    ["table", "svg", "pre"].contains(&node.tag_name().name())
                        || has_class(*node, "missing")
                };
                assert!(
                    section.descendants().any(|node| shows(&node)),
                    "{name}: {:?}",
                    section.attribute("id")
                );
            }
            // Every drawing has its figures in a table, and nothing that could not be computed is written as a figure.
            for drawing in classed(page, "chart") {
                let figure = drawing
                    .ancestors()
                    .find(|node| node.has_tag_name("figure"))
                    .unwrap();
                let mut folded =
                    tagged(figure, "details").flat_map(|details| tagged(details, "table"));
                assert!(folded.next().is_some(), "{name}: {}", text(drawing));
            }
            for node in tagged(page, "td").chain(classed(page, "chart")) {
                let shapes = node
                    .descendants()
                    .flat_map(|node| node.attributes())
                    .map(|attribute| attribute.value().to_owned());
                let said = text(node) + &shapes.collect::<String>();
                for nothing in ["NaN", "inf ", "None", "null"] {
                    assert!(!said.contains(nothing), "{name}: {said}");
                }
            }
        });
    }
}

#[test]
fn every_check_is_in_it() {
    let visible = |text: &str| text.replace(['\u{1b}', '\u{7}'], "\u{fffd}");
    for (name, record) in all() {
        examine(&record.report().page(), |page| {
            let tables = classed(page, "checks").flat_map(|table| tagged(table, "tbody"));
            let rows: Vec<Vec<String>> = tables
                .flat_map(|body| tagged(body, "tr"))
                .map(|row| row.children().map(text).collect())
                .collect();
            assert_eq!(rows.len(), record.verdict.checks.len(), "{name}");
            for check in &record.verdict.checks {
                let row = rows.iter().find(|row| row[1] == check.id).unwrap();
                assert!(row[0].ends_with(check.status.word()), "{name}: {row:?}");
                assert_eq!(
                    row[2..],
                    [visible(&check.measured), visible(&check.criterion)],
                    "{name}"
                );
            }
        });
    }
}

#[test]
fn it_loads_nothing_and_runs_nothing() {
    for (name, record) in all() {
        loads_and_runs_nothing(name, &record.report().page());
    }
}

pub fn loads_and_runs_nothing(name: &str, page: &str) {
    for loader in [
        "http:", "https:", "src=", "url(", "@import", "<script", "<link", "<iframe", "<object",
        "<embed", "<base", "<img", "<image", "<use",
    ] {
        assert!(!page.contains(loader), "{name}: {loader}");
    }
    examine(page, |page| {
        let mut attributes = page.descendants().flat_map(|node| node.attributes());
        let handler = attributes.find(|attribute| attribute.name().starts_with("on"));
        assert_eq!(handler.map(|attribute| attribute.name()), None, "{name}");
    });
}

#[test]
fn the_verdict_comes_first() {
    for (record, word, sentence) in [
        (fixture::hostile(), "FAIL", "first fuse.host.lifecycle: "),
        (fixture::empty(), "COULD NOT RUN", "no manifest.json"),
    ] {
        examine(&record.report().page(), |page| {
            assert_eq!(
                text(tagged(page, "title").next().unwrap()),
                format!("VexFS validation: {word}")
            );
            let header = tagged(page, "header").next().unwrap();
            assert_eq!(text(classed(header, "word").next().unwrap()), word);
            let said = text(classed(header, "sentence").next().unwrap());
            assert!(said.contains(sentence), "{said}");
        });
    }
}

#[test]
fn what_was_not_measured_says_why() {
    examine(&fixture::full().report().page(), |page| {
        for (id, reason) in [
            ("recall", "its process ended with signal 9 in run 3"),
            ("peers", "it cannot be imported: no module named usearch"),
            ("peers", "its process ended with signal 9"),
            ("latency", "its process ended with signal 9 in run 3"),
            ("places", "the search failed: ENOMEM"),
            ("indexes", "not built on the host"),
        ] {
            let section = section(page, id);
            let said: String = classed(section, "missing")
                .chain(classed(section, "note"))
                .map(text)
                .collect();
            assert!(said.contains(reason), "{id}: {reason}");
        }
    });
}

#[test]
fn the_guests_comparison_is_a_second_set_of_curves_and_tables() {
    let mut record = fixture::full();
    let module = "vexfs through the module";
    examine(&record.report().page(), |page| {
        for id in ["recall", "peers", "latency"] {
            assert!(text(section(page, id)).contains(module), "{id}");
        }
        assert_eq!(tagged(section(page, "recall"), "figure").count(), 4);
    });
    assert!(record.report().markdown().contains("in the guest"));

    let reason = "instructions are no time";
    record.evidence.guest_peers = GuestPeers::Skipped {
        reason: reason.into(),
    };
    examine(&record.report().page(), |page| {
        assert_eq!(tagged(section(page, "recall"), "figure").count(), 2);
        let missing: String = classed(section(page, "recall"), "missing")
            .map(text)
            .collect();
        assert!(missing.contains(reason), "{missing}");
        assert!(!text(page).contains(module));
    });
}

#[test]
fn the_same_record_gives_the_same_bytes() {
    let (one, other) = (fixture::full(), fixture::full());
    let (one, other) = (one.report(), other.report());
    assert_eq!(one.page(), other.page());
    assert_eq!(one.junit().unwrap(), other.junit().unwrap());
    assert_eq!(one.markdown(), other.markdown());
}

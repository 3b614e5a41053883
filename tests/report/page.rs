// SPDX-License-Identifier: MIT OR Apache-2.0
//! `report.html` as text and as a tree.

use scraper::{Html, Selector};

use vexfs::validate::evidence::GuestPeers;

use super::fixture::{self, Record};

fn all() -> [(&'static str, Record); 3] {
    [
        ("full", fixture::full()),
        ("empty", fixture::empty()),
        ("hostile", fixture::hostile()),
    ]
}

fn count(page: &Html, selector: &str) -> usize {
    page.select(&Selector::parse(selector).unwrap()).count()
}

fn text(page: &Html, selector: &str) -> String {
    let selector = Selector::parse(selector).unwrap();
    page.select(&selector)
        .flat_map(|element| element.text())
        .collect()
}

#[test]
fn it_is_well_formed_and_names_what_it_holds() {
    for (name, record) in all() {
        let page = Html::parse_document(&record.report().page());
        assert!(page.errors.is_empty(), "{name}: {:?}", page.errors);
        assert_eq!(count(&page, "html[lang=en]"), 1, "{name}");
        assert_eq!(count(&page, "h1"), 1, "{name}");
        assert_eq!(count(&page, "thead th:not([scope=col])"), 0, "{name}");
        assert_eq!(count(&page, "tbody th:not([scope=row])"), 0, "{name}");
        let drawings = count(&page, "svg.chart");
        for part in [
            "[role=img][aria-labelledby]",
            " > title:first-child",
            " > desc",
        ] {
            assert_eq!(
                count(&page, &format!("svg.chart{part}")),
                drawings,
                "{name}: {part}"
            );
        }
        let with_id = Selector::parse("[id]").unwrap();
        let ids: Vec<&str> = page
            .select(&with_id)
            .filter_map(|element| element.attr("id"))
            .collect();
        for id in &ids {
            assert_eq!(
                ids.iter().filter(|other| *other == id).count(),
                1,
                "{name}: #{id}"
            );
        }
        for link in page.select(&Selector::parse("[href], [aria-labelledby]").unwrap()) {
            let to = link
                .attr("href")
                .map(|href| href.strip_prefix('#').unwrap());
            for id in to.or(link.attr("aria-labelledby")).unwrap().split(' ') {
                assert!(ids.contains(&id), "{name}: {id}");
            }
        }
    }
}

#[test]
fn each_section_has_something_to_show_or_a_reason() {
    for (name, record) in all() {
        let page = Html::parse_document(&record.report().page());
        let sections = Selector::parse("main > section").unwrap();
        assert_eq!(page.select(&sections).count(), 9, "{name}");
        for section in page.select(&sections) {
            let shows = Selector::parse("table, svg, pre, .missing").unwrap();
            assert!(
                section.select(&shows).next().is_some(),
                "{name}: {:?}",
                section.attr("id")
            );
        }
        // Every drawing has its figures in a table, and nothing that could not be computed is written as a figure.
        let undrawn = Selector::parse("figure:has(svg.chart):not(:has(details table))").unwrap();
        assert_eq!(page.select(&undrawn).count(), 0, "{name}");
        let cells = text(&page, "td, text, path");
        for nothing in ["NaN", "inf", "None", "null"] {
            assert!(!cells.contains(nothing), "{name}: {nothing}");
        }
    }
}

#[test]
fn every_check_is_in_it() {
    for (name, record) in all() {
        let page = Html::parse_document(&record.report().page());
        let selector = Selector::parse("#checks tbody tr").unwrap();
        let rows: Vec<Vec<String>> = page
            .select(&selector)
            .map(|row| {
                let cells = Selector::parse("th, td").unwrap();
                row.select(&cells)
                    .map(|cell| cell.text().collect())
                    .collect()
            })
            .collect();
        assert_eq!(rows.len(), record.verdict.checks.len(), "{name}");
        for check in &record.verdict.checks {
            let row = rows.iter().find(|row| row[1] == check.id).unwrap();
            assert!(row[0].ends_with(check.status.word()), "{name}: {row:?}");
            let shown = check.measured.replace(['\u{1b}', '\u{7}'], "\u{fffd}");
            assert_eq!(
                (&row[2], &row[3]),
                (
                    &shown,
                    &check.criterion.replace(['\u{1b}', '\u{7}'], "\u{fffd}")
                ),
                "{name}"
            );
        }
    }
}

#[test]
fn it_loads_nothing_and_runs_nothing() {
    for (name, record) in all() {
        let page = record.report().page();
        for loader in [
            "http:", "https:", "src=", "url(", "@import", "<script", "<link", "<iframe", "<object",
            "<embed", "<base",
        ] {
            assert!(!page.contains(loader), "{name}: {loader}");
        }
        let tree = Html::parse_document(&page);
        for element in tree.select(&Selector::parse("*").unwrap()) {
            let handler = element
                .value()
                .attrs()
                .find(|(attribute, _)| attribute.starts_with("on"));
            assert_eq!(handler, None, "{name}");
        }
    }
}

#[test]
fn the_verdict_comes_first() {
    let page = Html::parse_document(&fixture::hostile().report().page());
    assert_eq!(text(&page, "header .word"), "FAIL");
    assert_eq!(text(&page, "head title"), "VexFS validation: FAIL");
    assert!(text(&page, "header .sentence").contains("fuse.host.lifecycle"));
    let page = Html::parse_document(&fixture::empty().report().page());
    assert_eq!(text(&page, "header .word"), "COULD NOT RUN");
    assert!(text(&page, "header .sentence").contains("no manifest.json"));
}

#[test]
fn what_was_not_measured_says_why() {
    let page = Html::parse_document(&fixture::full().report().page());
    for (section, reason) in [
        ("recall", "its process ended with signal 9 in run 3"),
        ("peers", "it cannot be imported: no module named usearch"),
        ("peers", "its process ended with signal 9"),
        ("latency", "its process ended with signal 9 in run 3"),
        ("places", "the search failed: ENOMEM"),
        ("indexes", "not built on the host"),
    ] {
        let said = text(&page, &format!("#{section} .missing, #{section} .note"));
        assert!(said.contains(reason), "{section}: {reason}");
    }
}

#[test]
fn the_guests_comparison_is_a_second_set_of_curves_and_tables() {
    let mut record = fixture::full();
    let page = Html::parse_document(&record.report().page());
    for section in ["recall", "peers", "latency"] {
        assert!(
            text(&page, &format!("#{section}")).contains("vexfs through the module"),
            "{section}"
        );
    }
    assert_eq!(count(&page, "#recall figure"), 4);
    assert!(record.report().markdown().contains("in the guest"));

    let reason = "instructions are no time";
    record.evidence.guest_peers = GuestPeers::Skipped {
        reason: reason.into(),
    };
    let page = Html::parse_document(&record.report().page());
    assert_eq!(count(&page, "#recall figure"), 2);
    assert!(text(&page, "#recall .missing").contains(reason));
    assert!(!text(&page, "main").contains("vexfs through the module"));
}

#[test]
fn the_same_record_gives_the_same_bytes() {
    let (one, other) = (fixture::full(), fixture::full());
    assert_eq!(one.report().page(), other.report().page());
    assert_eq!(
        one.report().junit().unwrap(),
        other.report().junit().unwrap()
    );
    assert_eq!(one.report().markdown(), other.report().markdown());
}

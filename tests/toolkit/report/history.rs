// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs side by side: `vexfs-validate history`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use serde_json::Value;
use vexfs::figures::Figure;
use vexfs::protocol::run_files::{FIGURES, VERDICT, to_json};
use vexfs::report::history::History;
use vexfs::verdict::judgement::Judgement;
use vexfs::verdict::record;

use super::fixture::{self, Record};
use super::page::{classed, examine, loads_and_runs_nothing, section, tagged, text};

const DAY: Date = date(2026, 11, 26);

/// Writes a record as a run does.
fn write(dir: &Path, record: &Record) {
    let judgement = Judgement::of(&record.evidence).unwrap();
    for (name, text) in record::files(&record.evidence, &judgement).unwrap() {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    fs::write(dir.join(VERDICT), to_json(&record.verdict).unwrap()).unwrap();
}

/// A run of this day, on this CPU, in which every value is `times` what it was.
fn run(dir: &Path, day: Date, cpu: &str, times: f64) {
    let mut record = fixture::full();
    record.evidence.date = day;
    record.evidence.cpu = Some(cpu.into());
    write(dir, &record);
    let path = dir.join(FIGURES);
    let mut figures: Vec<Figure> =
        serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    for figure in &mut figures {
        figure.value.value = figure.value.value.map(|value| value * times);
    }
    fs::write(&path, to_json(&figures).unwrap()).unwrap();
}

/// The seconds since 1970 at this hour of the day.
fn seconds(hour: i8) -> i64 {
    let time = TimeZone::UTC.to_timestamp(DAY.at(hour, 0, 0, 0));
    time.unwrap().as_second()
}

fn history(arguments: &[&Path]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vexfs-validate"))
        .arg("history")
        .args(arguments)
        .output()
        .unwrap()
}

fn json(dir: &Path) -> Value {
    let output = history(&[dir, Path::new("--json")]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn all<'a>(history: &'a Value, what: &str) -> &'a Vec<Value> {
    history[what].as_array().unwrap()
}

/// The run and the value of each point of a line.
fn points(line: &Value) -> Vec<(&str, f64)> {
    let points = line["points"].as_array().unwrap().iter();
    points
        .map(|point| {
            (
                point["run"].as_str().unwrap(),
                point["value"].as_f64().unwrap(),
            )
        })
        .collect()
}

/// The lines of figures of this name.
fn lines<'a>(history: &'a Value, name: &str) -> Vec<&'a Value> {
    let named = |line: &&Value| line["figure"] == name;
    let lines: Vec<&Value> = all(history, "figures").iter().filter(named).collect();
    assert!(!lines.is_empty(), "{name}");
    lines
}

const IN_GUEST: &str = "guest: median of vexfs flat search, effort 0, kernel on inherited";
const ON_HOST: &str = "host: median of vexfs flat search, effort 0, fuse on inherited";

#[test]
fn runs_are_in_the_order_of_time_and_a_figure_goes_through_them() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    // By name alone the order would be another one. The number of `9-of-a-ci` is no time of its day.
    let (noon, evening) = (format!("{}-7", seconds(12)), format!("{}-sha", seconds(18)));
    run(&dir.join(&evening), DAY, "Some CPU", 3.0);
    run(&dir.join("z").join(&noon), DAY, "Some CPU", 2.0);
    run(
        &dir.join("9-of-a-ci"),
        DAY.yesterday().unwrap(),
        "Some CPU",
        1.0,
    );
    let told = json(dir);
    let noon = format!("z/{noon}");
    let names: Vec<&str> = all(&told, "runs")
        .iter()
        .map(|run| run["run"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["9-of-a-ci", &noon, &evening]);
    let runs = all(&told, "runs");
    assert_eq!(
        (&runs[0]["begun"], &runs[0]["date"]),
        (&Value::Null, &"2026-11-25".into())
    );
    assert_eq!(runs[1]["begun"], "2026-11-26T12:00:00Z");
    assert_eq!(runs[0]["toolkit"], env!("CARGO_PKG_VERSION"));
    for name in [IN_GUEST, ON_HOST] {
        let lines = lines(&told, name);
        assert_eq!(lines.len(), 1, "{name}");
        let points = points(lines[0]);
        let first = points[0].1;
        let expected = [
            ("9-of-a-ci", first),
            (&noon, 2.0 * first),
            (&evening, 3.0 * first),
        ];
        assert_eq!(points, expected, "{name}");
    }
    assert_eq!(lines(&told, IN_GUEST)[0]["unit"], "instructions");
    assert_eq!(lines(&told, IN_GUEST)[0]["machine"], "a guest under icount");
    assert_eq!(lines(&told, ON_HOST)[0]["unit"], "ns");
    assert_eq!(all(&told, "unread"), &Vec::<Value>::new());
}

#[test]
fn unlike_machines_are_never_in_one_line() {
    let dir = tempfile::tempdir().unwrap();
    for (name, cpu) in [("a", "Some CPU"), ("b", "Another CPU"), ("c", "Some CPU")] {
        run(&dir.path().join(name), DAY, cpu, 1.0);
    }
    let told = json(dir.path());
    let runs = |line: &Value| {
        points(line)
            .iter()
            .map(|(run, _)| run.to_string())
            .collect::<Vec<_>>()
    };
    // Instructions are of no CPU; times are.
    let guest = lines(&told, IN_GUEST);
    assert_eq!(
        (guest.len(), runs(guest[0])),
        (1, vec!["a".into(), "b".into(), "c".into()])
    );
    let host = lines(&told, ON_HOST);
    let machines: Vec<&Value> = host.iter().map(|line| &line["machine"]).collect();
    assert_eq!(machines, ["the host (Some CPU)", "the host (Another CPU)"]);
    assert_eq!(
        (runs(host[0]), runs(host[1])),
        (vec!["a".into(), "c".into()], vec!["b".into()])
    );

    examine(&History::read(dir.path()).unwrap().page(), |page| {
        let captions: Vec<String> = tagged(section(page, "figures"), "caption")
            .map(text)
            .collect();
        for machine in [
            "On a guest under icount, in instructions",
            "On the host (Some CPU), in nanoseconds",
            "On the host (Another CPU), in nanoseconds",
        ] {
            let of_machine = captions.iter().filter(|caption| *caption == machine);
            assert_eq!(of_machine.count(), 1, "{machine}: {captions:?}");
        }
    });
}

#[test]
fn what_gives_no_run_is_named() {
    let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let dir = dir.path();
    run(&dir.join("good"), DAY, "Some CPU", 1.0);
    run(&dir.join("torn"), DAY, "Some CPU", 1.0);
    fs::write(dir.join("torn").join(FIGURES), "[{").unwrap();
    run(&dir.join("old"), DAY, "Some CPU", 1.0);
    let path = dir.join("old/run.json");
    let told = fs::read_to_string(&path).unwrap();
    fs::write(&path, told.replace("\"format\": 4", "\"format\": 1")).unwrap();
    fs::create_dir_all(dir.join("nothing/at/all")).unwrap();
    symlink(elsewhere.path(), dir.join("out")).unwrap();
    symlink("good", dir.join("latest")).unwrap();
    fs::write(dir.join("notes.txt"), "no directory").unwrap();

    let output = history(&[dir]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    let said: Vec<&str> = said.lines().collect();
    let expected = [
        (
            "nothing",
            "it is no run: there is no verdict.json in it or below it",
        ),
        ("old", "run.json has format 1"),
        ("out", "it is a link out of the directory"),
        ("torn", "figures.json cannot be understood"),
    ];
    assert_eq!(said.len(), expected.len(), "{said:#?}");
    for (line, (name, why)) in said.iter().zip(expected) {
        let begins = format!(
            "vexfs-validate: {}/{name} is left out: {why}",
            dir.display()
        );
        assert!(line.starts_with(&begins), "{line}");
    }
    let page = dir.join("history.html");
    assert_eq!(output.stdout, format!("{}\n", page.display()).into_bytes());
    examine(&fs::read_to_string(page).unwrap(), |page| {
        assert_eq!(tagged(section(page, "runs"), "tr").count(), 1 + 1);
        let unread = text(section(page, "unread"));
        for (name, why) in expected {
            assert!(unread.contains(name) && unread.contains(why), "{unread}");
        }
    });
}

#[test]
fn without_any_run_it_fails() {
    let dir = tempfile::tempdir().unwrap();
    for (path, why) in [
        (dir.path().to_owned(), "has no run that can be read"),
        (dir.path().join("none"), "cannot list"),
    ] {
        let output = history(&[&path]);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(why) && said.lines().count() == 1, "{said}");
    }
    assert!(!dir.path().join("history.html").exists());
}

#[test]
fn the_page_shows_every_figure_with_its_line_and_values() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    run(&dir.join("a"), DAY, "Some CPU", 1.0);
    run(&dir.join("b"), DAY, "Some CPU", 2.0);
    write(&dir.join("c"), &fixture::hostile());
    let page = dir.join("elsewhere.html");
    let output = history(&[dir, Path::new("--out"), &page]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let page = fs::read_to_string(page).unwrap();
    loads_and_runs_nothing("history", &page);
    let told = json(dir);
    examine(&page, |page| {
        let runs: Vec<String> = tagged(section(page, "runs"), "tr").map(text).collect();
        assert_eq!(runs.len(), 1 + 3);
        assert!(runs[3].contains("FAIL"), "{runs:?}");

        let measured = |line: &&Value| {
            let mut points = line["points"].as_array().unwrap().iter();
            points.any(|point| point["value"].is_f64())
        };
        let figures = section(page, "figures");
        let rows = tagged(figures, "tbody").flat_map(|body| tagged(body, "tr"));
        let rows: Vec<_> = rows.collect();
        assert_eq!(
            rows.len(),
            all(&told, "figures").iter().filter(measured).count()
        );
        for row in &rows {
            let name = text(*row);
            assert_eq!(classed(*row, "spark").count(), 1, "{name}");
            // Figure, line, unit, three runs, and the change.
            assert_eq!(row.children().count(), 3 + 3 + 1, "{name}");
            for nothing in ["NaN", "inf ", "None", "null"] {
                assert!(!name.contains(nothing), "{name}");
            }
        }
        let row = rows
            .iter()
            .find(|row| text(**row).starts_with(IN_GUEST))
            .unwrap();
        let cells: Vec<String> = row.children().map(text).collect();
        assert_eq!(cells[2], "instructions");
        let number = |cell: &str| cell.replace(',', "").parse::<f64>().unwrap();
        let twice = 2.0 * number(&cells[3]);
        // Both are rounded.
        assert!((number(&cells[4]) - twice).abs() < 0.2, "{cells:?}");
        assert_eq!(cells[6], "0.5000 x");
        assert_eq!(classed(*row, "mark").count(), 3);
        // Three places across, on one line.
        let path = classed(*row, "line")
            .next()
            .unwrap()
            .attribute("d")
            .unwrap();
        assert_eq!(path.matches(['M', 'L']).count(), 3, "{path}");

        let missing = text(section(page, "not-measured"));
        assert!(
            missing.contains("its process ended with signal 9"),
            "{missing}"
        );
    });
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! `report.html` in a real browser: narrow, middling and wide, light and dark, and on paper (`browser.py`).
//!
//! `make test` installs Chromium and its driver. Where they cannot be had, this test says NOT RUN. The rest of the
//! report's tests still hold.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::fixture;
use crate::python::python;

fn found(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join(program))
        .find(|file| file.exists())
}

#[test]
fn it_is_fit_to_be_read_on_screens_and_on_paper() {
    let (Some(browser), Some(driver)) = (found("chromium"), found("chromedriver")) else {
        let note = "NOT RUN: the report in a browser; this machine has no chromium and chromedriver (make test installs them on Debian, as root)\n";
        // Not by eprintln!, which the test harness keeps to itself.
        std::io::stderr().write_all(note.as_bytes()).unwrap();
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let mut pages = Vec::new();
    for (name, record) in [
        ("full", fixture::full()),
        ("empty", fixture::empty()),
        ("hostile", fixture::hostile()),
    ] {
        let path = dir.path().join(format!("{name}.html"));
        fs::write(&path, record.report().page()).unwrap();
        pages.push(path);
    }
    let output = Command::new(python())
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/toolkit/report/browser.py"))
        .args([&browser, &driver])
        .args(&pages)
        .output()
        .expect("python3 is needed");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    // Widths and schemes of each page, and paper: a script that looked at less has not looked.
    let looked = said.lines().filter(|line| line.starts_with("ok ")).count();
    assert_eq!(looked, pages.len() * (3 * 2 + 1), "{said}");
}

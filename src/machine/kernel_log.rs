// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the guest's kernel says about its own health, read from the console.

use std::sync::LazyLock;

use anyhow::{Context, ensure};
use jiff::civil::Date;
use regex::Regex;
use serde::{Deserialize, Serialize};

/// A line that tells that the kernel goes no further.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Crash {
    Oops(String),
    Panic(String),
}

/// The crash that a line of the console begins or belongs to.
pub fn crash(line: &str) -> Option<Crash> {
    const OOPS: [&str; 6] = [
        "BUG: failure at",
        "BUG: kernel NULL pointer dereference",
        "BUG: unable to handle",
        "kernel BUG at",
        "Oops:",
        "PANIC: double fault",
    ];
    /// Faults that User-Mode Linux calls a panic.
    const FAULTS: [&str; 4] = [
        "Segfault with no mm",
        "Kernel mode fault at addr",
        "Kernel mode signal",
        "Kernel tried to access user memory at addr",
    ];
    if let Some((_, reason)) = line.split_once("Kernel panic - not syncing") {
        return Some(if FAULTS.iter().any(|fault| reason.contains(fault)) {
            Crash::Oops(line.to_owned())
        } else {
            Crash::Panic(line.to_owned())
        });
    }
    OOPS.iter()
        .any(|sign| line.contains(sign))
        .then(|| Crash::Oops(line.to_owned()))
}

/// What a kernel in good health does not say: the patterns that xfstests, syzkaller and the kernel's own CI fail on.
static DENIED: LazyLock<Regex> = LazyLock::new(|| {
    let patterns = [
        r"kernel BUG at",
        r"WARNING:",
        r"BUG:",
        r"\bOops\b",
        r"general protection fault",
        r"double fault",
        r"Unable to handle",
        r"Kernel panic",
        r"KASAN",
        r"KMSAN",
        r"KCSAN",
        r"UBSAN",
        r"recursive locking",
        r"circular locking",
        r"inconsistent lock state",
        r"suspicious RCU",
        r"INFO: .*(blocked for|stall|hung)",
        r"BUG .*(remaining|overwritten|Redzone|Poison)",
        r"VFS: Busy inodes after unmount",
        r"kmemleak: [0-9]+ new suspected",
        r"refcount_t: ",
        r"segfault at",
        r"Out of memory(:| and)",
    ];
    Regex::new(&patterns.join("|")).expect("the patterns are constant")
});

/// A line with the kernel's time stamp.
static KERNEL_LINE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^\[ *\d+\.\d{6}\]").expect("the pattern is constant"));

/// A line of the log that is known and harmless, until somebody has to look again.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    #[serde(with = "pattern")]
    pattern: Regex,
    reason: String,
    /// The last day on which the exception holds.
    until: Date,
}

/// The exceptions of this version of the toolkit.
pub fn exceptions() -> anyhow::Result<Vec<Exception>> {
    parse_exceptions(include_str!("../../vm/kernel-log-allow.json"))
        .context("vm/kernel-log-allow.json is no list of exceptions")
}

fn parse_exceptions(text: &str) -> anyhow::Result<Vec<Exception>> {
    let exceptions: Vec<Exception> = serde_json::from_str(text)?;
    for exception in &exceptions {
        ensure!(
            !exception.reason.trim().is_empty(),
            "no reason is given for `{}`: write it down",
            exception.pattern
        );
    }
    Ok(exceptions)
}

/// What a log was found to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Scan {
    pub kernel_lines: usize,
    pub findings: Vec<Match>,
    /// What would be a finding if there were no exception for it.
    pub excepted: Vec<Match>,
}

/// A line, and what is to be known about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Match {
    /// Counted from 1; 0 for what is missing from the log.
    pub line: usize,
    pub text: String,
    pub note: String,
}

impl Scan {
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }
}

/// Scans a kernel log as of the day of its run, with the exceptions that this version of the toolkit has.
pub fn scan_as_of(log: &[u8], day: Date) -> Result<Scan, String> {
    let exceptions = exceptions().map_err(|error| format!("{error:#}"))?;
    Ok(scan(&String::from_utf8_lossy(log), &exceptions, day))
}

/// Whether a line of User-Mode Linux says that its host had no room for a page of the guest's memory, or granted no
/// further mapping of one. What follows is a panic.
pub(super) fn is_without_memory(line: &str) -> bool {
    let signs = [
        "Bus error - the host ",
        "UML ran out of memory on the host side",
    ];
    signs.iter().any(|sign| line.contains(sign))
}

/// Scans a log as of `today`. A log that does not begin where the kernel does is a finding in itself: silence proves
/// nothing.
pub fn scan(log: &str, exceptions: &[Exception], today: Date) -> Scan {
    let mut scan = Scan {
        kernel_lines: 0,
        findings: Vec::new(),
        excepted: Vec::new(),
    };
    let mut begins = false;
    // What a kernel says that its host has left without memory is not its fault.
    let own = log.lines().take_while(|line| !is_without_memory(line));
    for (number, line) in (1..).zip(own) {
        let text = line.trim_end();
        scan.kernel_lines += usize::from(KERNEL_LINE.is_match(text));
        begins |= text.contains("] Linux version ");
        let Some(denied) = DENIED.find(text) else {
            continue;
        };
        let exception = exceptions.iter().find(|known| known.pattern.is_match(text));
        let finding = |note: String| Match {
            line: number,
            text: text.to_owned(),
            note,
        };
        match exception {
            Some(known) if today <= known.until => {
                scan.excepted.push(finding(known.reason.clone()));
            }
            Some(known) => scan.findings.push(finding(format!(
                "its exception ended on {}: {}",
                known.until, known.reason
            ))),
            None => scan
                .findings
                .push(finding(format!("`{}` is denied", denied.as_str()))),
        }
    }
    if !begins {
        scan.findings.push(Match {
            line: 0,
            text: String::new(),
            note: "the log does not begin with the kernel's version".to_owned(),
        });
    }
    scan
}

/// Reads and writes regular expressions as JSON strings.
mod pattern {
    use regex::Regex;
    use serde::{Deserialize, Deserializer, de::Error};

    pub fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Regex, D::Error> {
        Regex::new(&String::deserialize(input)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    const TODAY: Date = date(2026, 11, 23);

    fn exception(until: &str) -> Vec<Exception> {
        let json = format!(
            r#"[{{"pattern": "WARNING: .* at drivers/known", "reason": "known", "until": "{until}"}}]"#
        );
        serde_json::from_str(&json).unwrap()
    }

    fn log(line: &str) -> String {
        format!(
            "[    0.000000] Linux version 6.12\r\n{line}\r\n[    1.000000] reboot: Power down\r\n"
        )
    }

    #[test]
    fn an_exception_covers_its_line_until_its_last_day() {
        let log = log("[    0.500000] WARNING: CPU: 0 PID: 1 at drivers/known.c:7");
        let until_today = scan(&log, &exception("2026-11-23"), TODAY);
        assert!(until_today.is_clean());
        assert_eq!(until_today.excepted[0].line, 2);
        let until_yesterday = scan(&log, &exception("2026-11-22"), TODAY);
        assert!(until_yesterday.findings[0].note.contains("2026-11-22"));
        assert!(!scan(&log, &[], TODAY).is_clean());
    }

    #[test]
    fn silence_is_a_finding() {
        for text in ["", "SeaBIOS\r\n", "[    1.000000] late\r\n"] {
            assert!(!scan(text, &[], TODAY).is_clean(), "{text:?}");
        }
        let healthy = scan(&log("[    0.500000] vexfs: ready"), &[], TODAY);
        assert!(healthy.is_clean());
        assert_eq!(healthy.kernel_lines, 3);
    }

    #[test]
    fn a_bad_exception_is_refused() {
        for (json, named) in [
            (
                r#"[{"pattern": "a", "reason": " ", "until": "2026-01-01"}]"#,
                "reason",
            ),
            (
                r#"[{"pattern": "(", "reason": "r", "until": "2026-01-01"}]"#,
                "unclosed",
            ),
            (r#"[{"pattern": "a", "reason": "r"}]"#, "until"),
        ] {
            let error = format!("{:#}", parse_exceptions(json).unwrap_err());
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn the_committed_exceptions_can_be_read() {
        exceptions().unwrap();
    }

    #[test]
    fn crashes_are_told_apart() {
        let oops = "[    2.1] Oops: general protection fault, probably for non-canonical address";
        assert_eq!(crash(oops), Some(Crash::Oops(oops.to_owned())));
        let panic = "[    2.2] Kernel panic - not syncing: Attempted to kill init!";
        assert_eq!(crash(panic), Some(Crash::Panic(panic.to_owned())));
        let fault = "[    2.2] Kernel panic - not syncing: Kernel mode fault at addr 0x0, ip 0x6";
        assert_eq!(crash(fault), Some(Crash::Oops(fault.to_owned())));
        assert_eq!(crash("[    2.3] WARNING: CPU: 0 PID: 1 at fs/vexfs"), None);
    }
}

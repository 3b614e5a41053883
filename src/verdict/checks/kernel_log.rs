// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks that the kernel log is clean, and that the kernel's taint is the expected one.

use super::evaluation::Evaluated;
use crate::criteria::Criterion;
use crate::criteria::check::Finding;
use crate::verdict::evidence::Evidence;

/// The taint of an out-of-tree and unsigned module (Documentation/admin-guide/tainted-kernels.rst).
const EXPECTED_TAINT: u64 = 1 << 12 | 1 << 13;

pub fn clean(evidence: &Evidence, _: &Criterion) -> Evaluated {
    let scan = evidence
        .kernel_log
        .as_ref()
        .map_err(Finding::could_not_run)?;
    Ok(match scan.findings.as_slice() {
        [] => Finding::pass(format!(
            "{} lines, {} excepted",
            scan.kernel_lines,
            scan.excepted.len()
        )),
        [first, rest @ ..] => Finding::fail(format!(
            "line {}: {} ({}; {} more)",
            first.line,
            first.text,
            first.note,
            rest.len()
        )),
    })
}

pub fn taint(evidence: &Evidence, _: &Criterion) -> Evaluated {
    let before = evidence.guest.identity()?.taint;
    let after = evidence.guest.after()?.taint;
    let gained = after & !before & !EXPECTED_TAINT;
    Ok(Finding::judge(
        gained == 0,
        format!("{before} before, {after} after"),
    ))
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The names of what a file holds, for people.

/// The first names of a list, and how many there are besides.
pub(super) fn listed(names: &[String]) -> String {
    const SHOWN: usize = 8;
    let shown: Vec<_> = names.iter().take(SHOWN).map(String::as_str).collect();
    match names.len() {
        0 => "none at all".to_owned(),
        1..=SHOWN => shown.join(", "),
        all => format!("{} and {} more", shown.join(", "), all - SHOWN),
    }
}

/// The one name of those that may be meant, or why it must be said: `kind` is what has the names.
pub(super) fn only(names: &[String], all: &[String], kind: &str) -> Result<String, String> {
    match names {
        [only] => Ok(only.clone()),
        [] => Err(format!(
            "it has no {kind} with two axes, but {}",
            listed(all)
        )),
        several => Err(format!(
            "it has several {kind}s with two axes: name one by `vexfs dataset import --dataset NAME`, of {}",
            listed(several)
        )),
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Circles: files of which each depends on all others, directly or not.

use std::collections::BTreeSet;

use crate::order::Arrows;

/// Every circle, with its files in order. A file that depends on itself makes none.
pub fn circles(arrows: &Arrows) -> Vec<Vec<String>> {
    let mut found = BTreeSet::new();
    for file in arrows.keys() {
        let back = reached(arrows, file)
            .into_iter()
            .filter(|other| reached(arrows, other).contains(file.as_str()));
        let circle: Vec<String> = back.map(str::to_owned).collect();
        if circle.len() > 1 {
            found.insert(circle);
        }
    }
    found.into_iter().collect()
}

/// All that a file depends on, directly or not.
fn reached<'a>(arrows: &'a Arrows, from: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from];
    while let Some(file) = open.pop() {
        for to in arrows.get(file).into_iter().flatten() {
            if reached.insert(to.as_str()) {
                open.push(to);
            }
        }
    }
    reached
}

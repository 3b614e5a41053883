// SPDX-License-Identifier: MIT OR Apache-2.0
//! The order of rooms that `docs/architecture.md` states, and the check of files against it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::circles::circles;

/// Each file's name, such as `verdict::checks::peers` or `search/ivf`, with those that it depends on.
pub type Arrows = BTreeMap<String, BTreeSet<String>>;

/// The position of each room. Rooms in one position know nothing of each other.
pub struct Order(BTreeMap<String, usize>);

impl Order {
    /// Reads `a → {b, c} → d`.
    pub fn parse(line: &str) -> Order {
        let rooms = line.split('→').enumerate().flat_map(|(position, rooms)| {
            let rooms = rooms.trim().trim_matches(['{', '}']).split(',');
            rooms.map(move |room| (room.trim().to_owned(), position))
        });
        Order(rooms.collect())
    }

    /// Reads the line of `docs/architecture.md` that begins with this room.
    pub fn stated(first: &str) -> Order {
        let text = std::fs::read_to_string(root().join("docs/architecture.md")).unwrap();
        let begins = format!("{first} →");
        let line = text.lines().find(|line| line.trim().starts_with(&begins));
        Order::parse(
            line.unwrap_or_else(|| panic!("docs/architecture.md has no line `{begins} …`")),
        )
    }

    /// What is wrong with these files, a sentence each: rooms that the order does not name or that are not there,
    /// arrows against the order, and circles.
    pub fn faults(&self, arrows: &Arrows, room_of: fn(&str) -> &str) -> Vec<String> {
        let rooms: BTreeSet<&str> = arrows.keys().map(|file| room_of(file)).collect();
        let mut faults = Vec::new();
        for room in rooms.iter().filter(|room| !self.0.contains_key(**room)) {
            faults.push(format!("the order does not name {room}"));
        }
        for room in self.0.keys().filter(|room| !rooms.contains(room.as_str())) {
            faults.push(format!("the order names {room}, which is not there"));
        }
        for (from, all) in arrows {
            for to in all {
                let (a, b) = (room_of(from), room_of(to));
                let against = match (self.0.get(a), self.0.get(b)) {
                    (Some(from), Some(to)) => a != b && from <= to,
                    _ => false,
                };
                if against {
                    faults.push(format!("{from} depends on {to}, against the order"));
                }
            }
        }
        for circle in circles(arrows) {
            faults.push(format!("a circle: {}", circle.join(", ")));
        }
        faults
    }
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// The files below a directory whose names end in `ending`, with their paths from there, in order.
pub fn files(dir: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.to_str().unwrap().ends_with(ending) {
                found.push(path.strip_prefix(dir).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// Says how many arrows were looked at, and fails with all that is wrong.
#[track_caller]
pub fn assert_in_order(what: &str, arrows: &Arrows, faults: &[String]) {
    let count: usize = arrows.values().map(BTreeSet::len).sum();
    println!("{what}: {} files, {count} arrows", arrows.len());
    assert!(count > 0, "{what}: no arrow was found: the test is blind");
    assert!(faults.is_empty(), "{what}:\n  {}", faults.join("\n  "));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(name: &str) -> &str {
        name.split('/').next().unwrap()
    }

    fn arrows(all: &[(&str, &[&str])]) -> Arrows {
        let owned = |to: &[&str]| to.iter().map(|&to| to.to_owned()).collect();
        all.iter()
            .map(|&(from, to)| (from.to_owned(), owned(to)))
            .collect()
    }

    fn faults(all: &[(&str, &[&str])]) -> Vec<String> {
        Order::parse("low → {left, right} → high").faults(&arrows(all), first)
    }

    #[test]
    fn arrows_along_the_order_are_no_fault() {
        let none: &[&str] = &[];
        let found = faults(&[
            ("low/a", none),
            ("left/b", &["low/a", "left/c"]),
            ("left/c", &["low/a"]),
            ("right/d", &["low/a"]),
            ("high/e", &["left/b", "right/d"]),
        ]);
        assert_eq!(found, none);
    }

    #[test]
    fn an_arrow_against_the_order_is_named() {
        let found = faults(&[
            ("low/a", &["high/e"]),
            ("left/b", &["right/d"]),
            ("right/d", &[]),
            ("high/e", &[]),
        ]);
        assert_eq!(
            found,
            [
                "left/b depends on right/d, against the order",
                "low/a depends on high/e, against the order"
            ]
        );
    }

    #[test]
    fn a_room_that_is_not_named_or_not_there_is() {
        let found = faults(&[
            ("low/a", &[]),
            ("left/b", &[]),
            ("right/d", &[]),
            ("attic/x", &[]),
        ]);
        assert_eq!(
            found,
            [
                "the order does not name attic",
                "the order names high, which is not there"
            ]
        );
    }

    #[test]
    fn a_circle_within_a_room_is_named() {
        let found = faults(&[
            ("low/a", &["low/b"]),
            ("low/b", &["low/c"]),
            ("low/c", &["low/a"]),
            ("left/b", &[]),
            ("right/d", &[]),
            ("high/e", &[]),
        ]);
        assert_eq!(found, ["a circle: low/a, low/b, low/c"]);
    }
}

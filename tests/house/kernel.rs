// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rooms of the kernel module: a file is a source with the header of its name, and depends on what it includes.

use std::collections::BTreeSet;

use crate::order::{Arrows, Order, assert_in_order, files, root};

/// The arrows between files, from each file's path and text.
fn arrows<'a>(texts: impl Iterator<Item = (&'a str, &'a str)>) -> Arrows {
    let mut arrows = Arrows::new();
    for (path, text) in texts {
        let from = stem(path);
        let included = text.lines().filter_map(|line| {
            let name = line.trim().strip_prefix("#include \"")?;
            Some(stem(name.split('"').next()?))
        });
        let to: BTreeSet<String> = included
            .filter(|to| *to != from)
            .map(str::to_owned)
            .collect();
        arrows.entry(from.to_owned()).or_default().extend(to);
    }
    arrows
}

fn stem(path: &str) -> &str {
    path.rsplit_once('.').map_or(path, |(stem, _)| stem)
}

fn room_of(file: &str) -> &str {
    file.split_once('/')
        .map_or("kernel/ itself", |(room, _)| room)
}

#[test]
fn the_files_of_the_module_depend_on_each_other_in_the_stated_order() {
    let kernel = root().join("kernel");
    let texts: Vec<(String, String)> = files(&kernel, ".c")
        .into_iter()
        .chain(files(&kernel, ".h"))
        .filter(|path| !path.to_str().unwrap().ends_with(".mod.c"))
        .map(|path| {
            let text = std::fs::read_to_string(kernel.join(&path)).unwrap();
            (path.to_str().unwrap().to_owned(), text)
        })
        .collect();
    let arrows = arrows(
        texts
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str())),
    );
    let faults = Order::stated("uapi").faults(&arrows, room_of);
    assert_in_order("kernel", &arrows, &faults);
}

#[test]
fn a_header_and_its_source_are_one_file() {
    let found = arrows(
        [
            (
                "cache/a.c",
                "#include \"cache/a.h\"\n#include <linux/fs.h>\n",
            ),
            ("cache/a.h", "#include \"cache/b.h\"\n"),
            ("cache/b.c", "#include \"cache/a.h\"\n"),
        ]
        .into_iter(),
    );
    let faults = Order::parse("cache").faults(&found, room_of);
    assert_eq!(faults, ["a circle: cache/a, cache/b"]);
}

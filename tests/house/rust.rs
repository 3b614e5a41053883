// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rooms of `src/`: a file is a module, and depends on the files in which the items that it names are defined.
//!
//! A façade is no arrow: `mod`, and a `pub use` of what lies below the file, make nothing depend on anything. An item
//! that is named by way of a façade counts as named where it is defined. What only tests use does not count either.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, UseTree, Visibility};

use crate::order::{Arrows, Order, assert_in_order, files, root};

/// The words of a path such as `verdict::checks::peers`; the crate itself has none.
type Words = Vec<String>;

/// What a file says about others.
#[derive(Default)]
struct Said {
    /// The paths that it names, as written, and whether in a `pub use`.
    paths: Vec<(Words, bool)>,
}

impl Said {
    fn of(text: &str) -> Said {
        let mut said = Said::default();
        let file = syn::parse_file(text).expect("the sources of this crate are Rust");
        said.visit_file(&file);
        said
    }

    fn tree(&mut self, before: &Words, tree: &UseTree, public: bool) {
        let with = |name: &syn::Ident| [before.clone(), vec![name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.tree(&with(&path.ident), &path.tree, public),
            UseTree::Name(name) if name.ident == "self" => {
                self.paths.push((before.clone(), public))
            }
            UseTree::Name(name) => self.paths.push((with(&name.ident), public)),
            UseTree::Rename(rename) => self.paths.push((with(&rename.ident), public)),
            UseTree::Glob(_) => self.paths.push((before.clone(), public)),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.tree(before, tree, public);
                }
            }
        }
    }

    /// The paths in what a macro is given, which is not parsed: `crate::a::b` and the like.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path = Words::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(word) if colons == 2 || path.is_empty() => {
                    path.push(word.to_string());
                    colons = 0;
                    continue;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' && !path.is_empty() => {
                    colons += 1;
                    continue;
                }
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Ident(word) => {
                    self.flush(&mut path, colons);
                    path.push(word.to_string());
                    colons = 0;
                    continue;
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => (),
            }
            self.flush(&mut path, colons);
            colons = 0;
        }
        self.flush(&mut path, colons);
    }

    /// Ends a path. One that ends in `::` goes on with a variable of a macro: then its first part counts.
    fn flush(&mut self, path: &mut Words, colons: usize) {
        if path.len() > 1 || colons == 2 && !path.is_empty() {
            self.paths.push((std::mem::take(path), false));
        }
        path.clear();
    }
}

fn for_tests_only(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || attribute.path().is_ident("cfg")
                && attribute
                    .parse_args::<syn::Path>()
                    .is_ok_and(|path| path.is_ident("test"))
    })
}

impl<'ast> Visit<'ast> for Said {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = match item {
            Item::Fn(item) => &item.attrs,
            Item::Mod(item) => &item.attrs,
            Item::Use(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            _ => return visit::visit_item(self, item),
        };
        if !for_tests_only(attributes) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let public = !matches!(item.vis, Visibility::Inherited);
        self.tree(&Words::new(), &item.tree, public);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let words: Words = path
            .segments
            .iter()
            .map(|one| one.ident.to_string())
            .collect();
        if words.len() > 1 {
            self.paths.push((words, false));
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.tokens(call.tokens.clone());
        visit::visit_macro(self, call);
    }
}

/// All files of the crate.
struct House {
    said: BTreeMap<Words, Said>,
    /// What a file hands on by `pub use`, by the name it has there.
    handed_on: BTreeMap<(Words, String), Words>,
}

impl House {
    /// The crate, from each file's path below `src/` and text.
    fn of<'a>(texts: impl Iterator<Item = (&'a str, &'a str)>) -> House {
        let said: BTreeMap<Words, Said> = texts
            .map(|(path, text)| (module_of(path), Said::of(text)))
            .collect();
        let mut house = House {
            said,
            handed_on: BTreeMap::new(),
        };
        for (module, said) in &house.said {
            for (path, _) in said.paths.iter().filter(|(_, public)| *public) {
                if let (Some(name), Some(path)) = (path.last(), house.absolute(module, path)) {
                    house.handed_on.insert((module.clone(), name.clone()), path);
                }
            }
        }
        house
    }

    /// The path from the crate's root, if it is a path of this crate at all.
    fn absolute(&self, module: &Words, path: &Words) -> Option<Words> {
        let mut base = module.clone();
        let mut rest = path.as_slice();
        match rest.first()?.as_str() {
            "crate" | "vexfs" => {
                base.clear();
                rest = &rest[1..];
            }
            "self" => rest = &rest[1..],
            "super" => {
                while rest.first().is_some_and(|word| word == "super") {
                    base.pop();
                    rest = &rest[1..];
                }
            }
            child => {
                base.push(child.to_owned());
                let known = self.said.contains_key(&base);
                base.pop();
                if !known {
                    return None;
                }
            }
        }
        base.extend_from_slice(rest);
        Some(base)
    }

    /// The file in which what this path names is defined.
    fn file(&self, path: &Words) -> Option<Words> {
        let mut path = path.clone();
        // No chain of façades is longer.
        for _ in 0..8 {
            let longest = (1..=path.len())
                .rev()
                .find(|&words| self.said.contains_key(&path[..words]))?;
            let module = path[..longest].to_vec();
            let Some(item) = path.get(longest) else {
                return Some(module);
            };
            match self.handed_on.get(&(module.clone(), item.clone())) {
                Some(target) if self.said.contains_key(&target[..1]) => {
                    path = [target.as_slice(), &path[longest + 1..]].concat();
                }
                _ => return Some(module),
            }
        }
        None
    }

    fn arrows(&self) -> Arrows {
        let mut arrows = Arrows::new();
        for (module, said) in &self.said {
            let named = said.paths.iter().filter_map(|(path, public)| {
                let to = self.file(&self.absolute(module, path)?)?;
                let hands_on_its_own = *public && to.starts_with(module);
                (!hands_on_its_own).then_some(to)
            });
            let to: BTreeSet<String> = named
                .filter(|to| to != module)
                .map(|to| to.join("::"))
                .collect();
            if !module.is_empty() {
                arrows.insert(module.join("::"), to);
            }
        }
        arrows
    }
}

fn module_of(path: &str) -> Words {
    let path = path.trim_end_matches(".rs");
    let mut words: Words = path.split('/').map(str::to_owned).collect();
    if words
        .last()
        .is_some_and(|last| last == "mod" || last == "lib")
    {
        words.pop();
    }
    words
}

fn room_of(file: &str) -> &str {
    file.split("::").next().unwrap_or(file)
}

#[test]
fn the_files_of_the_crate_depend_on_each_other_in_the_stated_order() {
    let src = root().join("src");
    let texts: Vec<(String, String)> = files(&src, ".rs")
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(src.join(&path)).unwrap();
            (path.to_str().unwrap().to_owned(), text)
        })
        .collect();
    let house = House::of(
        texts
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str())),
    );
    let arrows = house.arrows();
    let faults = Order::stated("system").faults(&arrows, room_of);
    assert_in_order("src", &arrows, &faults);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrows_of(texts: &[(&str, &str)]) -> Arrows {
        House::of(texts.iter().copied()).arrows()
    }

    #[test]
    fn an_item_counts_where_it_is_defined() {
        let found = arrows_of(&[
            ("a/mod.rs", "mod x; mod y; pub use x::Item;"),
            ("a/x.rs", "pub struct Item;"),
            ("a/y.rs", "use super::Item;"),
            ("b.rs", "fn f() { let _ = crate::a::Item; }"),
        ]);
        assert_eq!(found["a"].len(), 0);
        assert!(found["a::y"].contains("a::x") && found["b"].contains("a::x"));
    }

    #[test]
    fn a_module_that_uses_a_child_which_uses_it_is_a_circle() {
        let found = arrows_of(&[
            (
                "a/mod.rs",
                "mod x; use x::f; pub struct Item; fn g() { f() }",
            ),
            ("a/x.rs", "use super::Item; pub fn f() {}"),
        ]);
        let faults = Order::parse("a").faults(&found, room_of);
        assert_eq!(faults, ["a circle: a, a::x"]);
    }

    #[test]
    fn paths_in_macros_and_types_count_and_those_of_tests_do_not() {
        let found = arrows_of(&[
            ("a.rs", "pub const N: u8 = 1;"),
            (
                "b.rs",
                "fn f() { println!(\"{}\", crate::a::N); } #[cfg(test)] mod tests { use crate::c::T; }",
            ),
            ("c.rs", "pub struct T(crate::b::U);"),
        ]);
        assert_eq!(found["b"], BTreeSet::from(["a".to_owned()]));
        assert_eq!(found["c"], BTreeSet::from(["b".to_owned()]));
    }

    #[test]
    fn what_is_handed_on_from_elsewhere_counts() {
        let found = arrows_of(&[
            ("a/mod.rs", "mod x; pub use x::Item; pub use crate::b::f;"),
            ("a/x.rs", "pub struct Item;"),
            ("b.rs", "pub fn f() {}"),
        ]);
        assert_eq!(found["a"], BTreeSet::from(["b".to_owned()]));
        let faults = Order::parse("a → b").faults(&found, room_of);
        assert_eq!(faults, ["a depends on b, against the order"]);
    }

    #[test]
    fn the_rules_of_a_macro_name_modules_too() {
        let found = arrows_of(&[
            (
                "a/mod.rs",
                "mod x; macro_rules! call { ($f:ident) => { x::$f() }; }",
            ),
            ("a/x.rs", ""),
        ]);
        assert_eq!(found["a"], BTreeSet::from(["a::x".to_owned()]));
    }
}

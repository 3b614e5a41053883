// SPDX-License-Identifier: MIT OR Apache-2.0
//! Errors: none offers as its source what its own text says already, for a person would read that twice (`{:#}`).

use syn::visit::{self, Visit};
use syn::{Attribute, Field, Fields, Ident, ItemStruct, Variant};

use crate::order::{files, root};

/// The errors of a file whose text holds that of their source.
#[derive(Default)]
struct Twice(Vec<String>);

impl Twice {
    fn of(source: &str) -> Vec<String> {
        let mut found = Twice::default();
        found.visit_file(&syn::parse_file(source).expect("the sources are Rust"));
        found.0
    }

    fn look(&mut self, name: &Ident, attributes: &[Attribute], fields: &Fields) {
        let Some(text) = attributes.iter().find_map(text_of) else {
            return;
        };
        let mut fields = fields.iter().enumerate();
        let says_its_source = fields.any(|(at, field)| {
            let name = match &field.ident {
                Some(name) => name.to_string(),
                None => at.to_string(),
            };
            is_source(field) && says(&text, &name)
        });
        if says_its_source {
            self.0.push(name.to_string());
        }
    }
}

impl<'ast> Visit<'ast> for Twice {
    fn visit_variant(&mut self, variant: &'ast Variant) {
        self.look(&variant.ident, &variant.attrs, &variant.fields);
    }

    fn visit_item_struct(&mut self, item: &'ast ItemStruct) {
        self.look(&item.ident, &item.attrs, &item.fields);
        visit::visit_item_struct(self, item);
    }
}

/// What `#[error(…)]` is given, unless it is `transparent`.
fn text_of(attribute: &Attribute) -> Option<String> {
    let list = attribute.meta.require_list().ok()?;
    let text = list.tokens.to_string();
    (list.path.is_ident("error") && text != "transparent").then_some(text)
}

/// Whether thiserror takes the field for the error's source.
fn is_source(field: &Field) -> bool {
    let marked = |attribute: &Attribute| {
        attribute.path().is_ident("source") || attribute.path().is_ident("from")
    };
    field.ident.as_ref().is_some_and(|name| name == "source") || field.attrs.iter().any(marked)
}

/// Whether a text with its arguments names the field.
fn says(text: &str, field: &str) -> bool {
    let named = [format!("{{{field}}}"), format!("{{{field}:")];
    let given = format!(". {field}");
    let given_at_once = format!(".{field}");
    named.iter().any(|named| text.contains(named))
        || text.contains(&given)
        || text.contains(&given_at_once)
}

#[test]
fn no_error_says_its_source_itself() {
    let mut found = Vec::new();
    for path in files(&root().join("src"), ".rs") {
        let source = std::fs::read_to_string(root().join("src").join(&path)).unwrap();
        let twice = Twice::of(&source).into_iter();
        found.extend(twice.map(|error| {
            format!(
                "src/{}: {error} says its source, which is then printed twice: name the field otherwise, \
                 or make the error transparent",
                path.display()
            )
        }));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_to_say_a_source_twice_is_found() {
        for twice in [
            r#"#[error("{a}: {source}")] struct E { a: u8, source: Io }"#,
            r#"#[error("no: {source:?}")] struct E { source: Io }"#,
            r#"enum All { #[error("no: {0}")] E(#[from] Io) }"#,
            r#"enum All { #[error("no: {0}")] E(#[source] Io) }"#,
            r#"enum All { #[error("{}", .0.0)] E(#[from] Io) }"#,
            r#"enum All { #[error("{}", .source.text)] E { source: Io } }"#,
        ] {
            assert_eq!(Twice::of(twice), ["E"], "{twice}");
        }
    }

    #[test]
    fn an_error_that_says_its_own_part_is_none() {
        for once in [
            r#"#[error("{a}: {cause}")] struct E { a: u8, cause: Io }"#,
            r#"#[error("no: {a}")] struct E { a: u8, source: Io }"#,
            r#"enum All { #[error(transparent)] E(#[from] Io) }"#,
            r#"enum All { #[error("no: {0}")] E(Io) }"#,
            r#"struct E { source: Io }"#,
        ] {
            assert!(Twice::of(once).is_empty(), "{once}");
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a module's file says of itself in its .modinfo section.

use anyhow::{Context, Result};
use object::{Object, ObjectSection};

/// The `key=value` entries, in the file's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Modinfo {
    entries: Vec<(String, String)>,
}

impl Modinfo {
    pub fn of(module: &[u8]) -> Result<Modinfo> {
        let elf = object::File::parse(module).context("it is no ELF file")?;
        let section = elf
            .section_by_name(".modinfo")
            .context("it has no .modinfo section")?
            .data()
            .context("its .modinfo section cannot be read")?;
        Ok(Modinfo::parse(section))
    }

    fn parse(section: &[u8]) -> Modinfo {
        let entries = section
            .split(|&byte| byte == 0)
            .filter_map(|entry| std::str::from_utf8(entry).ok()?.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        Modinfo { entries }
    }

    /// The first value of `key`.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.entries
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    pub fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.entries
            .iter()
            .filter(move |(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }
}

/// The kernel release that a vermagic begins with.
pub fn release(vermagic: &str) -> &str {
    vermagic.split(' ').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_whole_only() {
        let section =
            b"srcversion=A1\0\0vermagic=6.12 SMP mod_unload \0version=2\0alias=a\0alias=b\0";
        let info = Modinfo::parse(section);
        assert_eq!(info.get("version"), Some("2"));
        assert_eq!(info.get("vermagic").map(release), Some("6.12"));
        assert_eq!(info.get("depends"), None);
        assert!(info.all("alias").eq(["a", "b"]));
    }
}

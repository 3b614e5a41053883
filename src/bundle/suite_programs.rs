// SPDX-License-Identifier: MIT OR Apache-2.0
//! The programs of the POSIX suites, built from the registry of crates for a guest without libraries.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use xshell::{Shell, cmd};

use super::source_tree::SourceTree;
use crate::suites::programs::pinned;

/// The script that builds them, and where it puts them.
const SCRIPT: &str = "vm/build-suites.sh";
const BUILT: &str = "target/suites";

/// A program, ready to be packed.
#[derive(Debug)]
pub struct SuiteProgram {
    pub name: String,
    pub version: String,
    pub content: Vec<u8>,
}

/// Builds the pinned versions, once, and returns the directory that has them.
pub fn build(tree: &SourceTree, tell: &dyn Fn(&str)) -> Result<PathBuf> {
    let out = tree.root().join(BUILT);
    if !out.join("installed").exists() {
        tell("building the POSIX suites: this takes a minute or two, once");
    }
    let shell = Shell::new()?;
    let script = tree.root().join(SCRIPT);
    cmd!(shell, "{script} {out}")
        .quiet()
        .run()
        .context("the POSIX suites do not build")?;
    Ok(out.join("bin"))
}

/// Reads the programs from a directory.
pub fn read(dir: &Path) -> Result<Vec<SuiteProgram>> {
    let program = |(name, version): (&str, &str)| {
        let path = dir.join(name);
        let content = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        ensure!(
            is_static(&content)?,
            "{} is not linked statically: the guest has no libraries",
            path.display()
        );
        Ok(SuiteProgram {
            name: name.to_owned(),
            version: version.to_owned(),
            content,
        })
    };
    pinned().map(program).collect()
}

/// Whether a program names no interpreter that would have to load libraries for it.
fn is_static(content: &[u8]) -> Result<bool> {
    use object::read::elf::{ElfFile64, ProgramHeader};
    let elf: ElfFile64 = ElfFile64::parse(content).context("it is no program")?;
    let endian = elf.endian();
    let mut headers = elf.elf_program_headers().iter();
    Ok(headers.all(|header| header.p_type(endian) != object::elf::PT_INTERP))
}

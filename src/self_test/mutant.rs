// SPDX-License-Identifier: MIT OR Apache-2.0
//! A bug as it lies in a file: a patch of the checkout, below lines that say what it plants and what must notice.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result, anyhow, bail, ensure};
use clap::ValueEnum;

use crate::bundle::machine_kind::MachineKind;

const BUG: &str = "Bug";
const NOTICED_BY: &str = "Noticed-by";
const MACHINE: &str = "Machine";

/// Where the patch begins.
const OLD_FILE: &str = "--- a/";
const NEW_FILE: &str = "+++ b/";

#[derive(Debug, Clone)]
pub struct Mutant {
    /// The directory of the file: what it is a bug of.
    pub class: String,
    pub name: String,
    /// What it plants, in a sentence.
    pub bug: String,
    pub noticed_by: Guard,
    /// What boots it, if a machine does.
    pub machine: MachineKind,
    pub patch: PathBuf,
    /// The files that it changes, from the checkout's root.
    pub files: Vec<PathBuf>,
}

/// What must notice a mutant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guard {
    /// The check of this id, and the case of it, if it is one of several.
    Check { id: String, case: Option<String> },
    /// Tests of a suite, `lib` among them, whose names contain this.
    Test { suite: String, filter: String },
}

const TEST: &str = "test ";

impl FromStr for Guard {
    type Err = anyhow::Error;

    fn from_str(words: &str) -> Result<Guard> {
        let Some(test) = words.strip_prefix(TEST) else {
            let (id, case) = match words.split_once(" (") {
                None => (words, None),
                Some((id, rest)) => (id, rest.strip_suffix(')')),
            };
            let whole = case.is_some() || !words.contains('(');
            ensure!(
                whole && !id.is_empty() && !id.contains(' '),
                "`{words}` is neither `CHECK`, nor `CHECK (CASE)`, nor `test SUITE FILTER`"
            );
            return Ok(Guard::Check {
                id: id.to_owned(),
                case: case.map(str::to_owned),
            });
        };
        match test.split(' ').collect::<Vec<_>>()[..] {
            [suite, filter] => Ok(Guard::Test {
                suite: suite.to_owned(),
                filter: filter.to_owned(),
            }),
            _ => bail!("`{words}` is not `test SUITE FILTER`"),
        }
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Guard::Check { id, case: None } => f.write_str(id),
            Guard::Check {
                id,
                case: Some(case),
            } => write!(f, "{id} ({case})"),
            Guard::Test { suite, filter } => write!(f, "{TEST}{suite} {filter}"),
        }
    }
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.class, self.name)
    }
}

impl Mutant {
    /// Whether it is meant by a name of its own, by that of its class, or by both with a slash between them.
    pub fn is_named(&self, words: &str) -> bool {
        words == self.class || words == self.name || words == self.to_string()
    }

    fn read(class: &str, path: &Path) -> Result<Mutant> {
        let text = fs::read_to_string(path)?;
        let name = path
            .file_stem()
            .and_then(|name| name.to_str())
            .context("its name is not plain text")?;
        Mutant::parse(class, name, path, &text)
    }

    fn parse(class: &str, name: &str, path: &Path, text: &str) -> Result<Mutant> {
        let mut said = [(BUG, None), (NOTICED_BY, None), (MACHINE, None)];
        for line in text.lines().take_while(|line| !line.starts_with(OLD_FILE)) {
            let Some((key, value)) = line.split_once(": ") else {
                ensure!(line.is_empty(), "the line `{line}` is no `KEY: VALUE`");
                continue;
            };
            if key == "SPDX-License-Identifier" {
                continue;
            }
            let known = said.iter_mut().find(|(known, _)| *known == key);
            let (_, place) = known.with_context(|| format!("nobody knows `{key}`"))?;
            ensure!(place.is_none(), "`{key}` is there twice");
            *place = Some(value.trim());
        }
        let [(_, bug), (_, noticed_by), (_, machine)] = said;
        let missing = |key: &str| format!("there is no `{key}: …`");
        let bug = bug.with_context(|| missing(BUG))?;
        ensure!(bug.ends_with('.'), "`{bug}` is no sentence");
        let machine = machine.unwrap_or("uml");
        let files: Vec<PathBuf> = text
            .lines()
            .filter_map(|line| line.strip_prefix(NEW_FILE))
            .map(PathBuf::from)
            .collect();
        ensure!(!files.is_empty(), "there is no patch in it");
        let mutant = Mutant {
            class: class.to_owned(),
            name: name.to_owned(),
            bug: bug.to_owned(),
            noticed_by: noticed_by.with_context(|| missing(NOTICED_BY))?.parse()?,
            machine: MachineKind::from_str(machine, false)
                .map_err(|_| anyhow!("there is no machine `{machine}`"))?,
            patch: path.to_owned(),
            files,
        };
        let of_module = mutant.files.iter().all(|file| file.starts_with("kernel"));
        ensure!(
            of_module || matches!(mutant.noticed_by, Guard::Test { .. }),
            "a check sees the module alone, and this changes other files: name a test"
        );
        Ok(mutant)
    }
}

/// All mutants in the directories of `dir`, in order.
pub fn read_all(dir: &Path) -> Result<Vec<Mutant>> {
    let mut mutants = Vec::new();
    for class in entries(dir)?.iter().filter(|path| path.is_dir()) {
        let name = class
            .file_name()
            .and_then(|name| name.to_str())
            .with_context(|| format!("{} has no plain name", class.display()))?;
        for patch in entries(class)? {
            let mutant = Mutant::read(name, &patch);
            mutants.push(mutant.with_context(|| format!("{} is no mutant", patch.display()))?);
        }
    }
    ensure!(
        !mutants.is_empty(),
        "there is no mutant in {}",
        dir.display()
    );
    Ok(mutants)
}

fn entries(dir: &Path) -> Result<Vec<PathBuf>> {
    let paths = fs::read_dir(dir).and_then(|entries| {
        entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<Vec<_>, _>>()
    });
    let mut paths = paths.with_context(|| format!("cannot read {}", dir.display()))?;
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(header: &str) -> Result<Mutant> {
        let text = format!("{header}\n--- a/kernel/fs/dir.c\n+++ b/kernel/fs/dir.c\n@@\n");
        Mutant::parse("names", "a", Path::new("a.patch"), &text)
    }

    #[test]
    fn a_header_says_what_is_planted_and_what_notices() {
        let mutant = parse("Bug: It is wrong.\nNoticed-by: kernel.log").unwrap();
        assert_eq!(mutant.to_string(), "names/a");
        let words = |mutant: &Mutant| mutant.noticed_by.to_string();
        assert_eq!(words(&mutant), "kernel.log");
        assert_eq!(mutant.machine, MachineKind::Uml);
        assert_eq!(mutant.files, [Path::new("kernel/fs/dir.c")]);
        for named in ["names", "a", "names/a"] {
            assert!(mutant.is_named(named));
        }
        assert!(!mutant.is_named("name"));

        let case = parse("Bug: It is wrong.\nNoticed-by: kernel.files (a case)").unwrap();
        assert_eq!(words(&case), "kernel.files (a case)");
        let test = parse("Bug: It is wrong.\nNoticed-by: test search serve").unwrap();
        assert_eq!(words(&test), "test search serve");
    }

    #[test]
    fn a_header_that_lacks_something_is_refused() {
        for (header, said) in [
            ("Noticed-by: kernel.log", "no `Bug: …`"),
            ("Bug: It is wrong.", "no `Noticed-by: …`"),
            ("Bug: wrong\nNoticed-by: kernel.log", "no sentence"),
            ("Bug: A.\nBug: B.\nNoticed-by: kernel.log", "twice"),
            ("Bug: A.\nNoticed-by: a b", "is neither `CHECK`"),
            ("Bug: A.\nNoticed-by: a (b", "is neither `CHECK`"),
            ("Bug: A.\nNoticed-by: test a", "not `test SUITE FILTER`"),
            (
                "Bug: A.\nNoticed-by: a\nMachine: pdp11",
                "no machine `pdp11`",
            ),
            ("Bug: A.\nNoticed-by: a\nCause: b", "nobody knows `Cause`"),
        ] {
            let error = format!("{:#}", parse(header).unwrap_err());
            assert!(error.contains(said), "{error}");
        }
        let text = "Bug: A.\nNoticed-by: kernel.log\n--- a/src/lib.rs\n+++ b/src/lib.rs\n";
        let error = Mutant::parse("fuse", "a", Path::new("a.patch"), text).unwrap_err();
        assert!(error.to_string().contains("name a test"), "{error}");
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The runs below a directory, and what is there besides.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::run::Run;
use crate::protocol::run_files::VERDICT;
use crate::verdict::told::is_a_run;

/// A directory that gives no run, and why.
#[derive(Debug, Serialize)]
pub struct Unread {
    pub directory: String,
    pub why: String,
}

/// What the directories below one are.
#[derive(Default)]
pub struct Found {
    /// In the order of time.
    pub runs: Vec<Run>,
    pub unread: Vec<Unread>,
}

impl Found {
    /// Looks below a directory, at any depth. A run has no runs within.
    pub fn below(root: &Path) -> io::Result<Found> {
        let mut found = Found::default();
        for directory in directories(root)? {
            found.look(root, &directory);
        }
        found.runs.sort_by(|a, b| a.order().cmp(&b.order()));
        found.unread.sort_by(|a, b| a.directory.cmp(&b.directory));
        Ok(found)
    }

    fn look(&mut self, root: &Path, path: &Path) {
        let name = path.strip_prefix(root).unwrap_or(path);
        let name = name.display().to_string();
        if path.is_symlink() {
            // What it points to is read at its own place, if that is below the root.
            if !leads_below(root, path) {
                self.unread(
                    name,
                    "it is a link out of the directory, and is not followed",
                );
            }
        } else if is_a_run(path) {
            match Run::read(path, name.clone()) {
                Ok(run) => self.runs.push(run),
                Err(error) => self.unread(name, &format!("{error:#}")),
            }
        } else {
            self.look_within(root, path, name);
        }
    }

    /// Looks into what is no run itself. Where there is nothing of a run at all, only the topmost directory is named.
    fn look_within(&mut self, root: &Path, path: &Path, name: String) {
        let within = match directories(path) {
            Ok(within) => within,
            Err(error) => return self.unread(name, &format!("it cannot be listed: {error}")),
        };
        let mut found = Found::default();
        for directory in within {
            found.look(root, &directory);
        }
        let no_run = format!("it is no run: there is no {VERDICT} in it or below it");
        let nothing = found.unread.iter().all(|unread| unread.why == no_run);
        if found.runs.is_empty() && nothing {
            return self.unread(name, &no_run);
        }
        self.runs.extend(found.runs);
        self.unread.extend(found.unread);
    }

    fn unread(&mut self, directory: String, why: &str) {
        self.unread.push(Unread {
            directory,
            why: why.to_owned(),
        });
    }
}

fn leads_below(root: &Path, link: &Path) -> bool {
    match (root.canonicalize(), link.canonicalize()) {
        (Ok(root), Ok(target)) => target.starts_with(root),
        _ => false,
    }
}

/// The directories in one, and the links to directories.
fn directories(path: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        if path.is_dir() {
            found.push(path);
        }
    }
    Ok(found)
}

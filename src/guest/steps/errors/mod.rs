// SPDX-License-Identifier: MIT OR Apache-2.0
//! The errors of `docs/abi.md`, provoked through each driver.
//!
//! Not provoked: `EIO` and `ENOMEM` (the lower filesystem is a tmpfs that has room), and `EINTR` (it reaches nobody, as
//! its signal is fatal).

mod files;
pub(super) mod request;
mod table;

use std::fs::{File, OpenOptions};
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::client::Place;
use crate::exercise::Tell;
use crate::guest::mounts::Store;
use crate::guest::steps::context::{Context, in_place};
use crate::protocol::Outcome;
use crate::protocol::results::{Case, Errors, PerPlace};
use files::GOOD;
use request::valid;
use table::asked;

pub(super) fn observe(context: &Context) -> Result<Errors> {
    let store = Store::new()?;
    let mut places = PerPlace::new();
    for (done, place) in (1..).zip([Place::Fuse, Place::Kernel]) {
        let cases = in_place(&store, place, |mounted| {
            cases(mounted.root(), &context.teller())
        });
        places.insert(place, Outcome::from(cases));
        context.progress(done, 2)?;
    }
    Ok(Errors { places })
}

/// Asks everything of files that are made in `root`, a directory of a mount.
pub fn cases(root: &Path, tell: Tell) -> Result<Vec<Case>> {
    files::write(root)?;
    let mut cases = Vec::new();
    let mut push = |name: &str, expected: &str, observed: String| {
        cases.push(Case {
            name: name.to_owned(),
            expected: expected.to_owned(),
            observed,
        });
    };
    let all = asked().len() as u64;
    for (done, asked) in (0..).zip(asked()) {
        tell(asked.name, done, all);
        let file = open(root, asked.file, OpenOptions::new().read(true))?;
        push(asked.name, asked.expected, asked.request.send(&file));
    }

    let mut write_only = OpenOptions::new();
    write_only.write(true);
    let file = open(root, GOOD, &write_only)?;
    push("open for writing only", "EBADF", valid().send(&file));
    let stub = valid().announcing(63).send(&file);
    push("access before size", "EBADF", stub);
    let file = open(root, "notes.txt", &write_only)?;
    push("name before access", "ENOTTY", valid().send(&file));

    let file = open(root, GOOD, OpenOptions::new().read(true))?;
    let nowhere = valid().send_from_nowhere(&file);
    push("a buffer that cannot be read", "EFAULT", nowhere);
    let read_only = valid().send_from_read_only_memory(&file)?;
    push("a buffer that cannot be written", "EFAULT", read_only);
    Ok(cases)
}

fn open(root: &Path, name: &str, options: &OpenOptions) -> Result<File> {
    let path = root.join(name);
    let file = options.open(&path);
    file.with_context(|| format!("cannot open {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exercise::hostile::memory::Place as Memory;
    use crate::exercise::hostile::model::Model;
    use crate::protocol::errno_name;

    /// The code that the FUSE driver answers with gives the expected errors even without a mount.
    #[test]
    fn expectations_are_what_the_shared_code_answers() {
        let dir = tempfile::tempdir().unwrap();
        files::write(dir.path()).unwrap();
        for asked in asked() {
            let plain = Model::of(&dir.path().join(asked.file), true).unwrap();
            let request = asked.request;
            let answer = plain.answer(request.command, &request.bytes, Memory::Good);
            let answer = answer.map_or_else(errno_name, |_| "ok".to_owned());
            assert_eq!(answer, asked.expected, "{}", asked.name);
        }
    }
}

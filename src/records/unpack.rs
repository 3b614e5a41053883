// SPDX-License-Identifier: MIT OR Apache-2.0
//! Takes a pack apart. It comes from somebody else, so nothing in it is believed: no name but those of a run, no size
//! beyond what is listed and allowed, nothing but plain files.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use flate2::bufread::GzDecoder;
use tar::{Archive, Entry, EntryType};
use tempfile::TempDir;

use super::files::{ALL, LARGEST_LIST, LIST, List, Listed, STATEMENT};
use super::statement;
use crate::protocol::run_files::RUN;
use crate::verdict::Verdict;
use crate::verdict::evidence::Evidence;

/// The bytes with which a gzip file begins.
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The most that tar may add to the files' bytes; it adds far less.
const OVERHEAD: u64 = 1 << 20;

/// A pack in a directory of its own, each file of which has the digests of the list.
pub struct Unpacked {
    pub dir: TempDir,
    pub id: String,
    statement: String,
}

pub(super) fn scratch() -> Result<TempDir> {
    tempfile::tempdir().context("no temporary directory can be made")
}

/// Whether a file begins as a pack does.
pub fn is_pack(path: &Path) -> Result<bool> {
    let mut begin = Vec::new();
    File::open(path)?.take(2).read_to_end(&mut begin)?;
    Ok(begin == MAGIC)
}

pub fn unpack(path: &Path) -> Result<Unpacked> {
    let file = BufReader::new(File::open(path).context("it cannot be opened")?);
    let mut archive = Archive::new(GzDecoder::new(file).take(ALL + OVERHEAD));
    let dir = scratch()?;
    let no_archive = || "it is not a whole gzipped tar archive";
    // Extensions of tar are entries like others here, and so are refused.
    let mut entries = archive.entries().with_context(no_archive)?.raw(true);

    let mut first = entries
        .next()
        .context("it is empty")?
        .with_context(no_archive)?;
    let name = plain_file(&first)?;
    ensure!(name == LIST, "it begins with `{name}`, not with {LIST}");
    ensure!(
        first.size() <= LARGEST_LIST,
        "{LIST} has {} bytes; at most {LARGEST_LIST} are taken",
        first.size()
    );
    let mut text = Vec::new();
    first.read_to_end(&mut text).with_context(no_archive)?;
    let list = List::parse(&text)?;

    let mut seen = BTreeSet::new();
    let mut statement = None;
    for entry in entries {
        let mut entry = entry.with_context(no_archive)?;
        let name = plain_file(&entry)?;
        let listed = list
            .files
            .get(&name)
            .with_context(|| format!("it has a file `{name}`, which {LIST} does not name"))?;
        ensure!(seen.insert(name.clone()), "it has the file {name} twice");
        let content = read(&mut entry, &name, listed)?;
        if name == STATEMENT {
            statement = Some(String::from_utf8(content).context("the statement is not UTF-8")?);
            continue;
        }
        let to = dir.path().join(&name);
        let parent = to.parent().context("a file has no directory")?;
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&to, content))
            .with_context(|| format!("cannot write {}", to.display()))?;
    }
    if let Some(missing) = list.files.keys().find(|name| !seen.contains(*name)) {
        bail!("it lacks the file {missing}, which {LIST} names");
    }
    nothing_follows(archive.into_inner().into_inner())?;
    Ok(Unpacked {
        dir,
        id: blake3::hash(&text).to_string(),
        statement: statement.with_context(|| format!("it has no {STATEMENT}"))?,
    })
}

impl Unpacked {
    /// Checks that the statement is the one that the record gives.
    pub fn verify_statement(&self, evidence: &Evidence, verdict: &Verdict) -> Result<()> {
        let run = fs::read_to_string(self.dir.path().join(RUN))
            .with_context(|| format!("cannot read {RUN}"))?;
        ensure!(
            statement::of(evidence, verdict, &run)? == self.statement,
            "{STATEMENT} does not state what the record shows"
        );
        Ok(())
    }
}

/// The name of an entry; an entry that is no plain file is refused.
fn plain_file(entry: &Entry<impl Read>) -> Result<String> {
    let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
    let kind = entry.header().entry_type();
    ensure!(
        kind == EntryType::Regular,
        "it has an entry `{name}` that is no plain file"
    );
    Ok(name)
}

/// Reads the content of a file; one that is not the listed one is refused.
fn read(entry: &mut Entry<impl Read>, name: &str, listed: &Listed) -> Result<Vec<u8>> {
    ensure!(
        entry.size() == listed.size,
        "{name} has {} bytes, {LIST} says {}",
        entry.size(),
        listed.size
    );
    let mut content = Vec::new();
    entry
        .read_to_end(&mut content)
        .with_context(|| format!("{name} ends early"))?;
    let found = Listed::of(&content);
    ensure!(
        found == *listed,
        "{name} is not the file that {LIST} describes (BLAKE3 {}, expected {})",
        found.digest.blake3,
        listed.digest.blake3
    );
    Ok(content)
}

/// Checks that the archive ends where the file ends.
fn nothing_follows(mut gzip: GzDecoder<impl BufRead>) -> Result<()> {
    let mut rest = Vec::new();
    gzip.by_ref()
        .take(OVERHEAD)
        .read_to_end(&mut rest)
        .context("the archive does not end as gzip does")?;
    ensure!(
        rest.iter().all(|&byte| byte == 0),
        "something follows the last file of the archive"
    );
    let mut file = gzip.into_inner();
    ensure!(
        file.fill_buf()?.is_empty(),
        "something follows the end of the archive"
    );
    Ok(())
}

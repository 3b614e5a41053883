// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packs a run into one file: the same run gives the same bytes.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use flate2::{Compression, GzBuilder};
use serde::Serialize;
use tar::{Builder, EntryType, Header};

use super::files::{self, BOOTS, LARGEST, LIST, List, Listed, STATEMENT, is_of_a_run};
use super::source::{Form, RunSource};
use super::statement;
use crate::protocol::run_files::RUN;
use crate::verdict::fate::Fate;

/// gzip's mark for an unknown system: the bytes do not tell where they were packed.
const ANY_SYSTEM: u8 = 255;

#[derive(Debug, Serialize)]
pub struct Packed {
    pub file: PathBuf,
    pub id: String,
}

/// Packs a verified run into `out`, or into a file named after its id.
pub fn pack(source: &RunSource, out: Option<&Path>) -> Result<Packed> {
    ensure!(
        !matches!(source.form, Form::Pack { .. }),
        "{} is a pack already",
        source.shown
    );
    if let fate @ Fate::NotStarted { .. } = &source.evidence.fate {
        bail!("{} is not complete: {fate}", source.shown);
    }
    let mut files = gather(source.dir()).with_context(|| source.shown.clone())?;
    let run = String::from_utf8_lossy(&files[RUN]).into_owned();
    let statement = statement::of(&source.evidence, &source.verdict, &run)?;
    files.insert(STATEMENT.to_owned(), statement.into_bytes());
    let list = List {
        format: files::FORMAT,
        toolkit: env!("CARGO_PKG_VERSION").into(),
        files: files
            .iter()
            .map(|(name, content)| (name.clone(), Listed::of(content)))
            .collect(),
    };
    let list = list.text()?.into_bytes();
    // What would be refused when it is unpacked is not packed.
    List::parse(&list).with_context(|| source.shown.clone())?;

    let id = blake3::hash(&list).to_string();
    let file = match out {
        Some(out) => out.to_owned(),
        None => PathBuf::from(format!("vexfs-{id:.16}.tar.gz")),
    };
    let cannot_write = || format!("cannot write {}", file.display());
    let dir = match file.parent() {
        Some(dir) if dir != Path::new("") => dir,
        _ => Path::new("."),
    };
    let mut unfinished = tempfile::NamedTempFile::new_in(dir).with_context(cannot_write)?;
    archive(&mut unfinished, &list, &files).with_context(cannot_write)?;
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    unfinished
        .as_file()
        .set_permissions(readable)
        .with_context(cannot_write)?;
    unfinished.persist(&file).with_context(cannot_write)?;
    Ok(Packed { file, id })
}

/// Reads all files of a run's directory. A file that no run leaves is refused, not left out silently.
fn gather(dir: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut all = BTreeMap::new();
    let mut add = |dir: &Path, prefix: &str| -> Result<()> {
        for entry in fs::read_dir(dir).with_context(|| format!("cannot list {}", dir.display()))? {
            let entry = entry?;
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            let kind = entry.file_type()?;
            if kind.is_dir() && BOOTS.contains(&name.as_str()) {
                continue;
            }
            ensure!(
                kind.is_file() && is_of_a_run(&name),
                "`{name}` is no file of a run: move it away"
            );
            let size = entry.metadata()?.len();
            ensure!(
                size <= LARGEST,
                "{name} has {size} bytes; at most {LARGEST} can be packed"
            );
            let content = fs::read(entry.path()).with_context(|| format!("cannot read {name}"))?;
            all.insert(name, content);
        }
        Ok(())
    };
    add(dir, "")?;
    for boot in BOOTS {
        if dir.join(boot).is_dir() {
            add(&dir.join(boot), &format!("{boot}/"))?;
        }
    }
    Ok(all)
}

/// Writes the archive, the list first, so that whoever unpacks it knows what comes.
fn archive(out: impl Write, list: &[u8], files: &BTreeMap<String, Vec<u8>>) -> Result<()> {
    let gzip = GzBuilder::new()
        .mtime(0)
        .operating_system(ANY_SYSTEM)
        .write(out, Compression::default());
    let mut archive = Builder::new(gzip);
    append(&mut archive, LIST, list)?;
    for (name, content) in files {
        append(&mut archive, name, content)?;
    }
    archive.into_inner()?.finish()?.flush()?;
    Ok(())
}

fn append(archive: &mut Builder<impl Write>, name: &str, content: &[u8]) -> Result<()> {
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::Regular);
    header.set_path(name)?;
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_cksum();
    archive.append(&header, content)?;
    Ok(())
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a driver must answer: the code of the FUSE driver, on the bytes that lie beneath.

use std::cell::OnceCell;
use std::ffi::OsString;
use std::fs::File;
use std::mem::offset_of;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use nix::errno::Errno;

use super::memory::Place;
use crate::anns::Metric;
use crate::anns::index::Kind;
use crate::dataset::ReadError;
use crate::protocol::errno_name;
use crate::store::abi::{Command, IOC_INFO, IndexInfo, Info, Search};
use crate::store::sent::{AllSent, Sent};
use crate::store::{
    Beside, Content, Sidecar, Sidecars, Snapshot, is_vector_file_name, serve, sidecar,
};

/// An answer: the bytes that are written back, or an error.
pub type Answer = Result<Vec<u8>, Errno>;

/// A file beneath that nobody changes, and how it is open.
pub struct Model {
    directory: File,
    name: OsString,
    file: File,
    readable: bool,
    /// Whether it can be searched.
    vectors: bool,
    snapshot: OnceCell<Result<Arc<Snapshot>, Errno>>,
    sidecars: Sidecars,
    sent: AllSent,
}

impl Model {
    pub fn of(path: &Path, readable: bool) -> Result<Model> {
        let open = |path: &Path| {
            File::open(path).with_context(|| format!("cannot open {}", path.display()))
        };
        let name = path.file_name().context("a file without a name")?;
        let file = open(path)?;
        Ok(Model {
            directory: open(path.parent().context("a file without a directory")?)?,
            vectors: is_vector_file_name(name) && file.metadata()?.is_file(),
            name: name.to_owned(),
            file,
            readable,
            snapshot: OnceCell::new(),
            sidecars: Sidecars::default(),
            sent: AllSent::default(),
        })
    }

    /// What must be answered to a request that lies at this place, after all that were answered before: an open file
    /// holds a query and a filter that were sent.
    pub fn answer(&self, word: u32, bytes: &[u8], place: Place) -> Answer {
        let file = self.vectors.then_some(self as &dyn serve::Open);
        let there = if place.can_be_read() { bytes } else { &[] };
        let answer = serve::ioctl(word, there, self.readable, file);
        match (place, Command::from_word(word)) {
            // Nothing is written.
            (Place::Good, _) | (_, Some(Command::Query(_) | Command::Filter(_))) => answer,
            // What is written comes last.
            _ => answer.and(Err(Errno::EFAULT)),
        }
    }

    /// The rows, once they could be read.
    pub fn rows(&self) -> Option<Arc<Snapshot>> {
        serve::Open::snapshot(self).ok()
    }

    fn beside<R>(&self, look: impl FnOnce(Beside) -> R) -> R {
        look(Beside {
            directory: self.directory.as_fd(),
            name: &self.name,
            content: &|_| Arc::<Content>::default(),
        })
    }
}

impl serve::Open for Model {
    fn snapshot(&self) -> Result<Arc<Snapshot>, Errno> {
        let load = || {
            let loaded = Snapshot::load(&self.file);
            loaded.map(Arc::new).map_err(|error| match error {
                ReadError::TooManyRows => Errno::EFBIG,
                ReadError::OutOfMemory(_) => Errno::ENOMEM,
                _ => Errno::EBADMSG,
            })
        };
        self.snapshot.get_or_init(load).clone()
    }

    fn sidecar(&self, kind: Kind, metric: Metric) -> Result<Arc<Sidecar>, Errno> {
        self.beside(|beside| self.sidecars.get(beside, kind, metric))
    }

    fn indexes(&self) -> Vec<IndexInfo> {
        self.beside(sidecar::list)
    }

    fn sent(&self) -> Sent<'_> {
        Sent {
            all: &self.sent,
            owner: 0,
        }
    }
}

/// How many bytes a command word announces.
pub fn announced(word: u32) -> usize {
    (word >> 16 & 0x3fff) as usize
}

/// What is wrong with an answer, if anything. `bytes` are those that lie there now.
pub fn fault(word: u32, expected: &Answer, got: Result<(), Errno>, bytes: &[u8]) -> Option<String> {
    match (expected, got) {
        (Ok(expected), Ok(())) => {
            let there = bytes.get(..expected.len());
            let same = there.is_some_and(|there| {
                without_generation(word, there) == without_generation(word, expected)
            });
            (!same).then(|| format!("another answer to {word:#010x}"))
        }
        (Err(expected), Err(got)) if *expected == got => None,
        _ => {
            let name = |errno: Option<Errno>| errno.map_or("ok".to_owned(), errno_name);
            let expected = name(expected.as_ref().err().copied());
            Some(format!(
                "{} instead of {expected} to {word:#010x}",
                name(got.err())
            ))
        }
    }
}

/// A generation means nothing outside of its mount.
fn without_generation(word: u32, answer: &[u8]) -> Vec<u8> {
    let at = match word {
        IOC_INFO => offset_of!(Info, generation),
        _ => offset_of!(Search, generation),
    };
    let mut answer = answer.to_vec();
    if let Some(generation) = answer.get_mut(at..at + 8) {
        generation.fill(0);
    }
    answer
}

/// Whether the answer to a search has the form of one, whatever the rows were.
pub fn is_well_formed(bytes: &[u8]) -> bool {
    use crate::anns::Hit;
    let Some(header) = bytes.get(..size_of::<Search>()) else {
        return false;
    };
    let answer: Search = bytemuck::pod_read_unaligned(header);
    let length = answer.count as usize * size_of::<Hit>();
    let hits = bytes[size_of::<Search>()..].get(..length);
    let Some(hits) = hits.filter(|_| answer.count <= answer.k) else {
        return false;
    };
    let (hits, _) = hits.as_chunks::<{ size_of::<Hit>() }>();
    let hits: Vec<Hit> = hits
        .iter()
        .map(|hit| bytemuck::pod_read_unaligned(hit))
        .collect();
    hits.iter().all(|hit| u64::from(hit.row) < answer.rows)
        && hits.is_sorted_by(|a, b| a.key() < b.key())
}

/// Whether a command word is one of the search ABI.
pub fn is_search(word: u32) -> bool {
    matches!(Command::from_word(word), Some(Command::Search(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exercise::hostile::ground::{Ground, PLAIN, SOUND};
    use crate::store::abi::ioc_search;

    #[test]
    fn bad_memory_is_noticed_where_the_document_says() {
        let dir = tempfile::tempdir().unwrap();
        let ground = Ground::new().unwrap();
        ground.write_all(dir.path()).unwrap();
        let model = |name| Model::of(&dir.path().join(name), true).unwrap();
        let info = vec![0; size_of::<Info>()];
        let ask = |name, word, place| model(name).answer(word, &info, place).err();
        let (none, short) = (Place::Nowhere(0), ioc_search(63));
        assert_eq!(ask(SOUND, IOC_INFO, Place::Good), None);
        assert_eq!(ask(SOUND, IOC_INFO, none), Some(Errno::EFAULT));
        assert_eq!(ask(SOUND, IOC_INFO, Place::ReadOnly), Some(Errno::EFAULT));
        assert_eq!(ask(SOUND, short, none), Some(Errno::EINVAL));
        assert_eq!(ask(PLAIN, IOC_INFO, none), Some(Errno::ENOTTY));
    }

    #[test]
    fn an_answer_out_of_order_is_none() {
        let answer = |rows: &[u32]| {
            let header = Search {
                k: 2,
                count: rows.len() as u32,
                rows: 9,
                ..Search::default()
            };
            let mut bytes = bytemuck::bytes_of(&header).to_vec();
            for row in rows {
                bytes.extend_from_slice(bytemuck::bytes_of(&[*row, 0]));
            }
            is_well_formed(&bytes)
        };
        assert!(answer(&[3, 8]) && answer(&[]));
        assert!(!answer(&[8, 3]) && !answer(&[9]) && !answer(&[1, 2, 3]));
    }
}

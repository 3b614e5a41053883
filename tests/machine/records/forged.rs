// SPDX-License-Identifier: MIT OR Apache-2.0
//! Records and packs as somebody would forge them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use tar::{Archive, Builder, EntryType, Header};
use tempfile::TempDir;
use vexfs::bench::{Answer, answers_hash};
use vexfs::client::Place;
use vexfs::protocol::results::{Indexes, PlaceRun, StepData, Workload};
use vexfs::protocol::run_files::MESSAGES;
use vexfs::protocol::{Message, Outcome, Step};
use vexfs::report;
use vexfs::verdict::evidence::Evidence;
use vexfs::verdict::judgement::Judgement;
use vexfs::verdict::record;

use crate::records::kept;

pub const LIST: &str = "pack.json";

/// A copy of the run in which the evidence was changed, and every file that follows from it was written anew.
pub fn run(change: impl FnOnce(&mut Evidence)) -> TempDir {
    let dir = kept::copy();
    let run = dir.path().join("run");
    let (mut evidence, _) = record::read(&run).unwrap();
    change(&mut evidence);
    let judgement = Judgement::of(&evidence).unwrap();
    for (name, text) in record::files(&evidence, &judgement).unwrap() {
        fs::write(run.join(name), text).unwrap();
    }
    let messages = fs::read_to_string(run.join(MESSAGES)).unwrap();
    let messages: String = messages
        .lines()
        .map(|line| sent(line, &evidence) + "\n")
        .collect();
    fs::write(run.join(MESSAGES), messages).unwrap();
    report::write(&evidence, &judgement.verdict, &run).unwrap();
    dir
}

/// A message of the guest, with what the evidence says of its step.
fn sent(line: &str, evidence: &Evidence) -> String {
    let mut message: Message = serde_json::from_str(line).unwrap();
    if let Message::StepFinished { step, outcome, .. } = &mut message {
        *outcome = evidence.guest.steps[step].outcome.clone();
    }
    serde_json::to_string(&message).unwrap()
}

fn data(evidence: &mut Evidence, step: Step) -> &mut StepData {
    let report = evidence.guest.steps.get_mut(&step).unwrap();
    match &mut report.outcome {
        Outcome::Ok { data } => data,
        Outcome::Failed(failure) => panic!("{failure}"),
    }
}

pub fn indexes(evidence: &mut Evidence) -> &mut Indexes {
    match data(evidence, Step::Indexes) {
        StepData::Indexes(indexes) => indexes,
        other => panic!("{other:?}"),
    }
}

/// What the module found and took.
pub fn kernel(evidence: &mut Evidence) -> &mut PlaceRun {
    let StepData::Workload(Workload { places, .. }) = data(evidence, Step::Workload) else {
        panic!("no workload");
    };
    match places.get_mut(&Place::Kernel) {
        Some(Outcome::Ok { data }) => data,
        other => panic!("{other:?}"),
    }
}

/// Lets the two nearest rows of the first query trade places.
pub fn another_answer(answers: &mut [Answer]) {
    let mut hits: Vec<_> = answers[0].hits().collect();
    let (first, second) = (hits[0].row, hits[1].row);
    (hits[0].row, hits[1].row) = (second, first);
    answers[0] = Answer::new(&hits);
}

/// Changes an answer, and all hashes that follow from it.
pub fn another_answer_with_its_hashes(run: &mut PlaceRun) {
    another_answer(&mut run.answers);
    let hash = answers_hash(&run.answers);
    run.result_hashes
        .iter_mut()
        .for_each(|run| hash.clone_into(run));
}

/// The files of a pack.
pub fn unpacked(pack: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut archive = Archive::new(GzDecoder::new(File::open(pack).unwrap()));
    let entries = archive.entries().unwrap();
    entries
        .map(|entry| {
            let mut entry = entry.unwrap();
            let name = entry.path().unwrap().display().to_string();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            (name, content)
        })
        .collect()
}

/// Packs these files, the list first.
pub fn packed(files: &BTreeMap<String, Vec<u8>>, pack: &Path) {
    let mut entries: Vec<(&str, EntryType, &[u8])> = vec![(LIST, EntryType::Regular, &files[LIST])];
    for (name, content) in files.iter().filter(|(name, _)| *name != LIST) {
        entries.push((name, EntryType::Regular, content));
    }
    archived(&entries, pack);
}

/// Packs any entries at all.
pub fn archived(entries: &[(&str, EntryType, &[u8])], pack: &Path) {
    let gzip = GzEncoder::new(File::create(pack).unwrap(), Compression::fast());
    let mut archive = Builder::new(gzip);
    for (name, kind, content) in entries {
        let mut header = Header::new_ustar();
        // As no library of good manners would write it.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive.append(&header, *content).unwrap();
    }
    let mut file = archive.into_inner().unwrap().finish().unwrap();
    file.flush().unwrap();
}

/// Puts a file in the place of another one, and its size and digests into the list.
pub fn replace(files: &mut BTreeMap<String, Vec<u8>>, name: &str, content: Vec<u8>) {
    let before = files.insert(name.to_owned(), content.clone()).unwrap();
    let described = |content: &[u8]| {
        let sha256 = hex::encode(Sha256::digest(content));
        format!(
            "\"{name}\": {{\n      \"size\": {},\n      \"blake3\": \"{}\",\n      \"sha256\": \"{sha256}\"",
            content.len(),
            blake3::hash(content)
        )
    };
    let list = String::from_utf8(files[LIST].clone()).unwrap();
    let (of, to) = (described(&before), described(&content));
    assert_eq!(list.matches(&of).count(), 1, "{list}\nlacks {of}");
    files.insert(LIST.to_owned(), list.replace(&of, &to).into_bytes());
}

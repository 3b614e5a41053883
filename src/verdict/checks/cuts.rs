// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks of power cuts: nothing that was stored is lost, and nothing that was torn is taken for sound.

use crate::criteria::Criterion;
use crate::criteria::check::Finding;
use crate::exercise::cut_files::{Replacing, replacing};
use crate::protocol::Outcome;
use crate::protocol::cuts::{Boot, Cuts, Search, Stored, Survivors};
use crate::verdict::evidence::Evidence;

use super::evaluation::{Evaluated, limit};

/// So many faults are told.
const TOLD: usize = 6;

/// Errors that tell of a vector file that is no whole number of rows, or has none.
const TORN_ROWS: [&str; 3] = ["EBADMSG", "ERANGE", "ENOENT"];

/// Errors that tell of an index that is not there, is torn, or covers rows that are not there; and those of the rows.
const NO_INDEX: [&str; 6] = [
    "ENODATA", "EUCLEAN", "ESTALE", "EBADMSG", "ERANGE", "ENOENT",
];

pub fn survived(evidence: &Evidence, criterion: &Criterion) -> Evaluated {
    let wanted = limit(criterion)?;
    let cuts = evidence.cuts.as_ref().map_err(Finding::could_not_run)?;
    let faults: Vec<_> = cuts.boots.iter().flat_map(faults_of_boot).collect();
    if !faults.is_empty() {
        let more = faults.len().saturating_sub(TOLD);
        let told = faults[..faults.len().min(TOLD)].join("; ");
        return Ok(Finding::fail(match more {
            0 => told,
            more => format!("{told}; {more} more"),
        }));
    }
    if let Some(ended) = &cuts.ended {
        return Ok(Finding::could_not_run(format!(
            "{} of {} cuts: {ended}",
            made(cuts),
            cuts.planned
        )));
    }
    let measured = summary(cuts);
    Ok(Finding::judge(f64::from(made(cuts)) >= wanted, measured))
}

fn made(cuts: &Cuts) -> u32 {
    let cut = cuts.boots.iter().filter(|boot| boot.cut_ms.is_some());
    u32::try_from(cut.count()).unwrap_or(u32::MAX)
}

fn summary(cuts: &Cuts) -> String {
    let found = || {
        cuts.boots.iter().filter_map(|boot| match &boot.found {
            Some(Outcome::Ok { data }) => Some(data),
            _ => None,
        })
    };
    let early = cuts
        .boots
        .iter()
        .filter(|boot| boot.cut_ms.is_some() && boot.stored_then == 0);
    let stored: u32 = cuts.boots.iter().map(|boot| boot.stored_then).sum();
    let indexes = || found().flat_map(|found| found.indexes.values());
    let there = indexes().filter(|index| index.bytes.is_some()).count();
    let refused = indexes()
        .filter(|index| index.bytes.is_some() && !index.search.answerable)
        .count();
    format!(
        "{} cuts, {} of them before anything was stored; {stored} times stored, nothing lost; {} torn ends of rows and \
         {refused} of {there} index files refused, all else answered right",
        made(cuts),
        early.count(),
        found().filter(|found| found.tail > 0).count(),
    )
}

fn faults_of_boot(boot: &Boot) -> Vec<String> {
    let mut faults = boot.log.clone();
    match &boot.found {
        None => {}
        Some(Outcome::Failed(failure)) => faults.push(failure.to_string()),
        Some(Outcome::Ok { data }) => faults.extend(faults_of(data, &boot.stored)),
    }
    let at = format!("disk {}, boot {}", boot.disk, boot.boot);
    faults
        .iter()
        .map(|fault| format!("{at}: {fault}"))
        .collect()
}

/// What is wrong with what was found after this had been stored.
fn faults_of(found: &Survivors, stored: &Stored) -> Vec<String> {
    let mut faults = Vec::new();
    if found.rows < stored.rows {
        faults.push(format!(
            "{} of {} stored rows are left",
            found.rows, stored.rows
        ));
    }
    if !found.same_beneath {
        faults.push("the module shows other bytes than are beneath".to_owned());
    }
    let whole = found.tail == 0 && found.rows > 0;
    if found.flat.answerable != whole {
        faults.push(format!(
            "{} bytes behind {} rows, and the file is taken for {}",
            found.tail,
            found.rows,
            if found.flat.answerable {
                "sound"
            } else {
                "torn"
            }
        ));
    }
    faults.extend(fault_of_search("an exact search", &found.flat, &TORN_ROWS));
    for (kind, index) in &found.indexes {
        let covers = stored.indexes.get(kind).copied();
        let name = format!("the {kind} index");
        if let Some(covers) = covers.filter(|_| replacing(*kind) == Replacing::Renamed)
            && index.covers.is_none_or(|found| found < covers)
        {
            faults.push(format!(
                "{name} over {covers} rows was stored, and {}",
                match (index.covers, index.bytes) {
                    (Some(covers), _) => format!("one over {covers} is there"),
                    (None, Some(bytes)) => format!("{bytes} bytes are there that are none"),
                    (None, None) => "there is none".to_owned(),
                }
            ));
        }
        if index.search.answerable && index.covers.is_none() {
            faults.push(format!("{name} is taken for sound, and no build gives it"));
        }
        faults.extend(fault_of_search(&name, &index.search, &NO_INDEX));
    }
    if let Some(search) = &found.cut_to_rows {
        faults.extend(fault_of_search(
            "cut to its rows, an exact search",
            search,
            &TORN_ROWS,
        ));
    }
    faults
}

/// Where there is an answer it must be given, and where there is none the error must be a documented one.
fn fault_of_search(what: &str, search: &Search, documented: &[&str]) -> Option<String> {
    let said = search.said.as_str();
    let fits = match search.answerable {
        true => said == "right",
        false => documented.contains(&said),
    };
    let instead = match search.answerable {
        true => "the right answer".to_owned(),
        false => format!("one of {}", documented.join(", ")),
    };
    (!fits).then(|| format!("{what} gave {said} instead of {instead}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anns::index::Kind;
    use crate::protocol::cuts::SurvivingIndex;

    fn search(answerable: bool, said: &str) -> Search {
        Search {
            answerable,
            said: said.to_owned(),
        }
    }

    fn sound() -> (Survivors, Stored) {
        let found = Survivors {
            bytes: 1320,
            rows: 10,
            tail: 0,
            same_beneath: true,
            flat: search(true, "right"),
            indexes: [(
                Kind::Hnsw,
                SurvivingIndex {
                    bytes: Some(4096),
                    covers: Some(8),
                    search: search(true, "right"),
                },
            )]
            .into(),
            cut_to_rows: None,
        };
        let stored = Stored {
            rows: 9,
            indexes: [(Kind::Hnsw, 8)].into(),
        };
        (found, stored)
    }

    #[test]
    fn what_was_stored_and_is_not_there_is_told() {
        let (found, stored) = sound();
        assert_eq!(faults_of(&found, &stored), [""; 0]);
        let fewer = Survivors {
            rows: 8,
            ..found.clone()
        };
        assert_eq!(faults_of(&fewer, &stored), ["8 of 9 stored rows are left"]);
        let more = Stored {
            indexes: [(Kind::Hnsw, 9)].into(),
            ..stored
        };
        assert_eq!(
            faults_of(&found, &more),
            ["the hnsw index over 9 rows was stored, and one over 8 is there"]
        );
    }

    #[test]
    fn what_is_torn_must_be_refused_with_a_documented_error() {
        let (whole, stored) = sound();
        let mut found = whole.clone();
        found.tail = 7;
        found.flat = search(false, "EBADMSG");
        found.cut_to_rows = Some(search(true, "right"));
        assert_eq!(faults_of(&found, &stored), [""; 0]);
        found.flat = search(false, "wrong");
        assert_eq!(faults_of(&found, &stored).len(), 1);

        let mut found = whole.clone();
        let index = found.indexes.get_mut(&Kind::Hnsw).unwrap();
        index.search = search(true, "wrong");
        assert_eq!(
            faults_of(&found, &stored),
            ["the hnsw index gave wrong instead of the right answer"]
        );
        let mut found = whole;
        let index = found.indexes.get_mut(&Kind::Hnsw).unwrap();
        index.covers = None;
        assert_eq!(faults_of(&found, &stored).len(), 2);
    }
}

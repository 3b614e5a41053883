// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a comparison brought to light, every raw sample included: `comparison.json` of a run's directory.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::plan::one;
use crate::anns::Metric;
use crate::bench::Measured;
use crate::client::module_clock::Reading;
use crate::client::{Kind, Place};
use crate::dataset::workload::Workload;

/// The name of our own engine.
pub const OURS: &str = "vexfs";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    pub host: Host,
    /// The seed of the generator (PCG64) that shuffles the order.
    pub seed: u64,
    /// Why nothing can be mounted on this host, if that is so: searches through FUSE do not apply here.
    pub no_mount: Option<String>,
    /// The engines, in the order of the criteria.
    pub engines: Vec<Engine>,
    pub workloads: Vec<Compared>,
}

/// The machine that everything was measured on; in a guest, as the guest sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Host {
    pub cpu_model: String,
    /// Processors that are online.
    pub cpus: usize,
    /// The processor that everything ran on.
    pub core: usize,
    pub kernel_release: String,
    /// The load averages over 1, 5 and 15 minutes, at the beginning.
    pub load_average: [f64; 3],
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Engine {
    pub name: String,
    /// The versions of the packages that the engine's figures depend on, as they were found.
    pub versions: BTreeMap<String, String>,
    /// The versions of these packages in `peers/requirements.txt`.
    pub pinned: BTreeMap<String, String>,
    /// The network interfaces that the engine's process saw: `lo` alone where it had a network of its own, which leads
    /// nowhere.
    pub interfaces: Vec<String>,
    /// What each index was built with, by kind, in the engine's own words.
    pub parameters: BTreeMap<Kind, serde_json::Value>,
    /// Why the engine was not measured at all.
    pub unavailable: Option<String>,
}

/// One workload, searched by every engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    pub workload: Workload,
    pub vectors_blake3: String,
    pub queries_blake3: String,
    /// The BLAKE3 of the exact top-k row ids.
    pub truth_blake3: String,
    pub k: u32,
    pub metric: Metric,
    /// How often every process was started and every index opened anew; runs of one launch lie together.
    #[serde(default = "one")]
    pub launches: u32,
    pub warmups: u32,
    pub runs: u32,
    pub builds: Vec<BuildRecord>,
    pub series: Vec<Series>,
    /// Indexes into `series`, in the order in which each pass went through them; a launch begins with warm-ups.
    pub order: Vec<Vec<u32>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BuildRecord {
    pub engine: String,
    pub kind: Kind,
    pub rows: usize,
    /// The time from the first row handed over until a search finds them, with the index built, on one thread.
    pub insert_ns: Measured<u64>,
}

/// One kind of one engine at one effort, in one place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    pub engine: String,
    pub kind: Kind,
    /// The place in which ours searches; none for a peer, which searches in its own process.
    #[serde(with = "place_or_own_process")]
    pub place: Option<Place>,
    /// The effort; 0 where the kind has none.
    pub effort: u32,
    /// The engine's name for the effort, such as `efSearch`; empty where there is none.
    pub effort_name: String,
    pub threads: u32,
    pub measured: Measured<Samples>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Samples {
    /// Nanoseconds of each search by CLOCK_MONOTONIC, by run and by query.
    pub samples_ns: Vec<Vec<u64>>,
    /// The row ids of the first run, by query, nearest first. An id that names no row, or names a row again, is left
    /// out.
    pub ids: Vec<Vec<u32>>,
    /// The mean over the queries of the first run.
    pub recall_by_row: f64,
    pub recall_by_distance: f64,
    /// The BLAKE3 of all answers, distances included; for our own kinds only.
    pub answers_blake3: Option<String>,
    /// Where a later run first answered otherwise. Through a mount also where an answer first differs from in process.
    pub divergence: Option<String>,
    /// What the module's own clock counted in each run; empty where it was off, and in other places.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inside: Vec<Reading>,
}

impl Comparison {
    pub fn engine(&self, name: &str) -> Option<&Engine> {
        self.engines.iter().find(|engine| engine.name == name)
    }
}

impl Measured<Samples> {
    /// The samples, or why there are none.
    pub fn samples(&self) -> Result<&Samples, String> {
        let reason = || {
            self.reason
                .clone()
                .unwrap_or_else(|| "no reason is given".into())
        };
        self.value.as_ref().ok_or_else(reason)
    }
}

impl Engine {
    /// The packages that were found in another version than the pinned one, in words.
    pub fn not_as_pinned(&self) -> Option<String> {
        let other: Vec<String> = self
            .pinned
            .iter()
            .filter_map(|(package, pinned)| match self.versions.get(package) {
                Some(found) if found == pinned => None,
                Some(found) => Some(format!("{package} is {found}, not {pinned}")),
                None => Some(format!("{package} has no version, but {pinned} is pinned")),
            })
            .collect();
        (!other.is_empty()).then(|| other.join(", "))
    }
}

impl Series {
    /// What was searched, such as `hnsw, efSearch 64`.
    pub fn setting(&self) -> String {
        match self.effort_name.as_str() {
            "" => self.kind.to_string(),
            name => format!("{}, {name} {}", self.kind, self.effort),
        }
    }
}

impl Compared {
    /// The series of an engine in a place.
    pub fn of(&self, engine: &str, place: Option<Place>) -> impl Iterator<Item = &Series> {
        self.series
            .iter()
            .filter(move |series| series.engine == engine && series.place == place)
    }
}

/// Writes the place of a series as the file has it: `own-process` for a peer's.
mod place_or_own_process {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Place;

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Written {
        Ours(Place),
        Peer(OwnProcess),
    }

    #[derive(Serialize, Deserialize)]
    enum OwnProcess {
        #[serde(rename = "own-process")]
        OwnProcess,
    }

    pub fn serialize<S: Serializer>(
        place: &Option<Place>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let written = match *place {
            Some(place) => Written::Ours(place),
            None => Written::Peer(OwnProcess::OwnProcess),
        };
        written.serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Place>, D::Error> {
        Ok(match Written::deserialize(deserializer)? {
            Written::Ours(place) => Some(place),
            Written::Peer(OwnProcess::OwnProcess) => None,
        })
    }
}

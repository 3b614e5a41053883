// SPDX-License-Identifier: MIT OR Apache-2.0
//! What each step observed. These are facts; the host judges them by its criteria.
//!
//! Maps are ordered and lists have a fixed order: two equal runs give equal bytes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use super::case::Case;
pub use super::cuts::Survivors;
pub use super::hostile::Hostile;
use super::outcome::{Failure, Outcome};
pub use crate::bench::Answer;
use crate::client::Kind;
use crate::client::Place;
use crate::client::module_clock::Reading;
use crate::peers::Comparison;
use crate::suites::pjdfstest;

/// What was observed in each place; a place that failed says why and hides no other.
pub type PerPlace<T> = BTreeMap<Place, Outcome<T>>;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum StepData {
    Identity(Identity),
    Module(Module),
    Cycles(Cycles),
    Files(Files),
    Errors(Errors),
    Stacking(Stacking),
    Hostile(Hostile),
    Concurrency(Concurrency),
    Workload(Workload),
    Indexes(Indexes),
    Calls(Calls),
    Suites(Suites),
    Peers(Peers),
    Survivors(Survivors),
    Writing(Writing),
    Failing(Failing),
    Watchers(Watchers),
    After(After),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// Whether the CPU says that a hypervisor runs it (CPUID leaf 1, ECX bit 31), or the kernel is User-Mode Linux.
    pub hypervisor: bool,
    /// The characters of CPUID leaf 0x40000000, such as `TCGTCGTCGTCG` or `KVMKVMKVM`; else `User Mode Linux`.
    pub hypervisor_vendor: Option<String>,
    pub dmi_vendor: Option<String>,
    pub dmi_product: Option<String>,
    pub kernel_release: String,
    pub kernel_version: String,
    pub command_line: String,
    pub cpus: u32,
    pub cpu_model: String,
    pub cpu_flags: Vec<String>,
    pub memory_kib: u64,
    pub clocksource: String,
    /// The loaded modules, in the order of loading, before vexfs was loaded.
    pub modules: Vec<String>,
    /// The content of `/proc/sys/kernel/tainted` before the module was ever loaded.
    pub taint: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Module {
    /// BLAKE3 of the module's file as the guest has it.
    pub file_blake3: String,
    /// The GNU build id in the file.
    pub file_build_id: String,
    /// The GNU build id in `/sys/module/vexfs/notes`.
    pub loaded_build_id: String,
    /// Whether the module stood in `/proc/modules` and its filesystem in `/proc/filesystems` while it was loaded.
    pub listed: bool,
    pub filesystem_registered: bool,
    /// Whether neither stood there after the unload.
    pub gone: bool,
    /// What the kernel logged from the load to the unload.
    pub kernel_log: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cycles {
    pub planned: u32,
    /// The cycles that came to their end.
    pub cycles: Vec<Cycle>,
    /// Why the cycle after those did not come to its end.
    pub failed: Option<Failure>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cycle {
    /// Whether the answer through the mount had the ids and distance bits of the one in process.
    pub answer_equal: bool,
    /// What unmounting with an open file gave: an errno, or `ok`.
    pub busy_unmount: String,
    /// What unloading while mounted gave: an errno, or `ok`.
    pub busy_unload: String,
    /// The memory in use after the unload.
    pub memory: Memory,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    pub free_kib: u64,
    pub slab_kib: u64,
    pub slab_unreclaimable_kib: u64,
    pub vmalloc_used_kib: u64,
    /// Objects in slab caches whose name contains `vexfs`, while mounted.
    pub vexfs_objects_mounted: u64,
    /// Objects in slab caches whose name contains `vexfs`, after the unload.
    pub vexfs_objects: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Files {
    pub places: PerPlace<Vec<Case>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Errors {
    /// The cases of [`Place::Fuse`] and [`Place::Kernel`], in the order of `docs/abi.md`.
    pub places: PerPlace<Vec<Case>>,
}

/// What only the module is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stacking {
    pub cases: Vec<Case>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Concurrency {
    pub places: PerPlace<ConcurrencyRun>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConcurrencyRun {
    pub threads: u32,
    pub changes: u32,
    pub answers: u64,
    /// Refusals that `docs/abi.md` allows while a file changes, by errno.
    pub refusals: BTreeMap<String, u64>,
    /// Answers that no state of the file gives, and refusals that nothing allows.
    pub wrong: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Workload {
    /// BLAKE3 of the rows, little-endian f32 without headers, as generated in the guest.
    pub vectors_blake3: String,
    pub queries_blake3: String,
    /// BLAKE3 of the exact ids by the scalar reference, u32 little-endian, row-major.
    pub truth_blake3: String,
    /// The exact ids, query by query.
    pub truth: Vec<Vec<u32>>,
    pub places: PerPlace<PlaceRun>,
    /// The build id of the module that was still loaded after the last run.
    pub module_after: Option<String>,
}

/// The workload in one place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlaceRun {
    /// Nanoseconds that writing the vector file through this place took, fsync included.
    pub write_ns: u64,
    /// BLAKE3 of the rows as read back through this place.
    pub vectors_blake3: String,
    /// BLAKE3 of the rows as read from the lower filesystem.
    pub lower_blake3: String,
    /// Nanoseconds of each timed search: `samples_ns[run][query]`.
    pub samples_ns: Vec<Vec<u64>>,
    /// The answers of the first timed run.
    pub answers: Vec<Answer>,
    /// The BLAKE3 of all answers of each timed run. All are equal unless a run diverged from the first.
    pub result_hashes: Vec<String>,
    /// The first divergence of a later run from the first one.
    pub unstable: Option<String>,
    /// Share of the exact ids that were found.
    pub recall: f64,
    /// What the module's own clock counted in each timed run; empty where it was off, and in other places.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inside: Vec<Reading>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Indexes {
    /// The planned cases, in their order.
    pub cases: Vec<MeasuredCase>,
    /// What a search sees when index or rows change, through [`Place::Fuse`] and [`Place::Kernel`].
    pub following: PerPlace<Vec<Case>>,
    /// Searches while the index is replaced and the rows grow, through [`Place::Fuse`] and [`Place::Kernel`].
    pub replacing: PerPlace<ConcurrencyRun>,
}

/// One workload under one metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeasuredCase {
    pub name: String,
    pub vectors_blake3: String,
    pub queries_blake3: String,
    /// BLAKE3 of the exact ids by the scalar reference, u32 little-endian, row-major.
    pub truth_blake3: String,
    pub kinds: Vec<IndexedKind>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IndexedKind {
    pub kind: Kind,
    pub outcome: Outcome<KindRuns>,
}

/// One kind of index, built once and searched in every place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KindRuns {
    /// The index as it was built; none for flat, which has no index.
    pub built: Option<Built>,
    pub places: PerPlace<IndexRun>,
}

/// An index as it was built in process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Built {
    /// Nanoseconds that the build took on one thread.
    pub build_ns: u64,
    pub bytes: u64,
    pub blake3: String,
}

/// The searches with one kind in one place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IndexRun {
    /// The index file; none for flat.
    pub file: Option<IndexFile>,
    /// Nanoseconds of each timed search: `samples_ns[run][query]`.
    pub samples_ns: Vec<Vec<u64>>,
    /// The answers of the first timed run.
    pub answers: Vec<Answer>,
    /// BLAKE3 of all answers of each timed run.
    pub result_hashes: Vec<String>,
    /// The first divergence of a later run from the first one.
    pub unstable: Option<String>,
    /// Share of the exact ids that were found.
    pub recall: f64,
    /// Share of hits that are no further away than the last exact one.
    pub recall_by_distance: f64,
    /// What the module's own clock counted in each timed run; empty where it was off, and in other places.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inside: Vec<Reading>,
}

/// An index file that was written through a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexFile {
    /// Nanoseconds that writing took, fsync included.
    pub write_ns: u64,
    /// BLAKE3 of the file as read from the lower filesystem.
    pub lower_blake3: String,
}

/// What calls cost that do nothing: nanoseconds of one, as the mean of many, by run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Calls {
    pub costs: BTreeMap<Call, Outcome<Vec<f64>>>,
}

/// A call that does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Call {
    /// Reading the clock that searches are timed by.
    Clock,
    /// A system call that does nothing: getppid(2).
    Null,
    /// An ioctl(2) of a vector file that its filesystem does not know, where no driver of ours serves it.
    Ioctl,
    /// That ioctl on a mount of the module.
    IoctlKernel,
    /// That ioctl on a mount of the FUSE driver, which answers it.
    IoctlFuse,
}

impl Call {
    /// The name in words, for people.
    pub fn words(self) -> &'static str {
        match self {
            Call::Clock => "reading the clock",
            Call::Null => "a null system call (getppid)",
            Call::Ioctl => "an unknown ioctl, no driver",
            Call::IoctlKernel => "an unknown ioctl, module",
            Call::IoctlFuse => "an unknown ioctl, FUSE driver",
        }
    }
}

/// The POSIX suites in every place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suites {
    pub runs: Vec<SuiteRun>,
}

/// The suites in one place, on one lower filesystem.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuiteRun {
    /// The lower filesystem: `tmpfs` or `ext4`.
    pub lower: String,
    pub place: Place,
    pub pjdfstest: Outcome<pjdfstest::Results>,
    /// Each file that fsx changed.
    pub fsx: Vec<FsxRun>,
}

/// Random changes to one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FsxRun {
    pub file: String,
    pub outcome: Outcome<FsxDone>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FsxDone {
    /// The changes that were made, if nothing was wrong.
    pub operations: u64,
    /// What fsx found wrong.
    pub wrong: Option<String>,
}

/// Other engines, and ours in every place beside them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Peers {
    pub comparison: Comparison,
}

/// What was stored before the time was over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Writing {
    pub stored: u32,
}

/// What the module did while what it asked of the kernel failed, one thing at a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failing {
    pub operations: Vec<Starved>,
    /// Reads that fail beneath, and a disk that is full.
    pub disk: Vec<Case>,
}

/// An operation, tried again and again. Each time one allocation more was granted to the module before one failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Starved {
    /// What was done, and on which lower filesystem.
    pub name: String,
    /// The attempts in which an allocation failed.
    pub failures: u32,
    /// The attempts that were refused for want of memory; the others did without.
    pub refused: u32,
    /// What was neither refused for want of memory nor done right, and what was not done right afterwards.
    pub wrong: Vec<String>,
    /// Whether in the last attempt no allocation was left that could have failed.
    pub exhausted: bool,
}

/// What watches the module in a debug kernel, at the end of all other steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watchers {
    /// The watchers that this kernel was built with, of those that we know.
    pub built_in: Vec<String>,
    /// Whether lockdep still looks: after its first report, or when it is out of room, it no longer does.
    pub lockdep_looks: bool,
    /// Memory that nothing points to, found by the last scan.
    pub lost: Vec<LostMemory>,
    /// How often memory was looked through.
    pub scans: u32,
}

/// A report of kmemleak.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostMemory {
    pub bytes: u64,
    /// The program that ran then: `swapper` while the kernel booted.
    pub program: String,
    /// Who allocated it, the innermost function first; nothing where the kernel could not tell.
    pub trace: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct After {
    /// Whether the module was loaded when this step began.
    pub still_loaded: bool,
    /// Whether it was neither in `/proc/modules` nor its filesystem in `/proc/filesystems` after the unload.
    pub gone: bool,
    pub taint: u64,
    /// Mounts and processes that the steps before this one left behind.
    pub mounts: Vec<String>,
    pub processes: Vec<String>,
    /// The kernel's ring buffer from boot on.
    pub kernel_log: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_survives_json_with_each_place_under_its_name() {
        let data = StepData::Errors(Errors {
            places: PerPlace::from([
                (
                    Place::Fuse,
                    Outcome::Ok {
                        data: vec![Case {
                            name: "k is 0".into(),
                            expected: "EINVAL".into(),
                            observed: "EINVAL".into(),
                        }],
                    },
                ),
                (
                    Place::Kernel,
                    Outcome::Failed(Failure {
                        reason: "the module is not loaded".into(),
                        errno: None,
                    }),
                ),
            ]),
        });
        let text = serde_json::to_string(&data).unwrap();
        assert!(text.contains(r#""fuse":{"outcome":"ok""#), "{text}");
        assert_eq!(serde_json::from_str::<StepData>(&text).unwrap(), data);
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a run is asked for.

use std::path::PathBuf;
use std::time::Duration;

use crate::bundle::peers_disk;
use crate::criteria::Criteria;
use crate::criteria::own_data::OwnData;
use crate::machine::accelerator::Requested;

/// Why something of a full run was left out.
pub const NOT_ASKED_FOR: &str = "no check of the criteria asks for it";

/// What a run is asked for.
pub struct RunRequest {
    pub criteria: Criteria,
    /// The user's own vectors, from which the criteria then are derived.
    pub own: Option<OwnData>,
    /// The bundle of the first machine.
    pub bundle: PathBuf,
    /// The bundle of the second machine, which is User-Mode Linux.
    pub uml_bundle: PathBuf,
    /// The bundle of the debug kernel.
    pub debug_bundle: PathBuf,
    pub accelerator: Requested,
    /// Boot once only, even where a second boot would show that the first can be repeated.
    pub once: bool,
    /// How long a guest may say nothing before it is taken for dead.
    pub patience: Duration,
    /// The `vexfs` tool, which serves FUSE on the host.
    pub tool: PathBuf,
    /// The Python that has the engines that we are compared with.
    pub peers: Option<PathBuf>,
    /// The disk from which the guest has these engines.
    pub peers_disk: peers_disk::DiskSource,
    /// The directory in which everything is written down.
    pub out: PathBuf,
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Compares with peers on this host, as root, in a user namespace, or without a mount where there can be none.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::unistd::geteuid;
use serde::{Deserialize, Serialize};

use crate::client::Place;
use crate::peers::{
    Comparison, NoMount, Peers, Places, Plan, Store, adapters, compare, on_one_core,
};
use crate::system::output;

use super::daemon::{self, Daemon};
use super::scratch::{self, Scratch};
use super::user_namespace;

/// The name of the command by which [`observe`] calls this program where it is not root.
pub const COMMAND: &str = "compare-on-host";

/// The room that rows and what engines store take at least.
const ROOM: u64 = 64 << 20;

#[derive(Debug, Serialize, Deserialize)]
pub struct PeersRequest {
    /// The `vexfs` tool, which is the driver.
    pub tool: PathBuf,
    pub plan: Plan,
    /// The Python that has the peers.
    pub python: Option<PathBuf>,
}

/// What a process in a namespace says; none if it may not mount there either.
type InNamespace = Option<Result<Comparison, String>>;

/// Carries out the plan. An error says what of ours failed.
pub fn observe(request: &PeersRequest, tell: &(dyn Fn(&str) + Sync)) -> Result<Comparison, String> {
    let here = |mount| carry_out(request, mount, tell).map_err(|error| format!("{error:#}"));
    if let Err(reason) = daemon::device() {
        return here(Err(reason));
    }
    if geteuid().is_root() {
        return here(Ok(()));
    }
    let process = match user_namespace::start(COMMAND) {
        Ok(process) => process,
        Err(reason) => return here(Err(reason)),
    };
    match user_namespace::ask::<InNamespace>(process, request) {
        Ok(Some(comparison)) => comparison,
        Ok(None) => here(Err(user_namespace::NO_RIGHT.to_owned())),
        Err(error) => Err(format!("{error:#}")),
    }
}

/// Does the work of the process in the namespace.
pub fn observe_in_namespace() -> Result<()> {
    let request: PeersRequest = serde_json::from_reader(io::stdin())?;
    let result: InNamespace = user_namespace::may_mount().then(|| {
        let tell = |line: &str| output::tell(&format!("{:11}{line}", ""));
        carry_out(&request, Ok(()), &tell).map_err(|error| format!("{error:#}"))
    });
    Ok(serde_json::to_writer(io::stdout(), &result)?)
}

/// Carries out the plan on this host. `mount` says why nothing can be mounted here, if that is so.
fn carry_out(
    request: &PeersRequest,
    mount: Result<(), String>,
    tell: &(dyn Fn(&str) + Sync),
) -> Result<Comparison> {
    on_one_core(|core| {
        let scratch = Scratch::new(ROOM)?;
        let directory = |name: &str| {
            let path = scratch.path().join(name);
            fs::create_dir_all(&path)
                .with_context(|| format!("cannot create {}", path.display()))?;
            anyhow::Ok(path)
        };
        let mount_point = scratch.path().join(scratch::MOUNT_POINT);
        let store = scratch.path().join(scratch::STORE);
        let daemon = mount.map_err(NoMount::NotHere).and_then(|()| {
            Daemon::mount(&request.tool, &store, &mount_point)
                .map_err(|error| NoMount::Failed(format!("{error:#}")))
        });
        let store = directory(scratch::STORE)?;
        let adapters = directory("adapters")?;
        adapters::write(&adapters)?;
        let peers = request.python.clone().map(|python| Peers {
            python,
            root: None,
            adapters,
            patience: Duration::from_secs(request.plan.patience),
        });
        let mount = daemon
            .as_ref()
            .map(|daemon| daemon.mount_point.as_path())
            .map_err(Clone::clone);
        let places = Places {
            store: Store {
                dir: &store,
                mounts: vec![(Place::Fuse, mount)],
                clock: None,
            },
            peers: peers.ok_or_else(|| "no Python that has it was given (--peers PYTHON)".into()),
            scratch: &directory("peers")?,
            core,
        };
        let comparison = compare(&request.plan, &places, tell);
        if let Ok(daemon) = daemon {
            // Had it died midway, the searches through it say so.
            let _ = daemon.end();
        }
        match scratch.out_of_room() {
            Some(reason) => bail!(reason),
            None => comparison,
        }
    })?
}

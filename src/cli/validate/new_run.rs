// SPDX-License-Identifier: MIT OR Apache-2.0
//! The options that `run` and `reproduce` share for a new run, and the directory that it gets.

use std::fs;
use std::num::NonZeroUsize;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, ensure};

use super::output::tell;
use crate::anns::Metric;
use crate::bundle::peers_disk::DiskSource;
use crate::bundle::{MANIFEST, derivation};
use crate::criteria::Criteria;
use crate::criteria::own_data::{Options, OwnData};
use crate::criteria::subject;
use crate::machine::accelerator::Requested;
use crate::report;
use crate::run::{RunRequest, run};
use crate::verdict::Verdict;
use crate::verdict::evidence::Evidence;

#[derive(Clone, Debug, clap::Args)]
pub struct NewRunArgs {
    /// The bundle to boot [default: the one of --qemu-bundle, or with --accel uml of --uml-bundle]
    ///
    /// Each bundle may be a derivation of Nix, which is built when the run needs it.
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
    /// The bundle that QEMU boots
    #[arg(
        long,
        value_name = "DIR",
        default_value = "out/bundle",
        overrides_with = "qemu_bundle"
    )]
    qemu_bundle: PathBuf,
    /// The bundle of the second machine, User-Mode Linux, which --accel auto adds where it works
    #[arg(
        long,
        value_name = "DIR",
        default_value = "out/uml-bundle",
        overrides_with = "uml_bundle"
    )]
    uml_bundle: PathBuf,
    /// The bundle of the debug kernel, which runs where User-Mode Linux works
    #[arg(
        long,
        value_name = "DIR",
        default_value = "out/debug-bundle",
        overrides_with = "debug_bundle"
    )]
    debug_bundle: PathBuf,
    /// Directory for runs; `latest` in it points to the newest
    #[arg(long, value_name = "DIR", default_value = "out")]
    out: PathBuf,
    /// Seconds without a word after which a guest that could have run is taken for hung [default: 180, more for large
    /// vectors]
    #[arg(long, value_name = "SECONDS")]
    patience: Option<u64>,
    /// The Python that has the engines of peers/requirements.txt, to be measured beside ours on the host and, with KVM,
    /// in the guest
    #[arg(long, value_name = "PYTHON", overrides_with = "peers")]
    peers: Option<PathBuf>,
    /// A disk for the guest, ext4 with that Python under the same path [default: one is made, and kept in peers-disk/
    /// of --out]
    #[arg(long, value_name = "FILE", requires = "peers")]
    peers_disk: Option<PathBuf>,
    #[command(flatten)]
    own: OwnArgs,
}

#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Vectors of your own, in the place of the seeded workload")]
struct OwnArgs {
    /// Vectors to search, in any format of docs/own-data.md, such as .npy or .hdf5 in the layout of ann-benchmarks
    #[arg(long, value_name = "FILE")]
    dataset: Option<PathBuf>,
    /// Queries, in any of these formats [default: `test` of an .hdf5, else the last rows, which then are not searched]
    #[arg(long, value_name = "FILE", requires = "dataset")]
    queries: Option<PathBuf>,
    /// Take the first N rows only [default: all]
    #[arg(long, value_name = "N", requires = "dataset")]
    rows: Option<NonZeroUsize>,
    /// Take the first N queries only; of a file's own last rows N, or a tenth of all if that is less
    #[arg(long, value_name = "N", requires = "dataset", default_value = "100")]
    query_rows: NonZeroUsize,
    /// What nearness means [default: what an .hdf5 says, else l2]
    #[arg(long, value_enum, requires = "dataset")]
    metric: Option<Metric>,
}

/// How long the guest may say nothing before it is taken for hung.
const PATIENCE_SECONDS: u64 = 180;

/// The least number of products of two floats that an emulated guest computes in a second.
const PRODUCTS_A_SECOND: u64 = 10_000_000;

impl NewRunArgs {
    /// The user's own vectors, if any are given, checked to leave the guest room for `boots` boots at a time.
    pub fn own_data(&self, k: u32, boots: u64) -> Result<Option<OwnData>> {
        let OwnArgs {
            dataset,
            queries,
            rows,
            query_rows,
            metric,
        } = self.own.clone();
        let Some(file) = dataset else {
            return Ok(None);
        };
        let own = OwnData::read(&Options {
            file,
            queries,
            rows: rows.map(NonZeroUsize::get),
            query_rows: query_rows.get(),
            metric,
            k,
            boots,
        })?;
        Ok(Some(own))
    }

    /// These options for a part of a deep run, which has a directory of its own.
    pub fn of_part(&self, name: &str) -> NewRunArgs {
        NewRunArgs {
            out: self.deep_directory().join(name),
            ..self.clone()
        }
    }

    /// The directory of the parts of a deep run.
    pub fn deep_directory(&self) -> PathBuf {
        self.out.join("deep")
    }

    /// These options with the bundles of a deep run built, where they are derivations of Nix.
    pub fn with_uml_bundles(&self) -> Result<NewRunArgs> {
        let [uml, debug] = self.uml_bundles();
        Ok(NewRunArgs {
            bundle: Some(derivation::realised(uml, &tell)?),
            debug_bundle: derivation::realised(debug, &tell)?,
            ..self.clone()
        })
    }

    /// The bundles of a deep run: User-Mode Linux, and its debug kernel.
    pub fn uml_bundles(&self) -> [&Path; 2] {
        let uml = self.bundle.as_ref().unwrap_or(&self.uml_bundle);
        [uml, &self.debug_bundle]
    }

    /// Carries out a run in a new directory below `--out`, writes its report there, and returns that directory.
    /// `latest` then points to it.
    pub fn carry_out(
        self,
        criteria: Criteria,
        own: Option<OwnData>,
        accelerator: Requested,
        once: bool,
    ) -> Result<(PathBuf, Verdict, Evidence)> {
        let bundle = match (&self.bundle, accelerator) {
            (Some(bundle), _) => bundle,
            (None, Requested::Uml) => &self.uml_bundle,
            (None, _) => &self.qemu_bundle,
        };
        // Before anything is measured: that would be in vain.
        ensure!(
            subject::steps(&criteria).is_none()
                || derivation::of(bundle).is_some()
                || bundle.join(MANIFEST).exists(),
            "there is no bundle in {} to boot: `vexfs-validate bundle` makes one in a checkout of VexFS (`make validate` does all), and --bundle names another directory",
            bundle.display()
        );
        let name = format!("{}-{}", timestamp()?, std::process::id());
        let dir = self.out.join("runs").join(&name);
        let begun = Instant::now();
        let progress =
            |line: &str| tell(&format!("{:7.1} s  {line}", begun.elapsed().as_secs_f64()));
        if let Some(own) = &own {
            progress(&own.origin.record.sentence());
        }
        let tool = tool()?;
        fs::create_dir_all(&dir).with_context(|| {
            format!(
                "cannot create {}, where this run is written down: --out names another directory",
                dir.display()
            )
        })?;
        // What Nix has not built yet may take long, so nobody waits for what no check looks at.
        let needed = |path: &Path, asked: bool| match asked {
            true => derivation::realised(path, &progress),
            false => Ok(path.to_owned()),
        };
        let second = (accelerator == Requested::Auto && subject::look_at_uml(&criteria))
            || subject::look_at_cuts(&criteria);
        let debug = subject::debug_steps(&criteria).is_some();
        let compares = subject::look_at_peers(&criteria);
        let there = |python: &&PathBuf| compares || derivation::of(python).is_none();
        let peers = self.peers.as_ref().filter(there);
        let built = || -> Result<_> {
            Ok((
                needed(bundle, subject::look_at_bundle(&criteria))?,
                needed(&self.uml_bundle, second)?,
                needed(&self.debug_bundle, debug)?,
                peers
                    .map(|python| interpreter(&needed(python, compares)?))
                    .transpose()?,
            ))
        };
        let (bundle, uml_bundle, debug_bundle, peers) = built().inspect_err(|_| {
            let _ = fs::remove_dir(&dir);
        })?;
        let request = RunRequest {
            patience: self.patience(own.as_ref()),
            criteria,
            own,
            bundle,
            uml_bundle,
            debug_bundle,
            accelerator,
            once,
            tool,
            peers_disk: match self.peers_disk {
                Some(disk) => DiskSource::Given(disk),
                None => DiskSource::Kept(self.out.join("peers-disk")),
            },
            peers,
            out: dir.clone(),
        };
        let (verdict, evidence) = run(request, &progress)?;
        report::write(&evidence, &verdict, &dir)?;
        point_latest_to(&self.out, &name)?;
        Ok((dir, verdict, evidence))
    }

    /// How long the guest may say nothing: as asked for, or long enough for the vectors. Its longest silence is a pass
    /// over all rows for all queries.
    fn patience(&self, own: Option<&OwnData>) -> Duration {
        let products = own.map_or(0, |own| {
            let given = &own.given;
            given.rows as u64 * given.dim as u64 * given.queries as u64
        });
        let enough = PATIENCE_SECONDS + products / PRODUCTS_A_SECOND;
        Duration::from_secs(self.patience.unwrap_or(enough))
    }
}

/// The path of the `vexfs` program, which is installed beside this one.
fn tool() -> Result<PathBuf> {
    let program = std::env::current_exe().context("this program cannot be found")?;
    Ok(program.with_file_name("vexfs"))
}

/// The absolute path of a Python, for peers work in another directory. Links are not resolved, since a virtual
/// environment is known by its link.
pub fn interpreter(path: &Path) -> Result<PathBuf> {
    ensure!(
        path.exists(),
        "there is no {}: --peers takes the path of a Python that has peers/requirements.txt installed",
        path.display()
    );
    std::path::absolute(path).with_context(|| format!("cannot find {}", path.display()))
}

/// Seconds since 1970. Names of runs that begin with them sort by time, and need no calendar.
fn timestamp() -> Result<u64> {
    Ok(SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .context("the clock stands before 1970")?
        .as_secs())
}

/// Replaces the link in one step, so that `latest` is always there and always whole.
fn point_latest_to(out: &Path, name: &str) -> Result<()> {
    let (link, new) = (out.join("latest"), out.join(format!(".latest-{name}")));
    symlink(Path::new("runs").join(name), &new)
        .and_then(|()| fs::rename(&new, &link))
        .with_context(|| format!("cannot make {} the newest run", link.display()))
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The interleaved run: every series is visited once in each pass, in an order that is shuffled anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rand_pcg::Pcg64;

use super::adapters::Adapter;
use super::order::shuffled;
use super::ours::{Ours, Store};
use super::peer::{Hello, Peer, Peers};
use super::plan::{Plan, WorkloadPlan};
use super::series::{Pass, Visited};
use super::truth::{METRIC, Truth};
use super::{BuildRecord, Compared, Comparison, Engine, Host, OURS};
use crate::bench::Measured;
use crate::client::{Kind, Place};
use crate::dataset::workload::Vectors;
use crate::dataset::{fvecs, hash};

/// The machine's places in which everything happens.
pub struct Places<'a> {
    pub store: Store<'a>,
    /// What asks the peers, or why nobody can.
    pub peers: Result<Peers, String>,
    /// An empty directory for what peers store.
    pub scratch: &'a Path,
    /// The core that this thread runs on.
    pub core: usize,
}

/// Measures all that the plan names. `tell` is told, line by line, what is going on.
///
/// What one contestant does, its death included, leaves the others alone. An error is one of ours.
pub fn compare(plan: &Plan, places: &Places, tell: &dyn Fn(&str)) -> Result<Comparison> {
    let mut engines = engines(plan)?;
    let host = Host::describe(places.core)?;
    let mut workloads = Vec::new();
    for (number, asked) in plan.workloads.iter().enumerate() {
        let contest = Contest {
            plan,
            asked,
            places,
            number,
        };
        workloads.push(contest.run(&mut engines, tell)?);
    }
    Ok(Comparison {
        host,
        seed: plan.seed,
        no_mount: places.store.no_mount().map(str::to_owned),
        engines,
        workloads,
    })
}

/// All engines of the plan, each once, before anything is known of the peers.
fn engines(plan: &Plan) -> Result<Vec<Engine>> {
    let mut engines: Vec<Engine> = Vec::new();
    for contestant in plan
        .workloads
        .iter()
        .flat_map(|workload| &workload.contestants)
    {
        let name = &contestant.engine;
        if engines.iter().any(|engine| engine.name == *name) {
            continue;
        }
        let version = BTreeMap::from([(OURS.to_owned(), env!("CARGO_PKG_VERSION").to_owned())]);
        let (versions, pinned, unavailable) = match name.as_str() {
            OURS => (version.clone(), version, None),
            // Until it has answered.
            name => (
                BTreeMap::new(),
                adapter(name)?.pinned(),
                Some(String::new()),
            ),
        };
        engines.push(Engine {
            name: name.clone(),
            versions,
            pinned,
            interfaces: Vec::new(),
            parameters: BTreeMap::new(),
            unavailable,
        });
    }
    Ok(engines)
}

fn adapter(engine: &str) -> Result<&'static Adapter> {
    Adapter::of(engine)
        .with_context(|| format!("{engine} is to be compared, but there is no such engine"))
}

/// All contestants on one workload.
struct Contest<'a> {
    plan: &'a Plan,
    asked: &'a WorkloadPlan,
    places: &'a Places<'a>,
    number: usize,
}

/// The contestants that are built and can be asked.
#[derive(Default)]
struct Entrants {
    ours: BTreeMap<Kind, Ours>,
    peers: BTreeMap<String, Result<Peer, String>>,
    /// What each peer has built, so that its next process can open it.
    saved: BTreeMap<String, Vec<Kind>>,
}

/// What is known of an index when it has been built.
struct Built {
    insert_ns: u64,
    effort_name: String,
    parameters: serde_json::Value,
}

impl Contest<'_> {
    fn run(&self, engines: &mut [Engine], tell: &dyn Fn(&str)) -> Result<Compared> {
        let workload = self.asked.workload;
        let data = workload.generate()?;
        let truth = Truth::of(&data.vectors, &data.queries, self.plan.k);
        let files = self.write(&data)?;

        let mut entrants = Entrants::default();
        let (mut builds, mut visited) = (Vec::new(), Vec::new());
        for contestant in &self.asked.contestants {
            let (engine, kind) = (&contestant.engine, contestant.kind);
            tell(&format!(
                "comparison: {}: building {engine} {kind}",
                workload.name
            ));
            let known = engines.iter_mut().find(|known| known.name == *engine);
            let known = known.context("every engine is listed")?;
            let built = self
                .build(kind, known, &data, &files, &mut entrants)
                .map_err(|error| format!("{error:#}"));
            if let Ok(built) = &built {
                known.parameters.insert(kind, built.parameters.clone());
            }
            let effort_name = built.as_ref().map(|built| built.effort_name.clone());
            let effort_name = effort_name.map_err(Clone::clone);
            for place in self.searched_in(engine) {
                for &effort in &contestant.efforts {
                    visited.push(Visited::new(engine, kind, place, effort, &effort_name));
                }
            }
            builds.push(BuildRecord {
                engine: engine.clone(),
                kind,
                rows: data.vectors.rows(),
                insert_ns: Measured::from(built.map(|built| built.insert_ns)),
            });
        }

        let launch = self.plan.launch()?;
        let mut random = Pcg64::new(self.plan.seed.into(), self.number as u128);
        let of = self.plan.launches as usize * launch.passes();
        let order = shuffled(visited.len(), of, &mut random);
        for (pass, order) in order.iter().enumerate() {
            let (number, in_launch) = (pass / launch.passes(), pass % launch.passes());
            if in_launch == 0 && number > 0 {
                self.launch(&mut entrants, &files, number)?;
            }
            tell(&format!(
                "comparison: {}: pass {} of {of}",
                workload.name,
                pass + 1
            ));
            for &series in order {
                let series = &mut visited[series as usize];
                if series.failed.is_none() {
                    let found = self.pass(series, &data, &truth, &mut entrants);
                    series.take(found, in_launch >= launch.warmups);
                }
            }
        }
        hold_mounts_against_in_process(&mut visited);
        Ok(Compared {
            workload,
            vectors_blake3: hash::rows(&data.vectors).to_string(),
            queries_blake3: hash::rows(&data.queries).to_string(),
            truth_blake3: truth.blake3(),
            k: self.plan.k,
            metric: METRIC,
            launches: self.plan.launches,
            warmups: self.plan.warmups,
            runs: self.plan.runs,
            builds,
            series: visited
                .into_iter()
                .map(|series| series.finish(&truth))
                .collect(),
            order,
        })
    }

    /// The places in which an engine searches.
    fn searched_in(&self, engine: &str) -> Vec<Option<Place>> {
        match engine {
            OURS => self.places.store.places().map(Some).collect(),
            _ => vec![None],
        }
    }

    /// The files that the peers read.
    fn write(&self, data: &Vectors) -> Result<Files> {
        let dir = self.places.scratch.join(self.name());
        fs::create_dir(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let files = Files {
            vectors: dir.join("vectors.fvecs"),
            queries: dir.join("queries.fvecs"),
            dir,
        };
        fvecs::write(&files.vectors, &data.vectors)?;
        fvecs::write(&files.queries, &data.queries)?;
        Ok(files)
    }

    /// The name of this workload's directories.
    fn name(&self) -> String {
        format!("workload-{}", self.number)
    }

    fn build(
        &self,
        kind: Kind,
        engine: &mut Engine,
        data: &Vectors,
        files: &Files,
        entrants: &mut Entrants,
    ) -> Result<Built> {
        let k = self.plan.k;
        if engine.name == OURS {
            let Vectors { vectors, queries } = data;
            let ours = Ours::build(&self.places.store, &self.name(), kind, vectors, queries, k)?;
            let built = Built {
                insert_ns: ours.insert_ns,
                effort_name: ours.effort_name().to_owned(),
                parameters: ours.parameters.clone(),
            };
            entrants.ours.insert(kind, ours);
            return Ok(built);
        }
        if !entrants.peers.contains_key(&engine.name) {
            let started = self
                .start(engine, files)
                .map_err(|error| format!("{error:#}"));
            if let Err(reason) = &started
                && engine.unavailable.is_some()
            {
                engine.unavailable = Some(reason.clone());
            }
            entrants.peers.insert(engine.name.clone(), started);
        }
        let peer = entrants.peer(&engine.name)?;
        let built = peer.build(kind, &files.vectors, &files.queries, k)?;
        anyhow::ensure!(
            built.rows == data.vectors.rows(),
            "{} took {} of {} rows",
            engine.name,
            built.rows,
            data.vectors.rows()
        );
        if self.plan.launches > 1 {
            peer.save(kind)?;
        }
        entrants
            .saved
            .entry(engine.name.clone())
            .or_default()
            .push(kind);
        Ok(Built {
            insert_ns: built.insert_ns,
            effort_name: built.effort_name,
            parameters: built.parameters,
        })
    }

    /// Ends every process of a peer, starts another one, and opens everything anew.
    fn launch(&self, entrants: &mut Entrants, files: &Files, number: usize) -> Result<()> {
        for ours in entrants.ours.values_mut() {
            ours.launch(&self.places.store, number)?;
        }
        for (engine, kinds) in &entrants.saved {
            // One that has died is not raised again: that would hide it.
            let Some(entered) = entrants.peers.get_mut(engine) else {
                continue;
            };
            let Ok(None) = entered.as_ref().map(Peer::lost) else {
                continue;
            };
            // Two of one engine may not have the same files open.
            *entered = Err("it was ended".to_owned());
            *entered = self
                .open(engine, kinds, files)
                .map_err(|error| format!("{error:#}"));
        }
        Ok(())
    }

    fn open(&self, engine: &str, kinds: &[Kind], files: &Files) -> Result<Peer> {
        let (mut peer, _) = self.process(engine, files)?;
        for &kind in kinds {
            peer.open(kind, &files.vectors, &files.queries, self.plan.k)?;
        }
        Ok(peer)
    }

    fn process(&self, engine: &str, files: &Files) -> Result<(Peer, Hello)> {
        let peers = self.places.peers.as_ref();
        let peers = peers.map_err(|reason| anyhow::anyhow!("{reason}"))?;
        Peer::start(peers, adapter(engine)?, &files.dir.join(engine))
    }

    fn start(&self, engine: &mut Engine, files: &Files) -> Result<Peer> {
        let (peer, hello) = self.process(&engine.name, files)?;
        engine.versions = hello.versions;
        engine.interfaces = hello.interfaces;
        engine.unavailable = None;
        Ok(peer)
    }

    fn pass(
        &self,
        series: &Visited,
        data: &Vectors,
        truth: &Truth,
        entrants: &mut Entrants,
    ) -> Result<Pass> {
        let (kind, effort) = (series.kind, series.effort);
        let pass = match series.place {
            None => {
                let said = entrants.peer(&series.engine)?.pass(kind, effort)?;
                Pass {
                    samples_ns: said.samples_ns,
                    ids: said.ids.iter().map(|ids| truth.rows_of(ids)).collect(),
                    answers: None,
                    inside: None,
                }
            }
            Some(place) => {
                let ours = entrants.ours.get(&kind).context("it was not built")?;
                ours.pass(place, &data.queries, self.plan.k, effort)?
            }
        };
        pass.whole(data.queries.rows())
    }
}

struct Files {
    dir: PathBuf,
    vectors: PathBuf,
    queries: PathBuf,
}

impl Entrants {
    fn peer(&mut self, engine: &str) -> Result<&mut Peer> {
        let peer = self.peers.get_mut(engine).context("it was not started")?;
        peer.as_mut().map_err(|reason| anyhow::anyhow!("{reason}"))
    }
}

fn hold_mounts_against_in_process(visited: &mut [Visited]) {
    let divergences: Vec<Option<String>> = visited
        .iter()
        .map(|series| {
            let twin = visited.iter().find(|twin| {
                (twin.place, twin.kind, twin.effort)
                    == (Some(Place::InProcess), series.kind, series.effort)
            })?;
            let mounted = matches!(series.place, Some(Place::Fuse | Place::Kernel));
            mounted.then(|| series.hold_against(twin))?
        })
        .collect();
    for (series, divergence) in visited.iter_mut().zip(divergences) {
        series.diverges(divergence);
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Checks of what was measured beside the peers in a guest, with the module as one of the places.
//!
//! Under KVM a call costs what it costs on hardware, and whole calls are judged. In User-Mode Linux it does not
//! (`docs/method.md`): there nothing counts as decided that does not hold whichever way one looks.

use crate::client::{Kind, Place};
use crate::figures::{Estimate, Figure, Located, Parts, Quantity, Rule, Window};
use crate::peers::{Compared, OURS, Series};
use crate::protocol::Accelerator;
use crate::protocol::results::Call;

use super::evaluation::{Evaluated, limit};
use super::held::{Held, Judged};
use super::{measure, peers};
use crate::criteria::Criterion;
use crate::criteria::check::Finding;
use crate::verdict::calls::cost;
use crate::verdict::evidence::{Evidence, MachineRun};

/// Demands that every engine in the guest gave what was planned, ours in every place.
pub fn measured(evidence: &Evidence, _: &Criterion) -> Evaluated {
    let comparison = evidence.comparison_in_guest()?;
    let engines = comparison.engines.iter();
    Ok(peers::measured_of(&comparison, engines))
}

/// Judges what a kind costs through the module beside the same search through FUSE.
pub fn against_fuse(evidence: &Evidence, criterion: &Criterion) -> Evaluated {
    let guest = timed(evidence)?;
    let (floor, limit) = (peers::floor(evidence)?, limit(criterion)?);
    if !evidence.with_peers().runs_as(Accelerator::Uml) {
        return peers::places(&guest, Place::Fuse, Place::Kernel, floor, limit);
    }
    let both = Both::of(evidence, guest)?;
    peers::mounted(&both.host)?;
    let mut all = Judged::default();
    for (on_host, in_guest) in both.workloads()? {
        for kind in Kind::ALL {
            let name = on_host.workload.name;
            let of_kind = |series: &&Series| series.kind == kind;
            let through = on_host.of(OURS, Some(Place::Fuse));
            let mut through = through.filter(of_kind).peekable();
            if through.peek().is_none() {
                continue;
            }
            let fuse = both.host.fastest(on_host, through, floor);
            let fuse = fuse
                .map_err(|reason| Finding::fail(format!("{name} {kind} through FUSE: {reason}")))?;
            let estimates = both.estimates(on_host, in_guest, kind, fuse.series.effort)?;
            let mut ways = Vec::new();
            let mut shown = Vec::new();
            for estimate in &estimates {
                let ratio = estimate.against(&fuse.median, Rule::Places, false);
                let ratio = ratio.map_err(Finding::could_not_run)?;
                ways.push(Held::at_most(ratio.against(limit)));
                shown.push(ratio.to_string());
            }
            let us = |figure: &Figure| figure.value.value.unwrap_or_default() / 1e3;
            all.add(
                Held::in_all(ways),
                format!(
                    "{name} {kind}: {:.1} µs estimated on the host against {:.1} µs through FUSE, {}; less the clock {}",
                    us(estimates[0].figure()),
                    us(&fuse.median),
                    shown[0],
                    shown[1]
                ),
            );
        }
    }
    Ok(all.finding())
}

pub fn against_chromadb(evidence: &Evidence, criterion: &Criterion) -> Evaluated {
    against(evidence, criterion, peers::CHROMADB)
}

pub fn against_qdrant(evidence: &Evidence, criterion: &Criterion) -> Evaluated {
    against(evidence, criterion, peers::QDRANT)
}

fn against(evidence: &Evidence, criterion: &Criterion, peer: &str) -> Evaluated {
    let guest = timed(evidence)?;
    let (floor, limit) = (peers::floor(evidence)?, limit(criterion)?);
    if !evidence.with_peers().runs_as(Accelerator::Uml) {
        return peers::against(&guest, Place::Kernel, peer, floor, limit);
    }
    let both = Both::of(evidence, guest)?;
    peers::judgeable(&both.guest, peer)?;
    peers::judgeable(&both.host, peer)?;
    let rule = Rule::Engines { recall: floor };
    let mut all = Judged::default();
    for (on_host, in_guest) in both.workloads()? {
        let name = on_host.workload.name;
        let fastest = |located: &Located, compared: &Compared, engine: &str, place| {
            let series = compared.of(engine, place);
            located
                .fastest(compared, series, floor)
                .map(|fastest| (fastest.series.clone(), fastest.median))
        };
        let (series, ours) = fastest(&both.guest, in_guest, OURS, Some(Place::Kernel))
            .map_err(|reason| Finding::fail(format!("{name} through the module: {reason}")))?;
        let absent = |reason| Finding::could_not_run(format!("{name} by {peer}: {reason}"));
        let (_, theirs) = fastest(&both.guest, in_guest, peer, None).map_err(absent)?;
        let (_, theirs_on_host) = fastest(&both.host, on_host, peer, None).map_err(absent)?;

        let whole = peers::ratio(&theirs, &ours, rule)?;
        let empty = both.clock_ns + both.call_ns;
        let net = peers::ratio(&theirs.less(both.clock_ns), &ours.less(empty), rule)?;
        let [estimate, _] = both.estimates(on_host, in_guest, series.kind, series.effort)?;
        let on_hardware = estimate
            .against(&theirs_on_host, rule, true)
            .map_err(Finding::could_not_run)?;
        let ways = [&whole, &net, &on_hardware];
        let us = |figure: &Figure| figure.value.value.unwrap_or_default() / 1e3;
        all.add(
            Held::in_all(ways.map(|ratio| Held::at_least(ratio.against(limit)))),
            format!(
                "{} {}: {:.1} µs against {:.1} µs, {whole}; less an empty call {net}; on the host {:.1} µs estimated against {:.1} µs, {on_hardware}",
                name,
                series.setting(),
                us(&ours),
                us(&theirs),
                us(estimate.figure()),
                us(&theirs_on_host),
            ),
        );
    }
    Ok(all.finding())
}

/// The comparison in the guest, if its clock counts time.
fn timed(evidence: &Evidence) -> Result<Located<'_>, Finding> {
    let comparison = evidence.comparison_in_guest()?;
    measure::clock_counts(evidence.with_peers())?;
    Ok(comparison)
}

/// One comparison, made on the host and in a guest that is User-Mode Linux.
struct Both<'a> {
    host: Located<'a>,
    guest: Located<'a>,
    /// What reading the clock costs in the guest, an empty call of the module there, and an ioctl on the host.
    clock_ns: f64,
    call_ns: f64,
    entry_ns: f64,
}

impl<'a> Both<'a> {
    fn of(evidence: &'a Evidence, guest: Located<'a>) -> Result<Both<'a>, Finding> {
        let run: &MachineRun = evidence.with_peers();
        let calls = run.guest.calls()?;
        Ok(Both {
            host: evidence.comparison()?,
            guest,
            clock_ns: cost(calls, Call::Clock)?,
            call_ns: cost(calls, Call::IoctlKernel)?,
            entry_ns: cost(&evidence.host()?.calls, Call::Ioctl)?,
        })
    }

    /// The workloads that both have, the host's first.
    fn workloads(&self) -> Result<Vec<(&'a Compared, &'a Compared)>, Finding> {
        let in_guest = &self.guest.comparison().workloads;
        let pair = |on_host: &'a Compared| {
            let same = |compared: &&Compared| compared.workload == on_host.workload;
            let found = in_guest.iter().find(same).ok_or_else(|| {
                let name = on_host.workload.name;
                Finding::could_not_run(format!("the guest did not compare {name}"))
            })?;
            Ok((on_host, found))
        };
        self.host.comparison().workloads.iter().map(pair).collect()
    }

    /// What a search through the module takes on the host, estimated with the guest's search in process as its clock
    /// timed it, and less what reading that clock costs.
    fn estimates(
        &self,
        on_host: &Compared,
        in_guest: &Compared,
        kind: Kind,
        effort: u32,
    ) -> Result<[Estimate; 2], Finding> {
        let name = on_host.workload.name;
        let series = |compared: &Compared, place: Place| {
            let mut all = compared.of(OURS, Some(place));
            let found = all.find(|series| (series.kind, series.effort) == (kind, effort));
            let words = peers::words(place);
            let found = found.cloned().ok_or_else(|| {
                Finding::could_not_run(format!("{name} {kind} was not measured {words}"))
            })?;
            if let Ok(samples) = found.measured.samples()
                && let Some(divergence) = &samples.divergence
            {
                return Err(Finding::fail(format!(
                    "{name} {kind} {words}: {divergence}"
                )));
            }
            Ok(found)
        };
        let kernel = series(in_guest, Place::Kernel)?;
        let handler = self.guest.inside(Window::Handler, in_guest, &kernel);
        let here = series(in_guest, Place::InProcess)?;
        let here = self.guest.timed(Quantity::Mean, in_guest, &here);
        let there = series(on_host, Place::InProcess)?;
        let there = self.host.median(on_host, &there);
        let estimate = |in_guest: &Figure| {
            Estimate::of(&Parts {
                handler: &handler,
                in_guest,
                on_host: &there,
                entry_ns: self.entry_ns,
            })
            .map_err(|refusal| Finding::could_not_run(format!("{name} {kind}: {refusal}")))
        };
        Ok([estimate(&here)?, estimate(&here.less(self.clock_ns))?])
    }
}

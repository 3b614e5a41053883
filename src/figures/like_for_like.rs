// SPDX-License-Identifier: MIT OR Apache-2.0
//! Decides which two figures may be compared.

use std::fmt;

use super::conditions::{Clock, Conditions, Machine, Window};
use super::figure::Figure;
use crate::client::Place;

/// What a ratio is to show, and so what must agree in both of its figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// What a place costs: the same search, of the same engine, kind and effort, in one run on one machine.
    Places,
    /// Which engine, kind or effort searches faster, where each finds at least this share of the exact rows.
    Engines { recall: f64 },
    /// What has become of a figure from one run to another: everything agrees, except the engine's version and the
    /// bundle.
    Runs,
    /// Whether a proportion that was found in a guest holds on the host: everything agrees but the machine, and both
    /// have one CPU.
    Transfer,
}

/// Why there is no ratio.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refusal {
    #[error("not like for like: {}", Difference::list(.0))]
    Unlike(Vec<Difference>),
    #[error("{which} was not measured: {reason}")]
    Missing { which: String, reason: String },
    #[error("{which} is {value}, which nothing can be a multiple of")]
    NoBase { which: String, value: f64 },
}

/// One condition, and what it is on both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub what: &'static str,
    pub of: String,
    pub to: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} against {}", self.what, self.of, self.to)
    }
}

impl Difference {
    fn list(all: &[Difference]) -> String {
        let all: Vec<String> = all.iter().map(Difference::to_string).collect();
        all.join("; ")
    }
}

impl Rule {
    /// Refuses what is not like for like, naming all that differs, with both sides.
    pub fn check(self, of: &Figure, to: &Figure) -> Result<(), Refusal> {
        let mut differences = Differences::default();
        if self != Rule::Transfer {
            differences.unless_equal("quantity", &of.quantity, &to.quantity);
        }
        self.compare(&of.conditions, &to.conditions, &mut differences);
        if differences.0.is_empty() {
            Ok(())
        } else {
            Err(Refusal::Unlike(differences.0))
        }
    }

    fn compare(self, of: &Conditions, to: &Conditions, differences: &mut Differences) {
        differences.unless_equal("operation", &of.operation, &to.operation);
        let (a, b) = (&of.dataset, &to.dataset);
        differences.unless_equal("rows", &a.rows, &b.rows);
        differences.unless_equal("dimension", &a.dim, &b.dim);
        differences.unless_known("bytes of the rows", &a.vectors_blake3, &b.vectors_blake3);
        differences.unless_known("bytes of the queries", &a.queries_blake3, &b.queries_blake3);
        differences.unless_equal("metric", &of.metric, &to.metric);
        differences.unless_equal("k", &hits(of.k), &hits(to.k));
        differences.unless_equal("clock", &of.clock, &to.clock);
        differences.unless_equal("threads", &of.threads, &to.threads);
        match self {
            Rule::Places => {
                differences.unless_equal("engine", &of.engine, &to.engine);
                differences.unless_equal("kind", &of.kind, &to.kind);
                differences.unless_equal("effort", &of.effort, &to.effort);
                differences.unless_equal("machine", &of.machine, &to.machine);
                differences.unless_equal("recall", &said(of.recall), &said(to.recall));
                // In process a search is all that its call does.
                let whole = to.place == Place::InProcess
                    && matches!(of.window, Window::Handler | Window::Search);
                if !whole {
                    differences.unless_equal("what was timed", &of.window, &to.window);
                }
            }
            Rule::Engines { recall } => {
                differences.unless_equal("what was timed", &of.window, &to.window);
                differences.unless_equal("machine", &of.machine, &to.machine);
                let enough = |found: Option<f64>| found.is_some_and(|found| found >= recall);
                if !(enough(of.recall) && enough(to.recall)) {
                    differences.add(
                        "recall, which must be measured and reach the floor on both sides",
                        said(of.recall),
                        said(to.recall),
                    );
                }
            }
            Rule::Runs => {
                differences.unless_equal("engine", &of.engine.name, &to.engine.name);
                differences.unless_equal("kind", &of.kind, &to.kind);
                differences.unless_equal("effort", &of.effort, &to.effort);
                differences.unless_equal("place", &of.place, &to.place);
                differences.unless_equal("what was timed", &of.window, &to.window);
                let (a, b) = (of.machine.without_bundle(), to.machine.without_bundle());
                differences.unless_equal("machine", &a, &b);
                let timed = of.clock != Clock::Instructions;
                if timed && a == b && a.cpu().is_none() {
                    let unknown = || "not recorded".to_owned();
                    differences.add("CPU", unknown(), unknown());
                }
            }
            Rule::Transfer => {
                differences.unless_equal("engine", &of.engine, &to.engine);
                differences.unless_equal("kind", &of.kind, &to.kind);
                differences.unless_equal("effort", &of.effort, &to.effort);
                differences.unless_equal("place", &of.place, &to.place);
                differences.unless_equal("recall", &said(of.recall), &said(to.recall));
                let cpu = |machine: &Machine| machine.cpu().map(str::to_owned);
                let (a, b) = (cpu(&of.machine), cpu(&to.machine));
                if a.is_none() || a != b {
                    let said = |cpu: Option<String>| cpu.unwrap_or("not recorded".into());
                    differences.add("CPU", said(a), said(b));
                }
            }
        }
    }
}

fn hits(k: Option<u32>) -> String {
    k.map_or("none".into(), |k| k.to_string())
}

fn said(recall: Option<f64>) -> String {
    recall.map_or("never measured".into(), |recall| format!("{recall:.6}"))
}

#[derive(Default)]
struct Differences(Vec<Difference>);

impl Differences {
    fn add(&mut self, what: &'static str, of: String, to: String) {
        self.0.push(Difference { what, of, to });
    }

    fn unless_equal<T: PartialEq + fmt::Display>(&mut self, what: &'static str, of: &T, to: &T) {
        if of != to {
            self.add(what, of.to_string(), to.to_string());
        }
    }

    /// Compares two values of which either may be unknown. An unknown value equals nothing, not even another unknown
    /// one.
    fn unless_known(&mut self, what: &'static str, of: &Option<String>, to: &Option<String>) {
        if of.is_none() || of != to {
            let said = |blake3: &Option<String>| match blake3 {
                Some(blake3) => format!("BLAKE3 {blake3:.16}"),
                None => "not recorded".into(),
            };
            self.add(what, said(of), said(to));
        }
    }
}

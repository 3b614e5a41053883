// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a build or `vexfs index tune` says of an index's recall.

use serde::Serialize;

use crate::anns::index::{Kind, Quality, Wanted};
use crate::cli::vexfs::output::print_line;
use crate::system::output::tell;

/// The recall@10 that an index is built for.
pub const RECALL: f64 = 0.95;

/// From this share of all rows on, an exact search costs hardly more.
const MOST: f64 = 0.5;

/// Reads a recall from the command line.
pub fn recall(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|recall| (0.0..=1.0).contains(recall))
        .ok_or_else(|| "a recall is a number from 0 to 1".to_owned())
}

#[derive(Serialize)]
pub struct Measured {
    #[serde(skip)]
    kind: Kind,
    /// The effort of a search that asks for effort 0.
    effort: u32,
    /// The recall@10 of that effort, by distance, for some rows of the file.
    recall: f64,
    recall_error: f64,
    recall_queries: u32,
    /// The share of all rows whose distance such a search computes.
    evaluated: f64,
    /// Whether candidates are looked for by exact distances, without codes.
    exact: bool,
}

impl Measured {
    pub fn new(quality: &Quality, kind: Kind, exact: bool) -> Self {
        Measured {
            kind,
            effort: quality.effort,
            recall: quality.recall,
            recall_error: quality.error,
            recall_queries: quality.queries,
            evaluated: quality.evaluated,
            exact,
        }
    }

    /// Whether the recall is less than another one that was measured in the same way, by more than chance.
    pub fn is_below(&self, recall: f64) -> bool {
        self.recall + 2.0 * self.recall_error < recall
    }

    /// Prints a line, and warns on standard error if the recall is not what is `wanted`, or costs too much.
    pub fn print(&self, wanted: Wanted) -> anyhow::Result<()> {
        let Measured {
            kind,
            effort,
            recall,
            recall_error,
            recall_queries,
            ..
        } = self;
        let name = kind.effort();
        print_line(&format!(
            "  recall@10 {recall:.3} +- {recall_error:.3} for {recall_queries} queries, with {name} {effort}"
        ))?;
        if self.exact {
            print_line(
                "  codes of 8 bits do not tell its rows apart, so searches compare the rows themselves",
            )?;
        }
        let (Wanted::AtLeast(wanted) | Wanted::Recall(wanted)) = wanted else {
            return Ok(());
        };
        if *recall < wanted {
            tell(&format!(
                "vexfs: warning: no {name} reaches a recall of {wanted}; {}",
                advice(*kind)
            ));
        } else if self.evaluated > MOST {
            tell(&format!(
                "vexfs: warning: such a search looks at {:.0} % of all rows, so that --kind flat, which is exact, \
                 is hardly slower; {}",
                100.0 * self.evaluated,
                advice(*kind)
            ));
        }
        Ok(())
    }
}

fn advice(kind: Kind) -> &'static str {
    match kind {
        Kind::Hnsw => "build with a larger --m and --ef-construction",
        Kind::Ivf => "build with a larger --rerank, or take --kind hnsw",
        Kind::Pq => "build with a larger --m, or take --kind hnsw",
        Kind::Lsh => "build with more --tables, or take --kind hnsw",
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! `vexfs-validate compare`

use std::path::PathBuf;

use anyhow::{Result, ensure};

use super::output::{print_json, print_line};
use crate::records::compare::{Compared, Figures};
use crate::report::terminal::table::table;

/// Compare the figures of two runs, like for like
///
/// A count (icount) is compared to the digit. A time is better or worse only where the whole 95 % interval of the ratio
/// lies beyond the tolerance, on the same CPU; else it is unchanged or inconclusive. Figures that are not like for like
/// are listed with both sides, and have no ratio.
///
/// Exit status: 0 nothing is worse, 1 something is worse, 2 nothing is comparable.
#[derive(Debug, clap::Args)]
pub struct CompareArgs {
    /// The earlier run: its directory, a pack, an image that has run, or a JSON file of figures
    a: PathBuf,
    /// The later one
    b: PathBuf,
    /// The largest change, in percent, that counts as none
    #[arg(long, value_name = "PERCENT", default_value_t = 1.0)]
    tolerance: f64,
    /// Print every ratio and refusal as JSON
    #[arg(long)]
    json: bool,
}

impl CompareArgs {
    /// Prints the comparison and returns the exit status.
    pub fn run(self) -> Result<u8> {
        ensure!(
            (0.0..100.0).contains(&self.tolerance),
            "a tolerance of {} % makes no sense: give 0 or more, and less than 100",
            self.tolerance
        );
        let (a, b) = (Figures::open(&self.a)?, Figures::open(&self.b)?);
        let compared = Compared::of(&a, &b, self.tolerance / 100.0);
        if self.json {
            print_json(&compared)?;
        } else {
            print(&compared)?;
        }
        Ok(compared.exit_code())
    }
}

fn print(compared: &Compared) -> Result<()> {
    if !compared.rows.is_empty() {
        let mut rows = table();
        rows.set_header(["", "what", "unit", "a", "b", "b / a"]);
        let value = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
        for row in &compared.rows {
            let mut ratio = row.ratio.to_string();
            if let Some((a, b)) = row.recall {
                ratio += &format!("; recall {a:.4}, then {b:.4}");
            }
            rows.add_row([
                row.change.word(),
                &row.what,
                row.unit,
                &value(row.a),
                &value(row.b),
                &ratio,
            ]);
        }
        print_line(&format!("{rows}\n"))?;
    }
    for refused in &compared.refused {
        print_line(&format!("not compared: {}: {}", refused.what, refused.why))?;
    }
    if !compared.absent.is_empty() {
        print_line(&format!(
            "not compared: {} figures of {} that {} does not have, {} first (--json names them all)",
            compared.absent.len(),
            compared.a,
            compared.b,
            compared.absent[0]
        ))?;
    }
    print_line(&format!(
        "{}  (a: {}; b: {}; tolerance {} %)",
        match compared.exit_code() {
            0 => "nothing is worse",
            1 => "WORSE",
            _ => "nothing is comparable",
        },
        compared.a,
        compared.b,
        compared.tolerance * 100.0
    ))
}

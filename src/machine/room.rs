// SPDX-License-Identifier: MIT OR Apache-2.0
//! Computes the memory that vectors take: in a guest, and on the host that runs it.

use std::path::Path;

use anyhow::{Result, bail};

use crate::anns::code;
use crate::dataset::fvecs::row_bytes;
use crate::dataset::source::Source;
use crate::system::proc;

const MIB: u64 = 1 << 20;

/// The memory of a guest for its kernel and the generated workloads.
const GUEST_MIB: u64 = 1024;

/// The memory that peers take in a guest besides: a Python each, and what they store.
const PEERS_MIB: u64 = 2048;

/// A guest's memory is a multiple of this.
const GRAIN_MIB: u64 = 64;

/// The most bytes that a guest is given. A boot loader puts them into its lower 2 GiB, beside other things.
const INPUT_MAX: u64 = 1 << 30;

/// The bytes a row that the four kinds of index together take beside its codes, about.
const LINKS: u64 = 320;

/// The memory of a guest that works on these vectors, and runs peers or not: half as much again as the vectors
/// take. The vectors' own size and 128 MiB were too little: a guest with 3,000 rows of 2,000 elements then only came as
/// far as the search by the last index through the module.
pub fn guest_mib(source: &Source, peers: bool) -> u32 {
    let grown = match source {
        Source::Generated(_) => 0,
        Source::Given(given) => {
            let needed = (given.rows + given.queries) as u64 * guest_bytes(given.dim);
            (needed + needed / 2).div_ceil(MIB)
        }
    };
    let peers = if peers { PEERS_MIB } else { 0 };
    let mib = (GUEST_MIB + grown + peers).next_multiple_of(GRAIN_MIB);
    u32::try_from(mib).unwrap_or(u32::MAX)
}

/// The bytes that a row takes in a guest at its worst, with all indexes there.
///
/// - As a file: where the guest was given it, in the step's memory and in three stores.
/// - Packed: for the step and for a search in each place.
/// - In indexes: its part of each one in the making, in the stores and for the searches.
fn guest_bytes(dim: usize) -> u64 {
    let packed = 4 * dim.next_multiple_of(16) as u64;
    let indexes = 2 * code::stride(dim) as u64 + dim as u64 / 4 + LINKS;
    5 * row_bytes(dim) + 4 * packed + 7 * indexes
}

/// The bytes that a row takes on the host: for each guest its memory and the file it is given; and for the searches and
/// builds of the host itself.
fn host_bytes(dim: usize, boots: u64) -> u64 {
    boots * (guest_bytes(dim) + row_bytes(dim)) + guest_bytes(dim)
}

/// Refuses what a guest cannot be given, or what this host has no room for.
pub fn check(file: &Path, rows: usize, dim: usize, queries: usize, boots: u64) -> Result<()> {
    let all = (rows + queries) as u64;
    let available = proc::available_kib()? * 1024;
    let most = (INPUT_MAX / row_bytes(dim)).min(available / host_bytes(dim, boots));
    if all <= most {
        return Ok(());
    }
    let limit = if all * row_bytes(dim) > INPUT_MAX {
        format!("a guest can be given {} MiB", INPUT_MAX / MIB)
    } else {
        format!(
            "{boots} guests and the host's own searches would take {} MiB, of which {} are free",
            all * host_bytes(dim, boots) / MIB,
            available / MIB
        )
    };
    match most.saturating_sub(queries as u64) {
        0 => bail!(
            "{}: {rows} rows of {dim} elements are too many: {limit}",
            file.display()
        ),
        fitting => bail!(
            "{}: {rows} rows of {dim} elements are too many: {limit}; take the first {fitting} or fewer by --rows {fitting}",
            file.display()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::source::Given;
    use crate::dataset::workload::{Name, Workload};

    #[test]
    fn a_guest_grows_with_what_it_is_given() {
        let given = |rows| {
            Source::Given(Given {
                name: "a.npy".into(),
                rows,
                dim: 128,
                queries: 100,
                vectors_blake3: String::new(),
                queries_blake3: String::new(),
            })
        };
        let generated = Source::Generated(Workload::new(Name::Inherited));
        assert_eq!(guest_mib(&generated, false), 1024);
        let [few, many] = [given(1_000), given(1_000_000)].map(|given| guest_mib(&given, false));
        assert_eq!((few % 64, many % 64), (0, 0));
        assert!(1024 < few && few <= 1152, "{few}");
        // Ten times what the rows take as a file.
        assert!(
            u64::from(many) * MIB > 10 * 1_000_000 * row_bytes(128),
            "{many}"
        );
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The parameters of the kinds of index, as flags. Each flag belongs to some kinds and is refused for the others.

use std::ops::RangeInclusive;

use crate::anns::index::{EFFORT_MAX, Kind, Parameters};
use crate::anns::{hnsw, ivf, lsh, pq};
use crate::cli::vexfs::usage::WrongUsage;

const EFFORT: RangeInclusive<i64> = 1..=EFFORT_MAX as i64;

fn effort() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(EFFORT)
}

/// The default of a parameter, as help shows it.
fn default(value: impl std::fmt::Display) -> String {
    format!("[default: {value}]")
}

#[derive(clap::Args, Default)]
#[command(next_help_heading = "Parameters")]
pub struct Flags {
    #[arg(long, value_name = "N", help = format!(
        "hnsw: links of a node on each level but the lowest, which has twice as many; 2 to 128 {}. \
         pq: sub-quantizers, the pieces that a vector is cut into; even, 2 to 256 \
         [default: half as many as a vector has elements]",
        default(hnsw::Parameters::default().m)
    ))]
    m: Option<u32>,
    #[arg(long, value_name = "N", value_parser = effort(), help = format!(
        "hnsw: how many candidates a new node's links are chosen from; more take longer to build and give a better graph {}",
        default(hnsw::Parameters::default().ef_construction)
    ))]
    ef_construction: Option<u32>,
    #[arg(long, value_name = "N", value_parser = effort(), conflicts_with = "effort", help = format!(
        "hnsw: candidates that a search keeps, unless it says otherwise (--effort) {}",
        default(hnsw::Parameters::default().ef_search)
    ))]
    ef_search: Option<u32>,
    /// ivf: lists that the rows are divided into, each around a centroid; at most one for each row [default: twice the
    /// square root of the number of rows]
    #[arg(long, value_name = "N", value_parser = effort())]
    nlist: Option<u32>,
    #[arg(long, value_name = "N", value_parser = effort(), conflicts_with = "effort", help = format!(
        "ivf: lists that a search looks at, unless it says otherwise {}",
        default(ivf::Parameters::default().nprobe)
    ))]
    nprobe: Option<u32>,
    #[arg(long, value_name = "N", value_parser = effort(), help = format!(
        "Candidates that a search compares exactly. ivf: or twice as many as are asked for, if that is more {}. \
         pq: unless it says otherwise {}",
        default(ivf::Parameters::default().rerank),
        default(pq::Parameters::default().rerank)
    ))]
    rerank: Option<u32>,
    /// pq: bits of a sub-quantizer's code, which can only be 4 [default: 4]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(4..=4))]
    nbits: Option<u32>,
    #[arg(long, value_name = "N", help = format!(
        "lsh: hash tables, 1 to 64; more find more and take more room {}",
        default(lsh::Parameters::default().tables)
    ))]
    tables: Option<u32>,
    #[arg(long, value_name = "N", help = format!(
        "lsh: hashes of a table, 1 to 16; rows that agree in all of them share a bucket {}",
        default(lsh::Parameters::default().hashes)
    ))]
    hashes: Option<u32>,
    /// lsh: a table has 2^bits buckets; 1 to 24 [default: about a bucket for each row]
    #[arg(long, value_name = "N")]
    bits: Option<u32>,
    #[arg(long, value_name = "X", help = format!(
        "lsh: width of a hash, in units of the distance between a row and its 10th nearest; wider ones put more rows into a bucket {}",
        default(lsh::Parameters::default().width)
    ))]
    width: Option<f32>,
    #[arg(long, value_name = "N", value_parser = effort(), conflicts_with = "effort", help = format!(
        "lsh: buckets of a table that a search looks at, unless it says otherwise {}",
        default(lsh::Parameters::default().probes)
    ))]
    probes: Option<u32>,
    /// Every kind: how hard a search tries that does not say so itself; another name for --ef-search, --nprobe,
    /// --rerank (pq) and --probes
    #[arg(long, value_name = "N", value_parser = effort())]
    effort: Option<u32>,
}

impl Flags {
    /// The flags that say how hard a search tries.
    pub const EFFORTS: [&str; 4] = ["ef_search", "nprobe", "probes", "effort"];

    /// Whether it was said how hard a search tries.
    pub fn has_effort(&self, kind: Kind) -> bool {
        let efforts = [self.ef_search, self.nprobe, self.probes, self.effort];
        efforts.iter().any(Option::is_some) || kind == Kind::Pq && self.rerank.is_some()
    }

    /// The parameters of an index of this kind. A flag that does not belong to it is wrong usage.
    pub fn of(&self, kind: Kind) -> Result<Parameters, WrongUsage> {
        if let Some(fault) = self.fault(kind) {
            return Err(WrongUsage {
                subcommand: &["index", "build"],
                fault,
            });
        }
        Ok(match kind {
            Kind::Hnsw => Parameters::Hnsw(self.hnsw()),
            Kind::Ivf => Parameters::Ivf(self.ivf()),
            Kind::Pq => Parameters::Pq(self.pq()),
            Kind::Lsh => Parameters::Lsh(self.lsh()),
        })
    }

    fn hnsw(&self) -> hnsw::Parameters {
        let default = hnsw::Parameters::default();
        let count = |value: Option<u32>, default| value.map_or(default, |value| value as usize);
        hnsw::Parameters {
            m: count(self.m, default.m),
            ef_construction: count(self.ef_construction, default.ef_construction),
            ef_search: self.effort.or(self.ef_search).unwrap_or(default.ef_search),
        }
    }

    fn ivf(&self) -> ivf::Parameters {
        let default = ivf::Parameters::default();
        ivf::Parameters {
            nlist: self.nlist,
            nprobe: self.effort.or(self.nprobe).unwrap_or(default.nprobe),
            rerank: self.rerank.unwrap_or(default.rerank),
        }
    }

    fn pq(&self) -> pq::Parameters {
        let default = pq::Parameters::default();
        pq::Parameters {
            m: self.m,
            rerank: self.effort.or(self.rerank).unwrap_or(default.rerank),
        }
    }

    fn lsh(&self) -> lsh::Parameters {
        let default = lsh::Parameters::default();
        lsh::Parameters {
            tables: self.tables.unwrap_or(default.tables),
            hashes: self.hashes.unwrap_or(default.hashes),
            bits: self.bits,
            width: self.width.unwrap_or(default.width),
            probes: self.effort.or(self.probes).unwrap_or(default.probes),
        }
    }

    /// What is wrong with the flags for this kind, if anything.
    fn fault(&self, kind: Kind) -> Option<String> {
        let all = self.all();
        let foreign = all.iter().find(|flag| flag.given && !flag.is_of(kind));
        if let Some(foreign) = foreign {
            let own = all.iter().filter(|flag| flag.is_of(kind));
            let own: Vec<_> = own.map(|flag| flag.name).collect();
            return Some(format!(
                "{} does not belong to --kind {kind}, which takes {}",
                foreign.name,
                own.join(", ")
            ));
        }
        let twice = kind == Kind::Pq && self.rerank.is_some() && self.effort.is_some();
        twice.then(|| "--rerank and --effort are the same for --kind pq; give one".to_owned())
    }

    fn all(&self) -> [Flag; 13] {
        use Kind::{Hnsw, Ivf, Lsh, Pq};
        let flag = |name, kinds: &'static [Kind], given| Flag { name, kinds, given };
        [
            flag("--m", &[Hnsw, Pq], self.m.is_some()),
            flag("--ef-construction", &[Hnsw], self.ef_construction.is_some()),
            flag("--ef-search", &[Hnsw], self.ef_search.is_some()),
            flag("--nlist", &[Ivf], self.nlist.is_some()),
            flag("--nprobe", &[Ivf], self.nprobe.is_some()),
            flag("--rerank", &[Ivf, Pq], self.rerank.is_some()),
            flag("--nbits", &[Pq], self.nbits.is_some()),
            flag("--tables", &[Lsh], self.tables.is_some()),
            flag("--hashes", &[Lsh], self.hashes.is_some()),
            flag("--bits", &[Lsh], self.bits.is_some()),
            flag("--width", &[Lsh], self.width.is_some()),
            flag("--probes", &[Lsh], self.probes.is_some()),
            flag("--effort", &Kind::ALL, self.effort.is_some()),
        ]
    }
}

struct Flag {
    name: &'static str,
    /// The kinds of index to which the flag belongs.
    kinds: &'static [Kind],
    given: bool,
}

impl Flag {
    fn is_of(&self, kind: Kind) -> bool {
        self.kinds.contains(&kind)
    }
}

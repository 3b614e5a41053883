// SPDX-License-Identifier: MIT OR Apache-2.0
//! `src/store/abi.rs` says what `kernel/uapi/vexfs.h` says: a C compiler is asked.

use std::mem::offset_of;
use std::path::Path;
use std::process::Command;

use vexfs::store::abi::{self, Batch, FilterPart, Hit, IndexInfo, Info, QueryPart, Search};

/// Pairs of a C expression and its value in Rust.
fn mirrored() -> Vec<(String, u64)> {
    let mut pairs = Vec::new();
    macro_rules! constants {
        ($($c:literal => $rust:expr),* $(,)?) => { $(pairs.push(($c.to_owned(), $rust as u64));)* };
    }
    macro_rules! structure {
        ($c:literal => $rust:ty: $($field:ident)*) => {
            pairs.push((format!("sizeof(struct {})", $c), size_of::<$rust>() as u64));
            $(pairs.push((format!("offsetof(struct {}, {})", $c, stringify!($field)), offset_of!($rust, $field) as u64));)*
        };
    }
    constants! {
        "VEXFS_IOC_MAGIC" => abi::IOC_MAGIC,
        "VEXFS_DIM_MAX" => abi::DIM_MAX,
        "VEXFS_DIM_INLINE" => abi::DIM_INLINE,
        "VEXFS_K_MAX" => abi::K_MAX,
        "VEXFS_SEARCH_SENT" => abi::SEARCH_SENT,
        "VEXFS_SEARCH_FILTERED" => abi::SEARCH_FILTERED,
        "VEXFS_ROWS_MAX" => abi::ROWS_MAX,
        "VEXFS_INDEX_MAX" => abi::INDEX_MAX,
        "VEXFS_EFFORT_MAX" => abi::EFFORT_MAX,
        "VEXFS_FILTER_WORDS_MAX" => abi::FILTER_WORDS_MAX,
        "VEXFS_KIND_FLAT" => abi::KIND_FLAT,
        "VEXFS_KIND_HNSW" => abi::KIND_HNSW,
        "VEXFS_KIND_IVF" => abi::KIND_IVF,
        "VEXFS_KIND_PQ" => abi::KIND_PQ,
        "VEXFS_KIND_LSH" => abi::KIND_LSH,
        "VEXFS_METRIC_L2" => abi::METRIC_L2,
        "VEXFS_METRIC_IP" => abi::METRIC_IP,
        "VEXFS_METRIC_COSINE" => abi::METRIC_COSINE,
        "VEXFS_IOC_INFO" => abi::IOC_INFO,
        "VEXFS_IOC_SEARCH_NR" => abi::IOC_SEARCH_NR,
        "VEXFS_IOC_QUERY_NR" => abi::IOC_QUERY_NR,
        "VEXFS_ROW_NONE" => abi::ROW_NONE,
        "VEXFS_IOC_BATCH_NR" => abi::IOC_BATCH_NR,
        "VEXFS_IOC_BATCH(72)" => abi::ioc_batch(72),
        "VEXFS_IOC_BATCH(16072)" => abi::ioc_batch(16072),
        "VEXFS_IOC_FILTER_NR" => abi::IOC_FILTER_NR,
        "VEXFS_IOC_FILTER(32)" => abi::ioc_filter(32),
        "VEXFS_IOC_FILTER(16032)" => abi::ioc_filter(16032),
        "VEXFS_IOC_QUERY(32)" => abi::ioc_query(32),
        "VEXFS_IOC_QUERY(16032)" => abi::ioc_query(16032),
        "VEXFS_IOC_SEARCH(64)" => abi::ioc_search(64),
        "VEXFS_IOC_SEARCH(576)" => abi::ioc_search(576),
        "VEXFS_IOC_SEARCH(16064)" => abi::ioc_search(16064),
    }
    structure!("vexfs_search" => Search: kind metric dim k effort flags count filter rows generation evaluated query);
    structure!("vexfs_batch" => Batch: search queries reserved);
    structure!("vexfs_query_part" => QueryPart: query dim start count flags reserved);
    structure!("vexfs_filter_part" => FilterPart: filter words start count flags reserved);
    structure!("vexfs_hit" => Hit: row distance);
    structure!("vexfs_index_info" => IndexInfo: kind metric rows);
    structure!("vexfs_info" => Info: flags dim rows generation indexes reserved0 reserved1 index);
    pairs
}

#[test]
fn the_mirror_equals_the_header() {
    let header = Path::new(env!("CARGO_MANIFEST_DIR")).join("kernel/uapi/vexfs.h");
    let names = std::fs::read_to_string(&header).unwrap();
    let mirrored = mirrored();

    let defined = names.lines().filter_map(|line| {
        line.strip_prefix("#define VEXFS_")?
            .split_whitespace()
            .next()
    });
    for name in defined {
        let name = format!("VEXFS_{}", name.split('(').next().unwrap());
        assert!(
            mirrored.iter().any(|(c, _)| c.starts_with(&name)),
            "{name} has no mirror"
        );
    }

    let folder = tempfile::tempdir().unwrap();
    let [source, program] = ["abi.c", "abi"].map(|name| folder.path().join(name));
    let prints: String = mirrored
        .iter()
        .map(|(c, _)| format!("printf(\"%llu\\n\", (unsigned long long)({c}));\n"))
        .collect();
    let includes = format!(
        "#include <stddef.h>\n#include <stdio.h>\n#include \"{}\"\n",
        header.display()
    );
    std::fs::write(
        &source,
        format!("{includes}int main(void)\n{{\n{prints}return 0;\n}}\n"),
    )
    .unwrap();
    let compiled = Command::new("cc")
        .arg(&source)
        .arg("-o")
        .arg(&program)
        .status()
        .expect("a C compiler, cc, is needed");
    assert!(compiled.success(), "the header does not compile");

    let printed = String::from_utf8(Command::new(&program).output().unwrap().stdout).unwrap();
    let in_c: Vec<u64> = printed.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(in_c.len(), mirrored.len());
    for ((name, in_rust), in_c) in mirrored.iter().zip(in_c) {
        assert_eq!(*in_rust, in_c, "{name}");
    }
}

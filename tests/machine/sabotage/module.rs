// SPDX-License-Identifier: MIT OR Apache-2.0
//! A module with one fault. How a machine ends is QEMU's to tell here. All else is found in User-Mode Linux, which is
//! soon done.

use vexfs::anns::{Metric, flat};
use vexfs::bench::{Answer, first_divergence};
use vexfs::dataset::workload::{Name, Workload};

use crate::faults::{Fault, with_faults, with_faults_for};
use crate::sabotage::run::{Report, Run};

fn run(fault: Fault, checks: &[&str]) -> Report {
    run_all(&[fault], checks)
}

fn run_all(faults: &[Fault], checks: &[&str]) -> Report {
    let bundle = with_faults_for("uml", faults, &[]);
    let arguments = ["--once", "--accel", "uml"];
    Run::start(&bundle.path().join("bundle"), checks, &arguments).finish()
}

fn run_under_icount(fault: Fault, checks: &[&str], arguments: &[&str]) -> Report {
    let bundle = with_faults(&[fault], &[]);
    let arguments = [&["--once"], arguments].concat();
    Run::start(&bundle.path().join("bundle"), checks, &arguments).finish()
}

#[test]
fn a_flipped_bit_of_an_answer_is_named_with_query_rank_and_both_values() {
    let fault = (
        "fs/ioctl.c",
        "vexfs_key_distance(top->keys[i]);",
        "vexfs_key_distance(top->keys[i]) ^ (i == 3);",
    );
    let report = run(fault, &["fuse.answers", "kernel.answers"]);
    report.assert_verdict("fail", 1);
    report.assert_check("fuse.answers", "pass", &[]);

    let generated = Workload::new(Name::Inherited).generate().unwrap();
    let mut hits = flat::search(&generated.vectors, Metric::L2, generated.queries.row(0), 10).hits;
    let right = Answer::new(&hits);
    hits[3].distance ^= 1;
    let sentence = first_divergence(&[right], &[Answer::new(&hits)]).unwrap();
    assert!(sentence.starts_with("query 0, rank 3: row "), "{sentence}");
    report.assert_check("kernel.answers", "fail", &[&sentence]);
}

#[test]
fn a_neighbour_off_by_one_is_named_with_its_case_kind_and_query() {
    let fault = (
        "search/hnsw.c",
        "fresh[count] = *links;",
        "fresh[count] = *links ? *links - 1 : 0;",
    );
    let report = run(fault, &["index.identity", "index.answers"]);
    report.assert_verdict("fail", 1);
    report.assert_check("index.identity", "pass", &[]);
    let sentence = [
        "inner-product hnsw: kernel against in process: query ",
        ", rank ",
    ];
    report.assert_check("index.answers", "fail", &sentence);
}

/// Neighbouring lanes are added first, by the reference and in its stead by every search.
#[test]
fn a_swapped_order_of_lanes_is_named_with_its_query() {
    let faults = [
        (
            "simd/distance_scalar.c",
            "s[j] += s[j + half];",
            "s[j] = s[2 * j] + s[2 * j + 1];",
        ),
        (
            "simd/simd.c",
            ".distance = *i->distance,",
            ".distance = vexfs_distance_scalar,",
        ),
        ("simd/simd.c", "if (!agree) {", "if (false) {"),
    ];
    let checks = ["fuse.answers", "kernel.answers", "index.answers"];
    let report = run_all(&faults, &checks);
    report.assert_verdict("fail", 1);
    report.assert_check("fuse.answers", "pass", &[]);
    let sentence = ["kernel against in process: query 0, rank "];
    report.assert_check("kernel.answers", "fail", &sentence);
    let sentence = ["inner-product flat: kernel against in process: query 0, rank "];
    report.assert_check("index.answers", "fail", &sentence);
}

#[test]
fn an_index_of_other_rows_that_is_taken_is_named() {
    let fault = (
        "search/loader.c",
        "vexfs_changes_set(changes, block, sum != le32_to_cpu(index->blocks[block]));",
        "vexfs_changes_set(changes, block, false);",
    );
    let report = run(fault, &["index.answers", "index.following"]);
    report.assert_verdict("fail", 1);
    report.assert_check("index.answers", "pass", &[]);
    let sentence = ["hnsw: a row made the nearest: "];
    report.assert_check("index.following", "fail", &sentence);
}

#[test]
fn a_changed_byte_of_the_workload_is_seen_in_its_hash() {
    let fault = (
        "fs/file.c",
        "\t\tvexfs_end_change(file, touched);\n\t}\n\tput_cred",
        "\t\tif (ret == 1 << 20) {\n\
         \t\t\tloff_t changed = 1000;\n\n\
         \t\t\tkernel_write(vexfs_lower_file(file), \"x\", 1, &changed);\n\
         \t\t}\n\
         \t\tvexfs_end_change(file, touched);\n\t}\n\tput_cred",
    );
    let report = run(fault, &["fuse.dataset", "kernel.dataset"]);
    report.assert_verdict("fail", 1);
    report.assert_check("fuse.dataset", "pass", &[]);
    let expected = "d3d19df5590eecccbb1223fe5bd65071a4c41a559ea3c18de335679ba67fda28";
    report.assert_check("kernel.dataset", "fail", &["rows hash to", expected]);
}

#[test]
fn a_hostile_index_that_is_taken_is_named_with_its_case() {
    let fault = (
        "search/ivf.c",
        "return vexfs_check_codes(ivf->codes, index->rows, index->dim);",
        "return 0;",
    );
    let report = run(fault, &["kernel.hostile", "hostile.memory"]);
    report.assert_verdict("fail", 1);
    report.assert_check("hostile.memory", "pass", &[]);
    let sentence = ["hostile IVF indexes: file ", " instead of EUCLEAN to 0x"];
    report.assert_check("kernel.hostile", "fail", &sentence);
}

#[test]
fn a_file_that_a_refusal_leaves_open_is_counted() {
    let fault = (
        "cache/sidecar.c",
        "kind, header);\n\tfput(file);",
        "kind, header);\n\tif (!err)\n\t\tfput(file);",
    );
    let report = run(fault, &["kernel.hostile", "hostile.memory"]);
    report.assert_verdict("fail", 1);
    report.assert_check("hostile.memory", "fail", &[" open files, "]);
}

#[test]
fn a_warning_is_found_in_the_kernel_log() {
    let fault = on_load("WARN_ON(1);");
    let report = run(fault, &["cycles", "kernel.log", "kernel.taint"]);
    report.assert_verdict("fail", 1);
    report.assert_check("cycles", "pass", &[]);
    report.assert_check("kernel.log", "fail", &["WARNING: ", "vexfs_init"]);
    report.assert_check("kernel.taint", "fail", &[" before, ", " after"]);
}

#[test]
fn inodes_that_are_never_freed_are_a_leak() {
    let fault = (
        "fs/super.c",
        "kmem_cache_free(vexfs_inode_cache, vexfs_i(inode));",
        "(void)inode;",
    );
    let report = run(fault, &["slab.leak", "kernel.log"]);
    report.assert_verdict("fail", 1);
    report.assert_check(
        "slab.leak",
        "fail",
        &["BUG vexfs_inode", "Objects remaining"],
    );
    report.assert_check("kernel.log", "fail", &["vexfs_inode"]);
}

#[test]
fn a_search_without_end_is_a_hang() {
    let fault = (
        "search/search.c",
        "scan.limit = vexfs_topk_bound(job->top) >> 32;",
        "do\n\t\t\tcond_resched();\n\t\twhile (READ_ONCE(scan.stride));",
    );
    let checks = ["cycles", "guest.completed"];
    let report = run_under_icount(fault, &checks, &["--patience", "40"]);
    report.assert_verdict("fail", 12);
    report.assert_check("cycles", "fail", &["step cycles did not end"]);
    let sentence = ["hangs", "nothing for 40 s", "step-started", "cycles"];
    report.assert_check("guest.completed", "fail", &sentence);
}

#[test]
fn a_null_dereference_is_an_oops() {
    let fault = on_load("READ_ONCE(*(int *)NULL);");
    let checks = ["guest.completed", "cycles", "kernel.log"];
    let report = run_under_icount(fault, &checks, &[]);
    report.assert_verdict("fail", 11);
    report.assert_check("guest.completed", "fail", &["NULL pointer dereference"]);
    report.assert_check("kernel.log", "fail", &["NULL pointer dereference"]);
}

#[test]
fn a_panic_is_a_panic() {
    let fault = on_load("panic(\"nothing works any more\");");
    let report = run_under_icount(fault, &["guest.completed", "cycles"], &[]);
    report.assert_verdict("fail", 10);
    let sentence = ["panicked", "nothing works any more"];
    report.assert_check("guest.completed", "fail", &sentence);
}

/// `statement` runs whenever the module is loaded.
fn on_load(statement: &'static str) -> (&'static str, &'static str, &'static str) {
    const ANCHOR: &str = "\terr = vexfs_simd_init();\n";
    let replacement = format!("\t{statement}\n{ANCHOR}").leak();
    ("fs/main.c", ANCHOR, replacement)
}

//! Real traces on the shipped driver, exact to the line and with the power cut; and deliberately
//! faulty drivers, which must not pass.

use daxctl::{
    mapped::Mapped,
    replay::{Options, replay},
    report::Report,
    trace,
};
use daxflush_protocol::MAX_LOG_ENTRIES;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The driver built with a fault, or the shipped one.
fn driver(fault: &str) -> PathBuf {
    let path = root()
        .join("target/driver")
        .join(fault)
        .join("daxflush.sys");
    let features = if fault.is_empty() {
        String::new()
    } else {
        format!(" --features {fault}")
    };
    assert!(
        path.exists(),
        "{} is missing: run scripts/build-driver{features}",
        path.display()
    );
    path
}

fn run(name: &str, fault: &str, power_cuts: u64, interleave: u64) -> Report {
    let path = root()
        .join("tests/data/traces")
        .join(format!("{name}.tsv.gz"));
    let trace = trace::read(&path).expect("a trace");
    let options = Options {
        driver: driver(fault),
        power_cuts,
        seed: 1,
        interleave,
        mapped: Mapped::Report,
        log_entries: MAX_LOG_ENTRIES,
    };
    let report = replay(&trace, &options, &mut |_| {}).expect("a replay");
    println!("seed {}: {report:?}", options.seed);
    report
}

/// The driver does all it promises, and this many lines were flushed.
fn passes(name: &str, lines: u64, asked: u64) {
    let report = run(name, "", 200, 0);
    assert_eq!(report.faults(), Vec::<String>::new());
    assert_eq!(report.lines_flushed_observed, lines);
    assert_eq!(report.asked_lines, asked);
    assert_eq!((report.power_cuts, report.bytes_lost), (200, 0));
}

#[test]
fn lmdb_writemap_is_exact_and_durable() {
    passes("lmdb-writemap", 71_893, 78_662_400);
}

#[test]
fn sqlite_rollback_is_exact_and_durable() {
    passes("sqlite-rollback", 288_314, 1_089_550);
}

#[test]
fn sqlite_wal_is_exact_and_durable() {
    passes("sqlite-wal", 127_791, 17_510_753);
}

#[test]
fn a_commit_between_filter_and_store_loses_nothing() {
    let report = run("sqlite-rollback", "", 100, 7);
    assert_eq!(report.faults(), Vec::<String>::new());
    assert!(report.interleaved_commits > 1000);
}

#[test]
fn a_driver_that_skips_a_line_is_caught() {
    let report = run("sqlite-rollback", "fault-skip-line", 50, 0);
    assert_ne!(report.bytes_lost, 0, "by the power cuts");
    assert_ne!(
        report.lines_expected, report.lines_flushed_observed,
        "and by the count"
    );
}

#[test]
fn a_driver_that_omits_the_drain_is_caught() {
    let report = run("sqlite-rollback", "fault-omit-drain", 50, 0);
    assert_ne!(report.bytes_lost, 0);
    assert_eq!(report.drains_observed, 0);
    assert_eq!(
        report.lines_expected, report.lines_flushed_observed,
        "only the drain is missing"
    );
}

#[test]
fn a_driver_that_marks_before_the_write_is_caught() {
    let calm = run("sqlite-rollback", "fault-mark-before-write", 50, 0);
    assert_eq!(calm.bytes_lost, 0, "it takes a commit in between");
    let report = run("sqlite-rollback", "fault-mark-before-write", 50, 7);
    assert_ne!(report.bytes_lost, 0);
}

#[test]
fn a_driver_with_a_wrong_structure_layout_is_caught() {
    let report = run("sqlite-rollback", "fault-write-layout", 50, 0);
    assert_ne!(report.bytes_lost, 0);
    assert_ne!(report.lines_expected, report.lines_flushed_observed);
}

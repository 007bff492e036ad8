//! The ways of recording what is stored through a view, on the shipped driver: each as exact as it
//! promises, and none loses a byte.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use daxctl::{
    mapped::Mapped,
    replay::{Options, replay},
    report::Report,
    trace::{self, Op, Trace},
};
use daxflush_protocol::MAX_LOG_ENTRIES;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(name: &str) -> Trace {
    let path = format!("tests/data/traces/{name}.tsv.gz");
    trace::read(&root().join(path)).expect("a trace")
}

fn options(mapped: Mapped) -> Options {
    Options {
        driver: root().join("target/driver/daxflush.sys"),
        power_cuts: 100,
        seed: 1,
        interleave: 0,
        mapped,
        log_entries: MAX_LOG_ENTRIES,
    }
}

/// Replays a trace; the driver does all it promises, with the counts that the model works out.
fn passes(trace: &Trace, options: &Options) -> Report {
    let report = replay(trace, options, &mut |_| {}).expect("a replay");
    println!("seed {}: {report:?}", options.seed);
    assert_eq!(report.faults(), Vec::<String>::new());
    assert_eq!(report.bytes_lost, 0);
    assert_eq!(report.mapped, options.mapped);
    report
}

#[test]
fn a_dirty_log_is_as_exact_as_reports() {
    let report = passes(&read("lmdb-writemap"), &options(Mapped::Log));
    assert_eq!(report.lines_flushed_observed, 71_893);
    assert_eq!(report.log_overflows, 0);
}

#[test]
fn a_small_dirty_log_overflows_and_loses_nothing() {
    let mut trace = read("lmdb-writemap");
    up_to_commit(&mut trace, 12);
    let small = Options {
        log_entries: 64,
        ..options(Mapped::Log)
    };
    let report = passes(&trace, &small);
    assert_ne!(report.log_overflows, 0);
}

#[test]
fn first_writes_are_exact_to_the_page() {
    let report = passes(&read("lmdb-writemap"), &options(Mapped::Faults));
    assert!(report.lines_flushed_observed > 71_893);
    assert!(report.lines_flushed_observed < report.asked_lines / 10);
}

/// 262,144 lines for each commit are slow where each is a trap, so only some commits are made.
#[test]
fn recording_nothing_flushes_the_whole_file() {
    let mut trace = read("lmdb-writemap");
    up_to_commit(&mut trace, 8);
    let report = passes(&trace, &options(Mapped::Conservative));
    assert_eq!(report.lines_flushed_observed, 8 * (16 << 20) / 64);
}

fn up_to_commit(trace: &mut Trace, count: usize) {
    let commits = (1..)
        .zip(&trace.steps)
        .filter(|(_, step)| step.op.is_commit());
    let end = commits.map(|(end, _)| end).nth(count - 1);
    trace.steps.truncate(end.expect("as many commits"));
}

/// They write with WriteFile only, which the driver sees for itself.
#[test]
fn programs_without_views_are_the_same_in_every_way() {
    for (name, lines) in [("sqlite-rollback", 288_314), ("sqlite-wal", 127_791)] {
        let trace = read(name);
        assert!(
            !trace
                .steps
                .iter()
                .any(|step| matches!(step.op, Op::Map { .. }))
        );
        for mapped in [Mapped::Log, Mapped::Faults, Mapped::Conservative] {
            let options = Options {
                power_cuts: 30,
                ..options(mapped)
            };
            assert_eq!(passes(&trace, &options).lines_flushed_observed, lines);
        }
    }
}

/// Writes and stores to one file, and commits by another program between filter and file system.
#[test]
fn stores_and_interleaved_commits_lose_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mixed.tsv");
    let mut text = String::from("# storage trace 1\nopen\t0\ta\ntruncate\t0\t100000\n");
    text.push_str("map\t0\t0\t98304\n");
    for round in 0..120_u64 {
        let at = round * 7919 % 90_000;
        for operation in ["store", "write"] {
            let length = 1 + round * 13 % 300;
            text.push_str(&format!("{operation}\t0\t{}\t{length}\n", at + length));
        }
        if round % 10 == 9 {
            text.push_str("flush\t0\n");
        }
    }
    std::fs::write(&path, text).expect("a trace");
    let trace = trace::read(&path).expect("a trace");
    for mapped in [
        Mapped::Report,
        Mapped::Log,
        Mapped::Faults,
        Mapped::Conservative,
    ] {
        let options = Options {
            interleave: 6,
            ..options(mapped)
        };
        let report = passes(&trace, &options);
        assert_ne!(report.interleaved_commits, 0, "{mapped}");
    }
}

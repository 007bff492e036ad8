//! Mixed work of many threads for what would be two hours.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use daxflush_system_tests::mixed::{TWO_HOURS, run};

fn number(name: &str, default: u64) -> u64 {
    let value = std::env::var(name).ok();
    value.map_or(default, |text| text.parse().expect("a number"))
}

/// Tells how to repeat a run that failed.
struct Replay(u64, u64);

impl Drop for Replay {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self(seed, operations) = self;
            eprintln!(
                "repeat with: DAXFLUSH_SEED={seed} DAXFLUSH_OPERATIONS={operations} \
                 cargo test --release -p daxflush-system-tests --test mixed -- --nocapture"
            );
        }
    }
}

#[test]
fn two_hours_of_mixed_work_lose_nothing() {
    let seed = number("DAXFLUSH_SEED", 0xda5);
    let operations = number("DAXFLUSH_OPERATIONS", TWO_HOURS);
    let replay = Replay(seed, operations);
    let summary = run(seed, operations);
    assert_eq!(summary.losses, Vec::<String>::new());
    let done: u64 = summary.done.values().sum();
    let statistics = summary.statistics;
    println!(
        "seed {seed}: {done} of {operations} operations done, {} commits asked for, {} power cuts",
        summary.commits, summary.cuts
    );
    println!("{:?}\n{:?}\n{statistics:?}", summary.done, summary.refusals);
    let allowed = |told: &String| {
        // A view of somebody's is in the way, or a handle; all of them are the file system's answers.
        [
            "flush: STATUS_USER",
            "truncate: STATUS_USER",
            "query remove: STATUS_ACCESS",
        ]
        .iter()
        .any(|start| told.starts_with(start))
    };
    assert!(
        summary.refusals.iter().all(allowed),
        "{:?}",
        summary.refusals
    );
    assert_eq!(statistics.refused, 0);
    assert_eq!(statistics.failed_commits, 0);
    assert_eq!((statistics.streams, statistics.dirty_lines), (0, 0));
    // All of it happened, unless somebody asked for a shorter run.
    if operations >= TWO_HOURS {
        assert!(done * 100 > operations * 95, "{:?}", summary.refusals);
        assert!(summary.done.len() >= 19, "{:?}", summary.done);
        assert!(statistics.evicted_views > 1000 && statistics.log_entries > 1000);
    }
    drop(replay);
}

//! Schedules of threads on the shipped driver, and on drivers with a mistake each.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use daxflush_campaign::{
    Failure, Figures,
    schedules::{ALL, Arguments, Kind, by_name, run, run_one},
};
use ntsim::{Policy, ScheduleOptions};
use std::{
    collections::BTreeSet,
    path::PathBuf,
    process::{Command, Output},
};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A driver with a mistake.
fn faulty(fault: &str) -> PathBuf {
    let path = root().join(format!("target/driver/fault-{fault}/daxflush.sys"));
    let shown = path.display();
    assert!(
        path.exists(),
        "{shown} is missing: run scripts/build-driver"
    );
    path
}

fn search(arguments: &Arguments) -> Figures {
    run(arguments).expect("the campaign runs")
}

fn figure(figures: &Figures, what: &str) -> u64 {
    let found = figures.counts.iter().find(|(name, _)| name == what);
    found.unwrap_or_else(|| panic!("a figure for {what}")).1
}

/// The scenarios of failures.
fn scenarios(figures: &Figures) -> BTreeSet<String> {
    let name = |failure: &Failure| failure.scenario.split(':').next().map(str::to_owned);
    figures.failures.iter().filter_map(name).collect()
}

#[test]
fn every_schedule_of_the_shipped_driver_is_clean() {
    let figures = search(&Arguments {
        schedules: 100,
        seed: 11,
        ..Arguments::default()
    });
    let pages: Vec<_> = figures.failures.iter().map(Failure::to_string).collect();
    assert_eq!(pages, Vec::<String>::new());
    let schedules = 100 * ALL.len() as u64;
    assert_eq!(figure(&figures, "schedules"), schedules);
    for (what, at_least) in [
        ("distinct schedules", schedules * 3 / 4),
        ("scheduling points", 100 * schedules),
        ("switches to another thread", 10 * schedules),
        ("commits that succeeded", 3 * schedules),
        ("power cuts", 8 * schedules),
    ] {
        let found = figure(&figures, what);
        assert!(found >= at_least, "{what}: {found}");
    }
}

#[test]
fn all_schedules_with_one_preemption_are_clean() {
    let figures = search(&Arguments {
        scenario: "write-commit".to_owned(),
        schedules: 600,
        policy: Some(Kind::Preempt),
        ..Arguments::default()
    });
    assert!(figures.failures.is_empty(), "{}", figures.failures[0]);
    let exhaustive = figure(
        &figures,
        "scenarios with all schedules of up to one preemption",
    );
    assert_eq!(exhaustive, 1, "{figures}");
}

#[test]
fn a_seed_gives_the_same_trace_and_so_does_its_record() {
    for scenario in ALL {
        let options = ScheduleOptions {
            seed: 5,
            policy: Policy::Random { percent: 20 },
            ..ScheduleOptions::default()
        };
        let trace = |options: &ScheduleOptions| {
            let driver = daxflush_system_tests::driver();
            let ran = run_one(&driver, scenario, options).expect("the driver loads");
            assert!(ran.failure.is_none(), "{}", scenario.name);
            ran.report
        };
        let (first, second) = (trace(&options), trace(&options));
        assert_eq!(first.points, second.points, "{}", scenario.name);
        let replay = ScheduleOptions {
            policy: Policy::Replay(first.switches.clone()),
            ..options
        };
        let third = trace(&replay);
        assert_eq!(first.points, third.points, "{}", scenario.name);
        assert_eq!(first.switches, third.switches, "{}", scenario.name);
    }
}

#[test]
fn a_driver_that_skips_a_line_or_the_drain_is_found_at_once() {
    for fault in ["skip-line", "omit-drain"] {
        let figures = search(&Arguments {
            schedules: 1,
            driver: Some(faulty(fault)),
            ..Arguments::default()
        });
        let all = ALL.iter().map(|scenario| scenario.name.to_owned());
        assert_eq!(scenarios(&figures), all.collect(), "{fault}");
    }
}

/// Without a preemption the mistake makes no difference; with one it does.
#[test]
fn a_driver_that_records_before_the_write_needs_a_preemption() {
    for (name, tries) in [("write-commit", 400), ("begin-drain", 1200)] {
        let arguments = |schedules| Arguments {
            scenario: name.to_owned(),
            schedules,
            policy: Some(Kind::Preempt),
            driver: Some(faulty("mark-before-write")),
            ..Arguments::default()
        };
        let calm = by_name(name).expect("a scenario").count as u64;
        let figures = search(&arguments(calm));
        assert!(figures.failures.is_empty(), "{}", figures.failures[0]);
        let figures = search(&arguments(tries));
        let page = figures.failures.first().map(Failure::to_string);
        let page = page.unwrap_or_else(|| panic!("{name} does not find it"));
        for part in ["P1 is broken", "--replay ", "the file system acts"] {
            assert!(page.contains(part), "{part:?} is not in\n{page}");
        }
    }
}

fn command(pages: &std::path::Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_daxflush-campaign"));
    let command = command.arg("--pages").arg(pages).args(arguments);
    command.current_dir(root()).output().expect("the command")
}

#[test]
fn the_command_of_a_page_repeats_it() {
    let pages = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("schedules");
    let figures = search(&Arguments {
        scenario: "group-commit".to_owned(),
        schedules: 300,
        policy: Some(Kind::Random),
        driver: Some(faulty("mark-before-write")),
        ..Arguments::default()
    });
    let failure = &figures.failures[0];
    let (_, words) = failure.replay.split_once(" -- ").expect("a command");
    let words: Vec<_> = words.split(' ').collect();
    let output = command(&pages, &words);
    assert_eq!(output.status.code(), Some(1), "{failure}");
    let page = std::fs::read_to_string(pages.join("schedules-0.txt")).expect("a page");
    assert!(page.contains(&failure.title), "{page}");
    let schedule = failure.details.last().expect("the schedule");
    assert!(page.contains(schedule), "{page}\n{schedule}");
    // The same schedule of the shipped driver is clean.
    let driver = words.iter().position(|word| *word == "--driver");
    let mut words = words.clone();
    words.drain(driver.map_or(0..0, |at| at..at + 2));
    let output = command(&pages, &words);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
}

#[test]
fn bad_usage_is_told() {
    let pages = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("schedules-usage");
    for (arguments, part) in [
        ("schedules --scenario nothing", "--list"),
        ("schedules --replay 0:1", "--scenario"),
        ("schedules --scenario close --replay 0-1", "point:thread"),
        ("schedules --driver /nothing/daxflush.sys", "/nothing"),
    ] {
        let words: Vec<_> = arguments.split(' ').collect();
        let output = command(&pages, &words);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments}: {said}");
        assert!(said.contains(part), "{arguments}: {said}");
    }
    let list = command(&pages, &["schedules", "--list"]);
    let said = String::from_utf8_lossy(&list.stdout).into_owned();
    assert!(ALL.iter().all(|one| said.contains(one.name)), "{said}");
}

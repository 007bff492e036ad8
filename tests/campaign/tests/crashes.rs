//! Crash states of the shipped driver, and of drivers with a mistake each.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use daxflush_campaign::{
    Failure, Figures,
    crash::{ALL, Arguments, run},
};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
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

fn explore(arguments: &Arguments) -> Figures {
    run(arguments).expect("the campaign runs")
}

/// Everything once, with one seed.
fn once(driver: Option<PathBuf>, seed: u64) -> Figures {
    explore(&Arguments {
        driver,
        seed,
        states: 1,
        ..Arguments::default()
    })
}

/// One scenario with seed 1.
fn one(scenario: &str, driver: PathBuf) -> Figures {
    explore(&Arguments {
        scenario: scenario.to_owned(),
        driver: Some(driver),
        states: 1,
        ..Arguments::default()
    })
}

fn figure(figures: &Figures, what: &str) -> u64 {
    let found = figures.counts.iter().find(|(name, _)| name == what);
    found.unwrap_or_else(|| panic!("a figure for {what}")).1
}

/// Those that do not depend on the time.
fn timeless(figures: &Figures) -> Vec<(String, u64)> {
    let timed = |name: &str| name.contains("second");
    let counts = figures.counts.iter();
    counts.filter(|(name, _)| !timed(name)).cloned().collect()
}

#[test]
fn every_state_of_the_shipped_driver_is_clean() {
    let figures = once(None, 11);
    let pages: Vec<_> = figures.failures.iter().map(Failure::to_string).collect();
    assert_eq!(pages, Vec::<String>::new());
    for (what, at_least) in [
        ("distinct crash states", 300_000),
        ("recoveries of a program from a state", 100_000),
        (
            "crash points at which every combination of lines was made",
            1_000,
        ),
        ("commits that failed", 6),
        ("bytes compared with the simulator's durable image", 1 << 20),
    ] {
        let found = figure(&figures, what);
        assert!(found >= at_least, "{what}: {found}");
    }
}

#[test]
fn a_seed_gives_the_same_states() {
    assert_eq!(timeless(&once(None, 5)), timeless(&once(None, 5)));
    let overlap = |seed| Arguments {
        scenario: "overlap".to_owned(),
        seed,
        states: 1,
        ..Arguments::default()
    };
    let (five, six) = (explore(&overlap(5)), explore(&overlap(6)));
    assert_ne!(timeless(&five), timeless(&six));
}

/// The power goes between any two stores of 8 bytes, too.
#[test]
fn stores_of_eight_bytes_are_clean_one_by_one() {
    for scenario in ["wal", "copy-on-write", "mdl"] {
        let arguments = |by_units| Arguments {
            scenario: scenario.to_owned(),
            states: 1,
            by_units,
            ..Arguments::default()
        };
        let (lines, units) = (explore(&arguments(false)), explore(&arguments(true)));
        assert!(units.failures.is_empty(), "{}", units.failures[0]);
        let points = |figures| figure(figures, "crash points");
        assert!(points(&units) > points(&lines), "{scenario}");
    }
}

/// The scenarios of failures.
fn scenarios(figures: &Figures) -> BTreeSet<String> {
    let name = |failure: &Failure| failure.scenario.split(':').next().map(str::to_owned);
    figures.failures.iter().filter_map(name).collect()
}

#[test]
fn a_driver_that_skips_a_line_is_found() {
    let figures = once(Some(faulty("skip-line")), 1);
    let found = scenarios(&figures);
    for name in [
        "wal",
        "copy-on-write-log",
        "overlap",
        "mapped",
        "sqlite-wal",
        "lmdb",
    ] {
        assert!(found.contains(name), "{name}: only {found:?}");
    }
}

#[test]
fn a_driver_that_omits_the_drain_is_found_everywhere() {
    let figures = once(Some(faulty("omit-drain")), 1);
    let all = ALL.iter().map(|scenario| scenario.name.to_owned());
    assert_eq!(scenarios(&figures), all.collect());
}

#[test]
fn a_driver_that_records_before_the_write_is_found_in_a_race() {
    let figures = once(Some(faulty("mark-before-write")), 1);
    let found = scenarios(&figures);
    assert!(found.contains("race-before"), "only {found:?}");
    assert!(
        !found.contains("race-after"),
        "there it makes no difference"
    );
    assert!(
        !found.contains("wal"),
        "without a race it makes no difference"
    );
}

/// The words of a page's command after `cargo run`'s own.
fn words(failure: &Failure) -> Vec<String> {
    let (_, arguments) = failure.replay.split_once(" -- ").expect("a command");
    arguments.split(' ').map(str::to_owned).collect()
}

fn command(arguments: &[String], pages: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_daxflush-campaign"));
    let command = command.arg("--pages").arg(pages).args(arguments);
    command.current_dir(root()).output().expect("the command")
}

fn temporary(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    // It is there if the test was run before.
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

#[test]
fn the_command_of_a_page_repeats_it_exactly() {
    let pages = temporary("repeat");
    for (fault, scenarios) in [
        ("skip-line", ["wal", "overlap"]),
        ("omit-drain", ["copy-on-write-log", "two-processors"]),
        ("mark-before-write", ["race-before", "mdl"]),
    ] {
        for scenario in scenarios {
            let figures = one(scenario, faulty(fault));
            let failure = &figures.failures[0];
            let output = command(&words(failure), &pages);
            assert_eq!(output.status.code(), Some(1), "{failure}");
            let page = std::fs::read_to_string(pages.join("crash-states-0.txt"));
            assert_eq!(page.expect("a page"), failure.to_string());
        }
    }
}

#[test]
fn a_page_says_what_was_promised_what_was_found_and_where() {
    let figures = once(Some(faulty("skip-line")), 1);
    let wal = |failure: &&Failure| failure.scenario.starts_with("wal:");
    let page = figures
        .failures
        .iter()
        .find(wal)
        .expect("a page")
        .to_string();
    for part in [
        "P1 is broken",
        "scenario  wal",
        "seed      0x1",
        "the power goes at entry ",
        "the driver's last instruction on the memory: daxflush.sys!",
        "lines are not drained",
        "did not: 1",
        "expected ",
        "commit 1 has succeeded",
        "--scenario wal --seed 0x1 --point ",
    ] {
        assert!(page.contains(part), "{part:?} is not in\n{page}");
    }
}

#[test]
fn the_same_image_of_the_shipped_driver_is_clean() {
    let figures = one("wal", faulty("skip-line"));
    let failure = &figures.failures[0];
    let mut arguments = words(failure);
    let driver = arguments.iter().position(|word| word == "--driver");
    arguments.drain(driver.map_or(0..0, |at| at..at + 2));
    let output = command(&arguments, &temporary("shipped"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("nothing is wrong"), "{said}");
}

#[test]
fn bad_usage_is_told() {
    let pages = temporary("usage");
    for (arguments, part) in [
        ("crashes --scenario nothing", "--list"),
        ("crashes --point 1 --subset all", "--scenario"),
        ("crashes --scenario wal --point 1", "--subset"),
        ("crashes --scenario wal --point 1 --subset some", "some"),
        (
            "crashes --scenario wal --point 999999 --subset all",
            "999999",
        ),
        ("crashes --driver /nothing/daxflush.sys", "/nothing"),
    ] {
        let words: Vec<_> = arguments.split(' ').map(str::to_owned).collect();
        let output = command(&words, &pages);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments}: {said}");
        assert!(said.contains(part), "{arguments}: {said}");
    }
    let list = command(&["crashes".to_owned(), "--list".to_owned()], &pages);
    let said = String::from_utf8_lossy(&list.stdout).into_owned();
    assert!(
        ALL.iter().all(|scenario| said.contains(scenario.name)),
        "{said}"
    );
}

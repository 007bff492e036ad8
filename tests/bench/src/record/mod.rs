//! Marking: what recording a store costs.

mod states;
mod threads;

use crate::{
    results::{Cell, Panel, Picture, Promise, Results, Table, worst},
    suite::{Course, Suite},
    workloads::Workload,
};
use std::error::Error;

pub const SUITE: Suite = Suite {
    name: "record",
    about: "recording stores in the dirty map, against a flat bitmap and range sets",
    rounds: 51,
    run,
};

pub const OURS: &str = "daxflush";
pub const FLAT: &str = "flat bitmap";
const SETS: [&str; 3] = ["rangemap", "roaring", "range-set-blaze"];
const LOCKED: [&str; 3] = [
    "rangemap, Mutex",
    "roaring, Mutex",
    "range-set-blaze, Mutex",
];

/// The files' sizes and how many random stores a round makes.
pub const WIDE: u64 = 1 << 30;
pub const NARROW: u64 = 16 << 20;
pub const STORES: usize = 16384;

fn run(course: &mut Course) -> Result<Results, Box<dyn Error>> {
    let workloads = Workload::all(WIDE, NARROW, STORES, course.options.seed);
    let mut comparisons = states::measured(&workloads, course)?;
    comparisons.extend(threads::measured(course)?);
    let mut results = Results::new(comparisons);
    results.promises = promises(&results, &workloads);
    results.tables = tables(&results);
    results.notes = vec![
        "hot: the same stores were recorded just before. cold: emptied by a commit, and the caches \
         evicted. new: a new map, and the caches evicted. Two threads: ns are of the round, divided \
         by the stores of one thread."
            .to_owned(),
    ];
    results.pictures = pictures(&results);
    Ok(results)
}

fn promises(results: &Results, workloads: &[Workload]) -> Vec<Promise> {
    let names: Vec<_> = workloads
        .iter()
        .filter(|w| w.random)
        .map(|w| &w.name)
        .collect();
    let to_flat = |state| worst(results.of(state), |c| c.ratio(OURS, FLAT));
    let to_sets = |state, sets: &[&str]| {
        let random = results
            .of(state)
            .into_iter()
            .filter(|c| names.contains(&&c.case));
        worst(random, |c| c.ratio_to_best(OURS, sets))
    };
    let mut promises = Vec::new();
    for state in states::STATES {
        let what = format!("{state}: a store recorded / {FLAT}");
        promises.push(Promise::at_most(what, 1.5, to_flat(state)));
    }
    for state in states::STATES {
        let what = format!("{state}: a random store recorded / best of three crates, Mutex");
        promises.push(Promise::at_most(what, 0.2, to_sets(state, &LOCKED)));
    }
    promises.push(Promise::at_least(
        "two threads on different pages: throughput / one thread's",
        1.8,
        threads::scaling(results, threads::HALVES, OURS),
    ));
    promises
}

fn tables(results: &Results) -> Vec<Table> {
    let of = |state: &&'static str| {
        let title = format!("A store recorded, {state}: ns (median), and ratios");
        let comparisons = results.of(state);
        let mut table = Table::of(&title, &comparisons, &[(OURS, FLAT)]);
        for (sets, name) in [(SETS, "best crate"), (LOCKED, "best crate, Mutex")] {
            table.header.push(format!("{OURS} / {name}"));
            for (row, comparison) in table.rows.iter_mut().zip(&comparisons) {
                row.push(Cell::number(comparison.ratio_to_best(OURS, &sets), 3));
            }
        }
        table
    };
    let mut tables: Vec<_> = states::STATES.iter().map(of).collect();
    tables.push(threads::table(results));
    tables
}

fn pictures(results: &Results) -> Vec<Picture> {
    let bars = |state: &&'static str| {
        Panel::bars(&format!("A store recorded, {state}"), &results.of(state))
    };
    let mut panels: Vec<_> = states::STATES.iter().map(bars).collect();
    panels.push(threads::panel(results));
    vec![Picture {
        name: SUITE.name.to_owned(),
        title: "Recording a store: lower is better, except for scaling".to_owned(),
        columns: 2,
        panels,
    }]
}

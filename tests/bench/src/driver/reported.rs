//! Tables, plots and promises of the suite.

use super::{
    SUITE,
    counts::Counts,
    flushes::{BARE, RUN, SCATTERED},
    reports::{DRAIN, LOG, REQUEST_ALONE, STORES, TOLD_BEFORE, UNTOLD},
    writes::{ALONE, CLEAN, DIRTY, WITH, WITHOUT},
};
use crate::results::{Axis, Cell, Comparison, Panel, Picture, Results, Scale, Table};

const BYTES: Axis = Axis {
    name: "bytes",
    scale: Scale::Binary,
};
const LINES: Axis = Axis {
    name: "dirty lines",
    scale: Scale::Binary,
};

const NOTES: [&str; 2] = [
    "The driver runs as it is shipped, with no breakpoint and no single step, in a simulated kernel \
     that checks nothing. What the filter adds contains the simulator's own routines: its Filter \
     Manager with the callback's data, stream contexts, push locks. \"Driver alone\" is the time in \
     which the driver's own code runs, by the time stamp counter, without all of those.",
    "A request goes through the simulator's I/O manager by a function call. On Windows a system call \
     comes on top, of which the Linux call gives an idea.",
];

pub fn reported(mut results: Results, counts: &Counts) -> Results {
    let added =
        |workload, title| with_difference(title, &results.of(workload), WITH, WITHOUT, None);
    let mut tables = counts.tables();
    tables.extend([
        added(CLEAN, "A write to clean lines: ns (median), and what the filter adds"),
        added(DIRTY, "A write to dirty lines: ns (median), and what the filter adds"),
        added(RUN, "A flush of dirty lines side by side: ns (median), and what the filter adds"),
        added(SCATTERED, "A flush of scattered dirty lines: ns (median), and what the filter adds"),
        over_untold("A store of 64 bytes, told: ns (median)", &results.of(STORES)),
        with_difference(
            "A commit of scattered lines that stand in a dirty log: ns (median), and ns an entry more",
            &results.of(DRAIN),
            LOG,
            TOLD_BEFORE,
            Some("ns an entry"),
        ),
    ]);
    results.tables = tables;
    results.notes = NOTES.map(str::to_owned).to_vec();
    results.promises = counts.promises();
    results.pictures = vec![Picture {
        name: SUITE.name.to_owned(),
        title: "The shipped driver in the simulated kernel: lower is better".to_owned(),
        columns: 2,
        panels: vec![
            Panel::lines("Write to clean lines", BYTES, &results.of(CLEAN)),
            Panel::lines("Flush of dirty lines side by side", LINES, &results.of(RUN)),
            Panel::lines(
                "Flush of scattered dirty lines",
                LINES,
                &results.of(SCATTERED),
            ),
            Panel::bars("A store of 64 bytes, told", &results.of(STORES)),
        ],
    }];
    results
}

/// The contenders, and how much more one needs than another, for each of the size if `each` names that.
fn with_difference(
    title: &str,
    comparisons: &[&Comparison],
    own: &str,
    other: &str,
    each: Option<&str>,
) -> Table {
    let mut table = Table::of(title, comparisons, &[]);
    table.header.push("added".to_owned());
    table.header.extend(each.map(str::to_owned));
    if comparisons.iter().any(|c| c.times(BARE).is_some()) {
        table.header.push(format!("{ALONE} / {BARE}"));
    }
    for (row, comparison) in table.rows.iter_mut().zip(comparisons) {
        let added = comparison.over(own, other);
        row.push(Cell::number(added, 1));
        if each.is_some() {
            row.push(Cell::number(added.map(|added| added / comparison.size), 1));
        }
        if comparison.times(BARE).is_some() {
            row.push(Cell::number(comparison.ratio(ALONE, BARE), 3));
        }
    }
    table
}

/// What each way of telling adds to a store that is not told.
fn over_untold(title: &str, comparisons: &[&Comparison]) -> Table {
    let mut table = Table::of(title, comparisons, &[]);
    let first = comparisons
        .first()
        .into_iter()
        .flat_map(|first| &first.times);
    let names: Vec<_> = first
        .map(|times| times.contender.as_str())
        .filter(|name| ![UNTOLD, REQUEST_ALONE].contains(name))
        .collect();
    let more = names.iter().map(|name| format!("{name}, more"));
    table.header.extend(more);
    for (row, comparison) in table.rows.iter_mut().zip(comparisons) {
        let more = names.iter().map(|name| comparison.over(name, UNTOLD));
        row.extend(more.map(|more| Cell::number(more, 1)));
    }
    table
}

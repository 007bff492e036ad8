//! Collecting: what a commit costs besides its flushes.

mod dense;
mod part;
mod sparse;

use crate::{
    results::{Axis, Panel, Picture, Promise, Results, Scale, Table, worst},
    suite::{Course, Suite},
};
use std::error::Error;

pub const SUITE: Suite = Suite {
    name: "collect",
    about: "collecting dirty lines as batches of runs, against a flat bitmap that is scanned",
    rounds: 101,
    run,
};

const OURS: &str = "daxflush";
const FLAT: &str = "flat bitmap";

const BYTES: Axis = Axis {
    name: "bytes of file",
    scale: Scale::Binary,
};

fn run(course: &mut Course) -> Result<Results, Box<dyn Error>> {
    let mut comparisons = dense::measured(course)?;
    comparisons.extend(sparse::measured(course)?);
    comparisons.extend(part::measured(course)?);
    let mut results = Results::new(comparisons);
    let ratios = [(OURS, FLAT)];
    let table = |workload, title| Table::of(title, &results.of(workload), &ratios);
    let tables = vec![
        table(
            dense::DENSE,
            "All of a dirty file: ns a line (median), and ratios",
        ),
        table(
            dense::RECORDED,
            "What suite record records: ns a range (median), and ratios",
        ),
        table(
            part::PART,
            "A part of 64 MiB with every second line dirty: ns a range, and ratios",
        ),
        table(
            sparse::SPARSE,
            "16 lines in a file: ns a commit (median), and ratios",
        ),
        sparse::clean_space(&results),
    ];
    results.tables = tables;
    let dense = worst(results.of(dense::DENSE), |c| c.ratio(OURS, FLAT));
    results.promises = vec![
        Promise::at_most("dense: daxflush / flat bitmap", 1.2, dense),
        Promise::at_most(
            "16 lines: in 1 TiB / in 1 GiB",
            1.2,
            sparse::independence(&results),
        ),
    ];
    results.pictures = vec![Picture {
        name: SUITE.name.to_owned(),
        title: "Collecting dirty lines: lower is better".to_owned(),
        columns: 2,
        panels: vec![
            Panel::bars("All of a dirty file", &results.of(dense::DENSE)),
            Panel::bars("What suite record records", &results.of(dense::RECORDED)),
            Panel::bars("A part of a dirty file", &results.of(part::PART)),
            Panel::lines("16 lines in a file", BYTES, &results.of(sparse::SPARSE)),
        ],
    }];
    Ok(results)
}

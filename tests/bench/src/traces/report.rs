//! Tables and plots.

use super::{COMMITS, Counted, FLUSH, NOTHING, OURS, PAGES, PERSIST, PROGRAM, SUITE, WHOLE};
use crate::results::{Bar, Cell, Comparison, Drawing, Panel, Picture, Results, Table};

pub fn of(comparisons: Vec<Comparison>, counted: &[Counted]) -> Results {
    let mut results = Results::new(comparisons);
    let (program, commits) = (results.of(PROGRAM), results.of(COMMITS));
    let durability = |name: &str| program.iter().map(|c| cost(c, name)).collect::<Vec<_>>();
    let rivals = [(OURS, PAGES), (OURS, WHOLE), (OURS, PERSIST), (OURS, FLUSH)];
    let tables = vec![
        lines_table(counted),
        Table::of(
            "Time in a commit: ns (mean of the program's, median of rounds)",
            &commits,
            &rivals,
        ),
        Table::of(
            "The program's stores, their records and its commits: ns a commit, and ratios",
            &program,
            &rivals,
        ),
        gains(&program, counted),
    ];
    let groups: Vec<_> = counted
        .iter()
        .map(|program| program.name.to_owned())
        .collect();
    let ways = [OURS, PAGES, WHOLE, PERSIST, FLUSH];
    let lines = |way: &str| Bar {
        name: way.to_owned(),
        values: counted.iter().map(|program| program.lines(way)).collect(),
    };
    let times = |way: &str| Bar {
        name: way.to_owned(),
        values: durability(way),
    };
    let panel = |title: &str, unit: &str, series| Panel {
        title: title.to_owned(),
        unit: unit.to_owned(),
        drawing: Drawing::Bars {
            groups: groups.clone(),
            series,
        },
    };
    let panels = vec![
        panel("Lines flushed", "lines a commit", ways.map(lines).into()),
        panel(
            "What durability costs: recording, flushes, drains",
            "ns a commit",
            ways.map(times).into(),
        ),
    ];
    results.tables = tables;
    results.pictures = vec![Picture {
        name: SUITE.name.to_owned(),
        title: "Real programs: lower is better".to_owned(),
        columns: 2,
        panels,
    }];
    results.notes = vec![
        "Pages: what Linux's msync finds dirty, with no cost of finding it but the engine's; faults of \
         pages that are protected again are not counted. libpmem is told of each store by the program \
         itself, which must be written for it; files that are never committed are left out for it."
            .to_owned(),
    ];
    results
}

/// What the program needs beyond its stores, in ns a commit.
fn cost(comparison: &Comparison, way: &str) -> Option<f64> {
    Some(comparison.median(way)? - comparison.median(NOTHING)?)
}

impl Counted {
    /// A commit, if the way was tried.
    fn lines(&self, way: &str) -> Option<f64> {
        let found = self
            .lines
            .iter()
            .find(|(name, lines)| name == way && *lines != 0);
        found.map(|(_, lines)| *lines as f64 / self.commits as f64)
    }
}

fn lines_table(counted: &[Counted]) -> Table {
    let ways = [OURS, PAGES, WHOLE, PERSIST];
    let header = ["", "commits", "stores"].into_iter().chain(ways);
    let mut table = Table::new("Lines flushed by the whole program", header);
    for program in counted {
        let mut row = vec![
            Cell::text(program.name),
            Cell::count(program.commits),
            Cell::count(program.stores),
        ];
        let lines = |way: &str| {
            program
                .lines(way)
                .map(|lines| lines * program.commits as f64)
        };
        row.extend(ways.map(|way| Cell::number(lines(way), 0)));
        table.rows.push(row);
    }
    table
}

fn gains(program: &[&Comparison], counted: &[Counted]) -> Table {
    let ways = [PAGES, WHOLE, PERSIST, FLUSH];
    let header = [String::new(), format!("{OURS}, ns a commit")];
    let header = header
        .into_iter()
        .chain(ways.map(|way| format!("{way} / {OURS}")));
    let title = "What durability costs beyond the stores: recording, flushes and drains";
    let mut table = Table::new(title, header);
    for (comparison, counted) in program.iter().zip(counted) {
        let ours = cost(comparison, OURS);
        let mut row = vec![Cell::text(counted.name), Cell::number(ours, 0)];
        let times = |way: &str| Some(cost(comparison, way)? / ours?);
        row.extend(ways.map(|way| Cell::number(times(way), 2)));
        table.rows.push(row);
    }
    table
}

//! Instructions of the driver for each operation, and which functions they are in.

use crate::{
    results::{Cell, Promise, Table},
    suite::Course,
};
use daxflush_system_tests::costs::{OPERATIONS, PROMISED_WRITE, WRITE_ELSEWHERE, WRITE_OF_4_KIB};
use ntsim::Count;

/// Functions that are shown.
const SHOWN: usize = 24;

/// What was counted: see [`OPERATIONS`].
pub struct Counts(Vec<(&'static str, u64, Count)>);

/// Counts every operation.
pub fn counted(course: &Course) -> Counts {
    course.expect(OPERATIONS.len());
    let count = |operation: &daxflush_system_tests::costs::Operation| {
        let count = operation.count();
        course.step();
        (operation.name, operation.ceiling, count)
    };
    Counts(OPERATIONS.iter().map(count).collect())
}

impl Counts {
    fn of(&self, name: &str) -> Option<&Count> {
        let mut all = self.0.iter();
        all.find(|(counted, _, _)| *counted == name)
            .map(|(_, _, count)| count)
    }

    pub fn tables(&self) -> Vec<Table> {
        let write = self.of(WRITE_OF_4_KIB);
        let functions = write.map(|count| count.functions.as_slice());
        let sources = write.map(|count| count.sources.as_slice());
        vec![
            self.operations(),
            self.routines(),
            profile("function of the image", functions),
            profile("function of the source, inlined ones too", sources),
        ]
    }

    fn operations(&self) -> Table {
        let mut table = Table::new(
            "Instructions of the driver for one operation, and calls of kernel routines",
            ["operation", "instructions", "ceiling", "calls"],
        );
        for (name, ceiling, count) in &self.0 {
            let calls: u64 = count.calls.values().sum();
            table.rows.push(vec![
                Cell::text(*name),
                Cell::count(count.instructions as usize),
                Cell::count(*ceiling as usize),
                Cell::count(calls as usize),
            ]);
        }
        table
    }

    fn routines(&self) -> Table {
        let title = "Kernel routines that the driver calls, and how often";
        let mut table = Table::new(title, ["operation", "routines"]);
        for (name, _, count) in self
            .0
            .iter()
            .filter(|(_, _, count)| !count.calls.is_empty())
        {
            let each = count.calls.iter().map(|(routine, times)| match times {
                1 => (*routine).to_owned(),
                _ => format!("{times} {routine}"),
            });
            let each: Vec<_> = each.collect();
            table
                .rows
                .push(vec![Cell::text(*name), Cell::text(each.join(", "))]);
        }
        table
    }

    pub fn promises(&self) -> Vec<Promise> {
        let measured = |name| self.of(name).map(|count| count.instructions as f64);
        let promise =
            |what: &str, limit: u64, name| Promise::at_most(what, limit as f64, measured(name));
        vec![
            promise(
                "instructions that the filter adds to a write of 4 KiB",
                PROMISED_WRITE,
                WRITE_OF_4_KIB,
            ),
            promise(
                "instructions that it adds on a volume that is not DAX",
                0,
                WRITE_ELSEWHERE,
            ),
        ]
    }
}

/// Where the usual write spends its instructions.
fn profile(by: &str, functions: Option<&[(String, u64)]>) -> Table {
    let title = format!("{WRITE_OF_4_KIB}: instructions by {by}");
    let mut table = Table::new(title, ["instructions", "function"]);
    for (function, times) in functions.unwrap_or_default().iter().take(SHOWN) {
        let row = vec![Cell::count(*times as usize), Cell::text(function)];
        table.rows.push(row);
    }
    table
}

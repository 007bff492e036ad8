//! How time and memory grow with files, their sizes, their dirty lines and threads.

mod fit;
mod memory;
mod sizes;
mod threads;

use crate::{
    peers::{Map, Recorder, Store},
    results::{Axis, Comparison, Drawing, Line, Panel, Picture, Promise, Results, Scale, Table},
    suite::{Course, Suite},
};
use daxflush_engine::Reserve;
use std::error::Error;

pub const SUITE: Suite = Suite {
    name: "growth",
    about: "time and memory by size of file, dirty lines, number of files and threads",
    rounds: 21,
    run,
};

/// What is timed.
const RECORD: &str = "record";
const COMMIT: &str = "commit";

fn run(course: &mut Course) -> Result<Results, Box<dyn Error>> {
    let mut measured = Measured::default();
    measured.add(sizes::by_file_size(course)?);
    measured.add(sizes::by_dirty_lines(course)?);
    measured.add(sizes::by_files(course)?);
    let mut comparisons = measured.comparisons;
    comparisons.extend(threads::measured(course)?);
    let mut results = Results::new(comparisons);
    let workloads = memory::of_workloads(course.options.seed)?;
    let tables = sizes::KINDS
        .iter()
        .map(|kind| table(kind, &results, &measured.memory))
        .chain([
            threads::table(&results),
            fit::table(&results),
            memory::table(&workloads),
        ])
        .collect();
    let pictures = vec![picture(&results, &measured.memory)];
    results.promises = promises(&results, &workloads);
    results.tables = tables;
    results.pictures = pictures;
    results.notes = vec![memory::NOTE.to_owned(), sizes::NOTE.to_owned()];
    Ok(results)
}

/// Comparisons, and the bytes of tracking that each needed.
#[derive(Default)]
struct Measured {
    comparisons: Vec<Comparison>,
    memory: Vec<Memory>,
}

struct Memory {
    kind: &'static str,
    size: f64,
    bytes: usize,
}

impl Measured {
    fn add(&mut self, points: Vec<(Comparison, usize)>) {
        for (comparison, bytes) in points {
            self.memory.push(Memory {
                kind: comparison.workload,
                size: comparison.size,
                bytes,
            });
            self.comparisons.push(comparison);
        }
    }
}

/// Bytes of the leaves and tables that these stores need in a map.
fn tracking(stores: &[Store], reserve: &Reserve) -> usize {
    let mut map = Map::new(reserve);
    let before = reserve.used_bytes();
    stores.iter().for_each(|store| map.record(store));
    (reserve.used_bytes() - before) as usize
}

fn promises(results: &Results, workloads: &[memory::Need]) -> Vec<Promise> {
    let dense = workloads.iter().filter(|need| need.dense);
    let mut promises = vec![Promise::at_most(
        "dense: bytes of tracking / (0.2 % of the dirty bytes + 1 MiB)",
        1.0,
        dense.map(memory::Need::share_of_allowance).reduce(f64::max),
    )];
    for kind in [sizes::LINES, sizes::FILES] {
        let worst = [RECORD, COMMIT].map(|what| fit::exponent(results, kind, what));
        promises.push(Promise::at_most(
            format!("time by {}: exponent (1 is linear)", kind.axis.name),
            1.2,
            worst.into_iter().flatten().reduce(f64::max),
        ));
    }
    promises
}

fn table(kind: &sizes::Kind, results: &Results, memory: &[Memory]) -> Table {
    let comparisons = results.of(kind.workload);
    let mut table = Table::of(kind.title, &comparisons, &[]);
    table.header[0] = kind.axis.name.to_owned();
    table.header.push("KiB of tracking".to_owned());
    let bytes = memory.iter().filter(|memory| memory.kind == kind.workload);
    for (row, memory) in table.rows.iter_mut().zip(bytes) {
        row.push(crate::results::Cell::count(memory.bytes >> 10));
    }
    table
}

fn picture(results: &Results, memory: &[Memory]) -> Picture {
    let mut panels = Vec::new();
    for kind in sizes::KINDS {
        panels.push(Panel::lines(
            kind.title,
            kind.axis,
            &results.of(kind.workload),
        ));
        let points = memory.iter().filter(|memory| memory.kind == kind.workload);
        let line = Line {
            name: "leaves and tables of the dirty map".to_owned(),
            points: points
                .map(|memory| (memory.size, memory.bytes as f64))
                .collect(),
        };
        panels.push(Panel {
            title: format!("Memory by {}", kind.axis.name),
            unit: "bytes of tracking".to_owned(),
            drawing: Drawing::Lines {
                x: kind.axis,
                series: vec![line],
            },
        });
    }
    let x = Axis {
        name: "threads",
        scale: Scale::Binary,
    };
    panels.push(Panel::lines(
        "Recording by threads at once",
        x,
        &results.of(threads::WORKLOAD),
    ));
    Picture {
        name: SUITE.name.to_owned(),
        title: "Growth: time and memory".to_owned(),
        columns: 2,
        panels,
    }
}

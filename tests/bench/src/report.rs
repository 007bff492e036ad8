//! Tables, JSON and the plot.

mod plot;

use crate::{
    measure::Times,
    nvmem::{BARE, Measurement, PMEM, Promise, Results, Workload},
};
use comfy_table::{CellAlignment, Table, presets::ASCII_MARKDOWN};
use serde::Serialize;
use std::{error::Error, fmt::Write, fs, path::Path};

#[derive(Serialize)]
struct Everything<'a> {
    promises: &'a [Promise],
    #[serde(flatten)]
    results: &'a Results,
}

pub fn json(results: &Results, promises: &[Promise]) -> serde_json::Result<String> {
    serde_json::to_string_pretty(&Everything { promises, results })
}

/// Writes `nvmem.json`, `nvmem.svg` and `nvmem.txt` to a folder.
pub fn write(folder: &Path, results: &Results, promises: &[Promise]) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("nvmem.json"), json(results, promises)? + "\n")?;
    fs::write(folder.join("nvmem.txt"), text(results, promises) + "\n")?;
    plot::draw(&folder.join("nvmem.svg"), results)
}

pub fn text(results: &Results, promises: &[Promise]) -> String {
    let mut text = format!(
        "{}; {}, {} bytes in a line; {} rounds, seed {}\n",
        results.processor, results.method, results.line_size, results.rounds, results.seed
    );
    for (workload, title) in [
        (
            Workload::Dirty,
            "A dirty range, flushed and drained: ns a line (median), and ratios",
        ),
        (
            Workload::Clean,
            "A clean range, flushed and drained: ns a line (median), and ratios",
        ),
        (
            Workload::Scattered,
            "Scattered lines: ns a line (median), and ratios",
        ),
        (
            Workload::Stores,
            "Scattered 8-byte stores made durable: ns a store (median), and ratios",
        ),
        (
            Workload::OneLine,
            "One line stored, flushed and drained: ns (median), and ratios",
        ),
        (
            Workload::Write,
            "A copy made durable: GB/s (median), and ratios of time",
        ),
    ] {
        let part: Vec<_> = results
            .measurements
            .iter()
            .filter(|m| m.workload == workload)
            .collect();
        let _ = write!(text, "\n{title}\n\n{}\n", table(&part));
    }
    let _ = write!(text, "\nPromises\n\n{}", promise_table(promises));
    text
}

/// The figure of a contender, in the unit of the workload.
fn figure(measurement: &Measurement, times: &Times) -> f64 {
    if measurement.workload == Workload::Write {
        measurement.size as f64 / times.median
    } else {
        times.median / measurement.lines as f64
    }
}

fn table(measurements: &[&Measurement]) -> Table {
    let mut table = Table::new();
    table.load_preset(ASCII_MARKDOWN);
    let Some(first) = measurements.first() else {
        return table;
    };
    let ours = first.times.first().map_or("", |times| times.contender);
    let rivals: Vec<_> = [BARE, PMEM]
        .into_iter()
        .filter(|rival| first.times(rival).is_some())
        .collect();
    let mut header = vec!["size".to_owned()];
    header.extend(first.times.iter().map(|times| times.contender.to_owned()));
    header.extend(rivals.iter().map(|rival| format!("{ours} / {rival}")));
    table.set_header(header);
    for measurement in measurements {
        let mut row = vec![size(measurement)];
        let figures = measurement.times.iter();
        row.extend(figures.map(|times| format!("{:.2}", figure(measurement, times))));
        row.extend(rivals.iter().map(|rival| {
            let ratio = measurement.ratio(ours, rival);
            ratio.map_or(String::new(), |ratio| format!("{ratio:.3}"))
        }));
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn size(measurement: &Measurement) -> String {
    let size = measurement.size;
    match measurement.workload {
        Workload::Scattered | Workload::Stores => format!("{size} lines"),
        _ if size >= 1 << 20 => format!("{} MiB", size >> 20),
        _ if size >= 1 << 10 => format!("{} KiB", size >> 10),
        _ => format!("{size} B"),
    }
}

fn promise_table(promises: &[Promise]) -> Table {
    let mut table = Table::new();
    table.load_preset(ASCII_MARKDOWN);
    table.set_header([
        "time of daxflush / time of ...",
        "at most",
        "measured",
        "holds",
    ]);
    for promise in promises {
        table.add_row([
            promise.what.clone(),
            format!("{:.3}", promise.limit),
            promise
                .measured
                .map_or("not here".to_owned(), |ratio| format!("{ratio:.3}")),
            match promise.holds {
                Some(true) => "yes",
                Some(false) => "NO",
                None => "?",
            }
            .to_owned(),
        ]);
    }
    table
}

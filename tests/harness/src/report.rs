//! What a replay found, as JSON and as a table.

use crate::{mapped::Mapped, watch::text::grouped};
use comfy_table::{CellAlignment, Table, presets::UTF8_FULL_CONDENSED};
use serde::{Deserialize, Serialize};

/// One replay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The trace's name.
    pub trace: String,
    /// How stores through views were recorded.
    pub mapped: Mapped,
    /// WriteFile calls.
    pub writes: u64,
    /// Stores through views.
    pub stores: u64,
    /// Flush operations of the trace.
    pub commits: u64,
    /// Runs that the driver flushed in them.
    pub ranges: u64,
    /// Batches of runs.
    pub batches: u64,
    /// Lines flushed in them, as the driver counts.
    pub lines_flushed: u64,
    /// Flush instructions that the processor executed in them.
    pub lines_flushed_observed: u64,
    /// Lines to flush, by the trace alone: those that were dirty, and those that could not be told
    /// from them with this way of recording.
    pub lines_expected: u64,
    /// Stores that did not fit into a dirty log, so that the next commit flushed all of the file.
    pub log_overflows: u64,
    /// Fence instructions that the processor executed in them.
    pub drains_observed: u64,
    /// Lines in the ranges that the program asked to flush.
    pub asked_lines: u64,
    /// Lines that are dirty at the end of the trace.
    pub left_dirty: u64,
    /// Commits by an interleaved flush (`--interleave`), not counted above.
    pub interleaved_commits: u64,
    /// Power cuts.
    pub power_cuts: u64,
    /// Bytes that did not survive them as they had to.
    pub bytes_lost: u64,
    /// The seed of the cuts.
    pub seed: u64,
    /// Rules of the driver reference that the driver broke, and what it left behind.
    pub violations: Vec<String>,
    /// The first losses, each with where the power was cut.
    pub losses: Vec<String>,
}

impl Report {
    /// What is wrong, in words; nothing if the driver did all it promises.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.bytes_lost != 0 {
            faults.push(format!("{} bytes lost", self.bytes_lost));
            faults.extend(self.losses.iter().map(|loss| format!("  {loss}")));
        }
        let observed = self.lines_flushed_observed;
        if self.lines_flushed != observed {
            let counted = self.lines_flushed;
            faults.push(format!(
                "the driver counts {counted} lines, {observed} were flushed"
            ));
        }
        if self.lines_expected != observed {
            let expected = self.lines_expected;
            faults.push(format!(
                "{expected} lines were to be flushed, {observed} were"
            ));
        }
        faults.extend(
            self.violations
                .iter()
                .map(|violation| format!("broken rule: {violation}")),
        );
        faults
    }
}

/// The reports side by side.
pub fn table(reports: &[Report]) -> String {
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED);
    table.set_header([
        "trace",
        "mapped",
        "commits",
        "lines asked",
        "lines due",
        "lines flushed",
        "asked/flushed",
        "drains",
        "power cuts",
        "bytes lost",
    ]);
    for report in reports {
        let flushed = report.lines_flushed_observed;
        table.add_row([
            report.trace.clone(),
            report.mapped.to_string(),
            grouped(report.commits),
            grouped(report.asked_lines),
            grouped(report.lines_expected),
            grouped(flushed),
            ratio(report.asked_lines, flushed),
            grouped(report.drains_observed),
            grouped(report.power_cuts),
            grouped(report.bytes_lost),
        ]);
    }
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

fn ratio(asked: u64, flushed: u64) -> String {
    if flushed == 0 {
        return "-".into();
    }
    format!("{:.1} x", asked as f64 / flushed as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let text: Vec<String> = [0, 999, 1000, 78_662_400].map(grouped).to_vec();
        assert_eq!(text, ["0", "999", "1,000", "78,662,400"]);
    }

    #[test]
    fn every_disagreement_is_a_fault() {
        let good = Report {
            lines_flushed: 5,
            lines_flushed_observed: 5,
            lines_expected: 5,
            ..Report::default()
        };
        assert!(good.faults().is_empty());
        for bad in [
            Report {
                bytes_lost: 1,
                ..good.clone()
            },
            Report {
                lines_flushed: 6,
                ..good.clone()
            },
            Report {
                lines_expected: 6,
                ..good.clone()
            },
            Report {
                violations: vec!["leak".into()],
                ..good.clone()
            },
        ] {
            assert!(!bad.faults().is_empty(), "{bad:?}");
        }
    }
}

//! The parts of a device that a recording touches.

use super::marks::{Mark, Recording};
use ntsim::JournalEntry;
use std::collections::BTreeMap;

/// For each place at which a file ever began, how far it was stored to or flushed: start and length.
pub fn of(recording: &Recording) -> Vec<(u64, u64)> {
    let begin = |mark: &Mark| match mark {
        Mark::File { region, .. } => Some((*region, 0)),
        _ => None,
    };
    let mut lengths: BTreeMap<u64, u64> = recording.marks.iter().filter_map(begin).collect();
    for journaled in &recording.journal {
        let end = match &journaled.entry {
            JournalEntry::Store { offset, data } | JournalEntry::NtStore { offset, data, .. } => {
                offset + data.len() as u64
            }
            JournalEntry::Flush { line, .. } | JournalEntry::OrderedFlush { line, .. } => line + 1,
            _ => continue,
        };
        if let Some((start, length)) = lengths.range_mut(..end).next_back() {
            *length = (*length).max(end - start);
        }
    }
    lengths.into_iter().collect()
}

//! Who can store to a stream without a request, and whether they report their stores.

use crate::sync::{AtomicBool, AtomicU64, Ordering::SeqCst};

/// Processes that are told apart; with more, none is believed to report.
const PLACES: usize = 16;

const PROCESS: u64 = 0xffff_ffff;
const MAPPED: u64 = 1 << 32;
const REPORTED: u64 = 1 << 33;
/// Open dirty logs are counted from here on.
const LOG: u64 = 1 << 40;

/// The processes that mapped a stream for writing, and what they have done to report.
///
/// A process counts as reporting from its first report after it last created a section, and as long
/// as it has a dirty log open. One that shares its section with others answers for their stores.
pub struct Mappers {
    places: [AtomicU64; PLACES],
    /// A process found no place.
    crowded: AtomicBool,
}

impl Default for Mappers {
    fn default() -> Self {
        Self::new()
    }
}

impl Mappers {
    /// Nobody.
    pub const fn new() -> Self {
        Self {
            places: [const { AtomicU64::new(0) }; PLACES],
            crowded: AtomicBool::new(false),
        }
    }

    /// A process is about to create a section that can be written. Its number may be that of one
    /// that has ended, so what it has reported before counts no more.
    pub fn map(&self, process: u64) {
        let placed = self.change(process, |entry| (entry | MAPPED) & !REPORTED);
        if !placed {
            self.crowded.store(true, SeqCst);
        }
    }

    /// Somebody nobody knows may have mapped the stream; no report speaks for that.
    pub fn map_unseen(&self) {
        self.crowded.store(true, SeqCst);
    }

    /// A process has reported stores.
    pub fn report(&self, process: u64) {
        if let Some(place) = self.find(process) {
            place.fetch_or(REPORTED, SeqCst);
        }
    }

    /// A process has opened a dirty log; `false` if there is no place to remember it.
    pub fn open_log(&self, process: u64) -> bool {
        self.change(process, |entry| entry.wrapping_add(LOG))
    }

    /// A log of the process is closed.
    pub fn close_log(&self, process: u64) {
        if let Some(place) = self.find(process) {
            let _ = place.fetch_update(SeqCst, SeqCst, |entry| entry.checked_sub(LOG));
        }
    }

    /// Whether a section that can be written was ever created.
    pub fn is_mapped(&self) -> bool {
        self.crowded.load(SeqCst) || self.any(|entry| entry & MAPPED != 0)
    }

    /// Whether any line may have been stored to without a word.
    pub fn is_unreported(&self) -> bool {
        let silent = |entry| entry & MAPPED != 0 && entry & REPORTED == 0 && entry < LOG;
        self.crowded.load(SeqCst) || self.any(silent)
    }

    fn any(&self, is: impl Fn(u64) -> bool) -> bool {
        self.places.iter().any(|place| is(place.load(SeqCst)))
    }

    fn find(&self, process: u64) -> Option<&AtomicU64> {
        let number = process & PROCESS;
        self.places
            .iter()
            .find(|place| place.load(SeqCst) & PROCESS == number)
    }

    /// Changes a process's entry, giving it a place if it has none.
    fn change(&self, process: u64, change: impl Fn(u64) -> u64) -> bool {
        let number = process & PROCESS;
        if number == 0 {
            return false;
        }
        // A place is never given up, so a process that is not found now can only be added in the
        // first free one; who loses a place to another looks from there on.
        self.places.iter().any(|place| {
            place
                .fetch_update(SeqCst, SeqCst, |entry| {
                    let mine = entry & PROCESS == number || entry == 0;
                    mine.then(|| change(if entry == 0 { number } else { entry }))
                })
                .is_ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Mappers, PLACES};

    #[test]
    fn a_mapper_is_silent_until_it_reports_and_again_after_it_maps_again() {
        let mappers = Mappers::new();
        assert!(!mappers.is_mapped() && !mappers.is_unreported());
        mappers.report(8);
        mappers.map(8);
        assert!(mappers.is_unreported());
        mappers.report(8);
        assert!(mappers.is_mapped() && !mappers.is_unreported());
        mappers.map(8);
        assert!(mappers.is_unreported());
    }

    #[test]
    fn one_process_does_not_answer_for_another() {
        let mappers = Mappers::new();
        mappers.map(8);
        mappers.map(12);
        mappers.report(12);
        assert!(mappers.is_unreported());
        mappers.report(8);
        assert!(!mappers.is_unreported());
    }

    #[test]
    fn an_open_log_counts_as_reporting() {
        let mappers = Mappers::new();
        assert!(mappers.open_log(8));
        assert!(mappers.open_log(8));
        mappers.map(8);
        assert!(!mappers.is_unreported());
        mappers.close_log(8);
        assert!(!mappers.is_unreported());
        mappers.close_log(8);
        assert!(mappers.is_unreported());
    }

    #[test]
    fn too_many_processes_are_believed_no_more() {
        let mappers = Mappers::new();
        let processes = (1..=PLACES as u64 + 1).map(|number| number * 4);
        for process in processes.clone() {
            mappers.map(process);
            mappers.report(process);
        }
        assert!(mappers.is_unreported());
        assert!(!mappers.open_log(4000));
    }
}

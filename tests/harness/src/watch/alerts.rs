//! Counters that should stand still, and what it means when they do not.

use daxflush_protocol::Statistics;

/// A counter of something that went wrong.
pub struct Alert {
    /// What is counted.
    pub name: &'static str,
    /// What it means, and what to do.
    pub meaning: &'static str,
    /// Whether something was lost or refused, and not only done at a greater cost.
    pub grave: bool,
    read: fn(&Statistics) -> u64,
}

impl Alert {
    /// The counter, of what was counted or of how much it rose.
    pub fn count(&self, counters: &Statistics) -> u64 {
        (self.read)(counters)
    }
}

/// All of them, the gravest first.
pub const ALERTS: [Alert; 6] = [
    Alert {
        name: "failed commits",
        meaning: "their callers were told, and their lines stay dirty",
        grave: true,
        read: |counters| counters.failed_commits,
    },
    Alert {
        name: "refused",
        meaning: "requests that could not be tracked for want of memory",
        grave: true,
        read: |counters| counters.refused,
    },
    Alert {
        name: "view failures",
        meaning: "a commit found no section or view to flush through",
        grave: true,
        read: |counters| counters.view_failures,
    },
    Alert {
        name: "log overflows",
        meaning: "a full or broken dirty log costs its file a whole flush",
        grave: false,
        read: |counters| counters.log_overflows,
    },
    Alert {
        name: "coarse marks",
        meaning: "tracking memory is used up: raise TrackingKiB",
        grave: false,
        read: |counters| counters.coarse_marks,
    },
    Alert {
        name: "section conflicts",
        meaning: "the file system had sections closed; commits map anew",
        grave: false,
        read: |counters| counters.section_conflicts,
    },
];

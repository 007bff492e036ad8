//! How a replay's program lets the driver know what it stores through a view.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The way in which stores through a view are recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Mapped {
    /// Report each range with the mark-dirty IOCTL, in batches: exact to the 64-byte line
    #[default]
    Report,
    /// Put each range into a dirty log, without a system call: exact to the line
    Log,
    /// Note the first store to each page by a fault: exact to the 4096-byte page
    Faults,
    /// Record nothing: every commit flushes the whole file
    Conservative,
}

impl fmt::Display for Mapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Report => "report",
            Self::Log => "log",
            Self::Faults => "faults",
            Self::Conservative => "conservative",
        })
    }
}

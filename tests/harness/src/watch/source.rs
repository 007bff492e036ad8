//! Where the numbers come from.

use daxflush_protocol::{Information, StatisticsReply, StreamRecord, VolumeRecord};
use std::time::Duration;

/// Answers how things are now.
pub trait Source {
    /// Everything that the screen shows, at one time.
    ///
    /// # Errors
    /// The driver does not answer.
    fn sample(&mut self) -> Result<Sample, SourceError>;
}

/// Why there is no sample.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct SourceError(Box<dyn std::error::Error + Send + Sync>);

impl SourceError {
    /// An error for a reason.
    pub fn new(reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(reason.into())
    }
}

/// A volume that the filter is attached to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// What the driver says of it.
    pub record: VolumeRecord,
    /// Its name.
    pub name: String,
}

/// A stream that is tracked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// The volume's [`VolumeRecord::id`].
    pub volume: u64,
    /// What the driver says of it.
    pub record: StreamRecord,
    /// Its name.
    pub name: String,
}

/// The streams of all volumes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Streams {
    /// All of them.
    Known(Vec<Stream>),
    /// They are not to be had, for this reason: the driver shows the names of everybody's files to
    /// administrators only.
    Unavailable(String),
}

impl Streams {
    /// Those that are known.
    pub fn known(&self) -> &[Stream] {
        match self {
            Self::Known(streams) => streams,
            Self::Unavailable(_) => &[],
        }
    }
}

/// How things are at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When, since a time that is the same for all samples of a source.
    pub time: Duration,
    /// What the driver is.
    pub information: Information,
    /// Counters and histograms of everything.
    pub statistics: StatisticsReply,
    /// The volumes.
    pub volumes: Vec<Volume>,
    /// The streams.
    pub streams: Streams,
}

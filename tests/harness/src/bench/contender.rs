//! What is measured.

use crate::client::{ClientError, Device, Platform};
use daxflush_protocol::{FileRange, MAX_RANGES};
use std::{
    fmt,
    time::{Duration, Instant},
};

/// Bytes of a line.
const LINE: u64 = 64;
/// From one range to the next: every second line, so that no two of them make one run.
const STRIDE: u64 = 2 * LINE;
/// The file's size.
pub const FILE_BYTES: u64 = MAX_RANGES as u64 * STRIDE;

/// A request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contender {
    /// The request that does least.
    Version,
    /// A report of so many ranges.
    Mark(usize),
    /// A commit of so many dirty lines.
    Commit(usize),
    /// A token's flush of one line, which a store has just changed.
    FlushToken,
}

impl Contender {
    /// All of them; the first is what the others are compared with.
    pub const ALL: [Self; 8] = [
        Self::Version,
        Self::Mark(1),
        Self::Mark(MAX_RANGES),
        Self::Commit(0),
        Self::Commit(1),
        Self::Commit(64),
        Self::Commit(4096),
        Self::FlushToken,
    ];
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count| if count == 1 { "" } else { "s" };
        match *self {
            Self::Version => f.write_str("version"),
            Self::Mark(count) => write!(f, "mark {count} range{}", plural(count)),
            Self::Commit(count) => write!(f, "commit {count} line{}", plural(count)),
            Self::FlushToken => f.write_str("token flush 1 line"),
        }
    }
}

/// Where contenders run: one after the other, each with the file clean before it.
pub(super) struct Course<'a, P: Platform> {
    device: &'a Device<P>,
    file: &'a P::Handle,
    token: u64,
    ranges: Vec<FileRange>,
}

type Result<T, P> = std::result::Result<T, ClientError<<P as Platform>::Error>>;

const ALL_OF_IT: FileRange = FileRange {
    offset: 0,
    length: 0,
};

impl<'a, P: Platform> Course<'a, P> {
    pub fn new(device: &'a Device<P>, file: &'a P::Handle) -> Result<Self, P> {
        let range = |index| FileRange {
            offset: index * STRIDE,
            length: LINE,
        };
        device.commit(file, ALL_OF_IT)?;
        Ok(Self {
            device,
            file,
            token: device.get_token(file, 0, FILE_BYTES)?,
            ranges: (0..MAX_RANGES as u64).map(range).collect(),
        })
    }

    /// Runs one; returns its time in ns, without what goes before and after it.
    pub fn run(&self, contender: Contender) -> Result<u64, P> {
        let device = self.device;
        let taken = match contender {
            Contender::Version => timed(|| device.ask_version().map(drop))?,
            Contender::Mark(count) => timed(|| self.mark(count))?,
            Contender::Commit(count) => {
                self.mark(count)?;
                timed(|| self.commit())?
            }
            Contender::FlushToken => {
                device.write_token(self.token, 0, &[0; LINE as usize], 0)?;
                timed(|| {
                    device
                        .flush_token(self.token, &self.ranges[..1], 0)
                        .map(drop)
                })?
            }
        };
        self.commit()?;
        Ok(u64::try_from(taken.as_nanos()).unwrap_or(u64::MAX))
    }

    fn mark(&self, count: usize) -> Result<(), P> {
        self.device.mark_dirty(self.file, &self.ranges[..count])
    }

    fn commit(&self) -> Result<(), P> {
        self.device.commit(self.file, ALL_OF_IT).map(drop)
    }

    pub fn end(self) -> Result<(), P> {
        self.device.free_token(self.token)
    }
}

fn timed<E>(
    request: impl FnOnce() -> std::result::Result<(), E>,
) -> std::result::Result<Duration, E> {
    let begun = Instant::now();
    request()?;
    Ok(begun.elapsed())
}

//! How much is tried, and what that came to.

use super::{memory::LINE, subset::Subset};
use crate::Failure;

/// How much of what is possible is tried.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// All combinations of lines are tried where there are no more than this.
    pub combinations: u64,
    /// Where there are more: lines that survive alone, and that alone are missing.
    pub alone: usize,
    /// Where there are more: random choices of lines.
    pub lines: u64,
    /// Random choices of units, everywhere.
    pub units: u64,
    /// Only every so many points are looked at; 1 for all.
    pub every: u64,
    /// Bytes that a program stores at once: what is larger is several stores. A line or 8 bytes.
    pub grain: usize,
}

impl Effort {
    /// What a scenario gets that is not a trace.
    pub const FULL: Self = Self {
        combinations: 1 << 11,
        alone: 64,
        lines: 256,
        units: 128,
        every: 1,
        grain: LINE,
    };

    /// A trace has many points.
    pub const TRACE: Self = Self {
        combinations: 1 << 7,
        alone: 12,
        lines: 24,
        units: 24,
        every: 7,
        ..Self::FULL
    };
}

/// What was explored.
#[derive(Debug, Default)]
pub struct Explored {
    /// Places at which the power was cut.
    pub points: u64,
    /// Those at which nothing new could be found.
    pub unchanged: u64,
    /// Those at which all combinations were tried.
    pub exhaustive: u64,
    /// Images that were made.
    pub states: u64,
    /// Those that are not the same.
    pub distinct: u64,
    /// Images that were held against the promises: the same image again after each promise.
    pub checked: u64,
    /// Images from which a program recovered.
    pub recovered: u64,
    /// Lines that were not drained, at most.
    pub most_lines: usize,
    /// Commits that succeeded, and that failed.
    pub commits: (u64, u64),
    /// Bytes of the simulator's durable image that were held against this one's.
    pub compared: u64,
    /// The first thing that is wrong.
    pub failure: Option<Failure>,
}

/// A place and a choice, for looking at one image.
#[derive(Clone, Copy, Debug)]
pub struct Chosen {
    /// The number of the crash point.
    pub point: u64,
    /// What survives.
    pub subset: Subset,
}

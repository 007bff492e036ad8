//! Who watches a replay.

use crate::model::File;
use daxflush_protocol::VersionReply;

/// A commit of the trace that has succeeded.
pub struct Commit<'a> {
    /// The trace's line.
    pub line: usize,
    /// The trace's number of the file.
    pub file: u32,
    /// Lines in the range that the program asked to flush.
    pub asked: u64,
    /// Lines that the processor flushed.
    pub flushed: u64,
    /// For how long it ran, as the driver says, in units of 100 ns of the simulated machine.
    pub time: u64,
    /// The file as the commit found it.
    pub found: &'a File,
}

/// Is told what a replay does.
pub trait Observer {
    /// The driver has been loaded.
    fn driver(&mut self, version: &VersionReply);

    /// A commit has succeeded.
    fn commit(&mut self, commit: &Commit<'_>);
}

/// Nobody.
impl Observer for () {
    fn driver(&mut self, _: &VersionReply) {}

    fn commit(&mut self, _: &Commit<'_>) {}
}

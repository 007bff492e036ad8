//! P3: which lines a commit may flush.

use daxflush_system_tests::Client;
use ntsim::Sim;
use std::collections::BTreeSet;

const LINE: u64 = 64;

/// Lines of one file that its next commit has to flush, and that it may flush.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    dirty: BTreeSet<u64>,
    /// Of stores that failed, which count as if they had stored all of their data.
    maybe: BTreeSet<u64>,
    /// What is dirty is not known, up to the next commit of all of it.
    pub unknown: bool,
    /// All of the file may count as dirty at any time.
    pub untold: bool,
}

impl Lines {
    /// Something was stored, or may have been.
    pub fn store(&mut self, offset: u64, length: usize, certain: bool) {
        let lines = offset / LINE..(offset + length as u64).div_ceil(LINE);
        let set = if certain {
            &mut self.dirty
        } else {
            &mut self.maybe
        };
        set.extend(lines);
    }

    /// The file ends here.
    pub fn cut_off(&mut self, size: u64) {
        self.dirty.retain(|line| line * LINE < size);
    }

    /// A commit of all of it succeeded.
    pub fn committed(&mut self) {
        self.dirty.clear();
        self.maybe.clear();
        self.unknown = false;
    }

    /// How many lines a commit has to flush at least, and at most if that is known.
    pub fn bounds(&self) -> (u64, Option<u64>) {
        let most = self.dirty.union(&self.maybe).count() as u64;
        let least = if self.unknown { 0 } else { self.dirty.len() };
        let exact = !self.unknown && !self.untold;
        (least as u64, exact.then_some(most))
    }
}

/// What was flushed so far: by the processor, and of that as part of what was tracked coarsely.
#[derive(Clone, Copy, Debug)]
pub struct Flushed {
    lines: u64,
    /// `None` if the driver could not be asked.
    coarse: Option<u64>,
}

impl Flushed {
    pub fn now(sim: &Sim, client: Option<&Client>) -> Self {
        Self {
            coarse: client.and_then(coarse_lines),
            lines: sim.observed().flushes,
        }
    }

    /// Lines since, and how many of them were coarse, if that is known. Nothing is known when the
    /// driver has gone meanwhile.
    pub fn since(&self, before: &Self) -> Option<(u64, Option<u64>)> {
        let coarse = self.coarse.zip(before.coarse);
        let coarse = coarse.map(|(now, then)| now.saturating_sub(then));
        Some((self.lines.checked_sub(before.lines)?, coarse))
    }
}

fn coarse_lines(client: &Client) -> Option<u64> {
    use daxflush_protocol::{Ioctl, StatisticsReply, StatisticsRequest};
    use zerocopy::IntoBytes;
    let request = StatisticsRequest::default();
    let reply: StatisticsReply = client.ask(Ioctl::Statistics, request.as_bytes()).ok()?;
    Some(reply.counters.coarse_lines)
}

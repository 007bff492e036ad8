//! What a power cut leaves.

use std::io;

use super::durable::{Durable, LineBytes};
use super::{LINE, PAGE, Pmem, UNIT, lines};

/// Which of the values that may survive do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Policy {
    /// Only the durable image.
    None,
    /// Everything that the processors saw, as if each line had been written back just in time.
    All,
    /// For each aligned 8 bytes, a choice by this seed among the durable, the in-flight and the
    /// volatile value.
    Random(u64),
    /// The durable image, and the volatile contents of the one line that holds this offset.
    OnlyLine(u64),
    /// Everything but the one line that holds this offset, which keeps its durable contents.
    MissingLine(u64),
}

/// The contents of a device after a power cut, made up as they are read.
///
/// They are evaluated against the device as it is at the time of the read: read them before the
/// simulated system goes on.
#[derive(Clone, Debug)]
pub struct Survivors {
    pmem: Pmem,
    policy: Policy,
}

impl Survivors {
    pub(super) fn new(pmem: Pmem, policy: Policy) -> Survivors {
        Survivors { pmem, policy }
    }

    /// Reads surviving contents.
    ///
    /// # Errors
    /// `InvalidInput` outside the device.
    pub fn read(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.pmem.check(offset, buf.len() as u64)?;
        let (start, end) = lines(offset, buf.len() as u64);
        let durable = self.pmem.device.durable();
        let mut line_or_page = [0; PAGE as usize];
        let mut at = start;
        while at < end {
            let part = &mut line_or_page[..(PAGE - at % PAGE).min(end - at) as usize];
            self.part(&durable, at, part)?;
            let from = at.max(offset);
            let to = (at + part.len() as u64).min(offset + buf.len() as u64);
            buf[(from - offset) as usize..(to - offset) as usize]
                .copy_from_slice(&part[(from - at) as usize..(to - at) as usize]);
            at += part.len() as u64;
        }
        Ok(())
    }

    /// The device after the restart: these contents, all durable, nothing in flight.
    ///
    /// # Errors
    /// The system's, if it cannot make the memory file.
    pub fn to_pmem(&self) -> io::Result<Pmem> {
        let restarted = Pmem::new(self.pmem.size())?;
        let mut pages = self.pmem.device.durable().pages(0, self.pmem.size());
        self.pmem.device.for_data(0, self.pmem.size(), |at, _| {
            pages.insert(at / PAGE);
        })?;
        let mut bytes = [0; PAGE as usize];
        for page in pages {
            self.read(page * PAGE, &mut bytes)?;
            if bytes.iter().any(|&b| b != 0) {
                restarted.write_durable(page * PAGE, &bytes)?;
            }
        }
        Ok(restarted)
    }

    /// Fills whole lines within one page.
    fn part(&self, durable: &Durable, at: u64, part: &mut [u8]) -> io::Result<()> {
        if self.policy == Policy::None {
            durable.read(at, part);
            return Ok(());
        }
        self.pmem.read(at, part)?;
        let mut kept = [0; PAGE as usize];
        let kept = &mut kept[..part.len()];
        durable.read(at, kept);
        let in_flight = durable.any_in_flight(at, at + part.len() as u64);
        if kept == part && !in_flight {
            return Ok(());
        }
        for (bytes, line) in part
            .chunks_mut(LINE as usize)
            .zip((at..).step_by(LINE as usize))
        {
            self.line(durable, line, bytes);
        }
        Ok(())
    }

    /// Replaces the volatile contents of a line by what survives of it.
    fn line(&self, durable: &Durable, line: u64, bytes: &mut [u8]) {
        let keep = match self.policy {
            Policy::All => false,
            Policy::None => true,
            Policy::OnlyLine(only) => line != only - only % LINE,
            Policy::MissingLine(missing) => line == missing - missing % LINE,
            Policy::Random(seed) => return choose(seed, durable, line, bytes),
        };
        if keep {
            bytes.copy_from_slice(&durable.line(line).0);
        }
    }
}

/// Chooses for each unit of a line among the durable, the in-flight and the volatile value.
fn choose(seed: u64, durable: &Durable, line: u64, bytes: &mut [u8]) {
    let mut candidates = vec![durable.line(line)];
    candidates.extend(durable.in_flight(line));
    candidates.push(LineBytes(
        bytes
            .try_into()
            .unwrap_or_else(|_| unreachable!("a whole line")),
    ));
    let units = bytes.chunks_mut(UNIT as usize).enumerate();
    for (i, unit) in units {
        let within = i * UNIT as usize..(i + 1) * UNIT as usize;
        let mut values: Vec<&[u8]> = candidates.iter().map(|c| &c.0[within.clone()]).collect();
        values.dedup();
        let chosen = hash(seed, line + within.start as u64) % values.len() as u64;
        unit.copy_from_slice(values[chosen as usize]);
    }
}

/// The finalizer of SplitMix64, twice: the same in every build, so that a seed stays a test case.
fn hash(seed: u64, address: u64) -> u64 {
    mix(mix(seed.wrapping_add(0x9e37_79b9_7f4a_7c15)) ^ address)
}

fn mix(mut value: u64) -> u64 {
    value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}

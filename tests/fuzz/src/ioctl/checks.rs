//! The promises, as far as they can be checked after each operation.

use super::session::{File, Session};
use ntsim::CutPolicy;
use std::{collections::BTreeSet, ops::Range};

const LINE: u64 = 64;

/// Lines with stores that nobody has reported.
#[derive(Default)]
pub(super) struct Loose(BTreeSet<u64>);

impl Loose {
    pub fn add(&mut self, bytes: Range<u64>) {
        if !bytes.is_empty() {
            self.0.extend(bytes.start / LINE..bytes.end.div_ceil(LINE));
        }
    }
}

impl Session<'_> {
    /// P1: after a commit nothing is lost that was written, or stored and reported.
    ///
    /// # Panics
    /// Something would be.
    pub fn is_durable(&self, file: File, bytes: Range<u64>, after: &str) {
        let read = |data: &mut [u8]| self.sim.read_file(file.handle, 0, data);
        let (sim, process) = (self.sim, file.process);
        if !file.is_dax {
            return;
        }
        let Ok(size) = sim.in_process(process, || sim.file_size(file.handle)) else {
            return;
        };
        let end = bytes.end.min(size) as usize;
        let Some(start) = usize::try_from(bytes.start).ok().filter(|it| *it < end) else {
            return;
        };
        let mut now = vec![0; end];
        if sim.in_process(process, || read(&mut now)).is_err() {
            return;
        }
        let mut durable = vec![0; end];
        if !sim
            .power_cut(CutPolicy::Durable)
            .read(file.id, 0, &mut durable)
        {
            return;
        }
        let loose = self.loose.get(&file.id);
        for at in start..end {
            let is_loose = loose.is_some_and(|loose| loose.0.contains(&(at as u64 / LINE)));
            assert!(
                now[at] == durable[at] || is_loose,
                "P1: after {after} byte {at} of {size} is not durable: it is {:#x}, and {:#x} survives",
                now[at],
                durable[at]
            );
        }
    }
}

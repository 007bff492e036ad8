//! The system's error log: entries that drivers fill, and what of them an administrator sees.

use crate::{
    Sim,
    kernel::Kernel,
    nt::{Block, get, io_error_log_packet as packet},
};
use std::collections::HashMap;

/// What a driver has written to the system's error log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorLogEntry {
    /// The message that stands for it.
    pub error_code: u32,
    /// The status of the operation that led to it.
    pub final_status: u32,
    /// The insertion strings, from %2 on.
    pub strings: Vec<String>,
    /// The dump data.
    pub dump: Vec<u8>,
}

#[derive(Default)]
pub(crate) struct ErrorLog {
    /// Entries that are neither written nor freed, with their length in bytes.
    pub allocated: HashMap<usize, (Block, usize)>,
    written: Vec<ErrorLogEntry>,
}

/// The largest entry, ERROR_LOG_MAXIMUM_SIZE.
const MAXIMUM: usize = 240;

impl Kernel {
    /// nf-wdm-ioallocateerrorlogentry
    pub fn allocate_error_log_entry(&self, object: usize, size: u8) -> Option<usize> {
        let size = usize::from(size);
        let mut state = self.lock();
        let known = state.devices.contains_key(&object) || state.driver_object == Some(object);
        if !known {
            drop(state);
            let detail = "an entry for something that is neither a device nor the driver";
            self.violation("error log", detail);
            return None;
        }
        if !(packet::SIZE..=MAXIMUM).contains(&size) {
            return None;
        }
        let block = Block::zeroed(size);
        let address = block.address();
        state.error_log.allocated.insert(address, (block, size));
        Some(address)
    }

    /// nf-wdm-ioallocateerrorlogentry's counterparts: takes an entry back, as a copy.
    fn take_error_log_entry(&self, address: usize) -> Option<Vec<u8>> {
        let taken = self.lock().error_log.allocated.remove(&address);
        let Some((block, size)) = taken else {
            self.violation("error log", "an entry was given back that is none");
            return None;
        };
        // SAFETY: our own block, of that many bytes.
        let bytes = (0..size).map(|at| unsafe { get(block.address(), at) });
        Some(bytes.collect())
    }

    /// nf-wdm-iofreeerrorlogentry
    pub fn free_error_log_entry(&self, address: usize) {
        self.take_error_log_entry(address);
    }

    /// nf-wdm-iowriteerrorlogentry
    pub fn write_error_log_entry(&self, address: usize) {
        let Some(bytes) = self.take_error_log_entry(address) else {
            return;
        };
        match read(&bytes) {
            Ok(entry) => self.lock().error_log.written.push(entry),
            Err(wrong) => self.violation("error log", wrong),
        }
    }
}

/// ns-wdm-_io_error_log_packet, with its dump data and strings inside of the entry.
fn read(bytes: &[u8]) -> Result<ErrorLogEntry, &'static str> {
    let short = |at: usize| usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
    let long = |at: usize| {
        let bytes = [0, 1, 2, 3].map(|byte| bytes[at + byte]);
        u32::from_le_bytes(bytes)
    };
    let dump_size = short(packet::DUMP_DATA_SIZE);
    if !dump_size.is_multiple_of(4) {
        return Err("the size of the dump data is no multiple of 4");
    }
    let dump_end = packet::DUMP_DATA + dump_size;
    let dump = bytes.get(packet::DUMP_DATA..dump_end);
    let dump = dump.ok_or("the dump data is longer than the entry")?;
    let (count, mut at) = (
        short(packet::NUMBER_OF_STRINGS),
        short(packet::STRING_OFFSET),
    );
    if count != 0 && (at < dump_end || !at.is_multiple_of(2)) {
        return Err("the strings begin inside of the dump data, or at an odd offset");
    }
    let mut strings = Vec::new();
    for _ in 0..count {
        let rest = bytes.get(at..).unwrap_or_default();
        let units = rest
            .chunks_exact(2)
            .map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
        let units: Vec<u16> = units.collect();
        let end = units.iter().position(|unit| *unit == 0);
        let end = end.ok_or("a string without an end inside of the entry")?;
        strings.push(String::from_utf16_lossy(&units[..end]));
        at += 2 * (end + 1);
    }
    Ok(ErrorLogEntry {
        error_code: long(packet::ERROR_CODE),
        final_status: long(packet::FINAL_STATUS),
        strings,
        dump: dump.to_vec(),
    })
}

impl Sim {
    /// What was written to the error log since the machine was booted.
    pub fn error_log(&self) -> Vec<ErrorLogEntry> {
        self.kernel.lock().error_log.written.clone()
    }
}

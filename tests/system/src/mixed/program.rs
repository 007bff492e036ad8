//! A thread's use of one file: its handle, its view, its log.

use crate::Client;
use daxflush_protocol::{FileRange, log_layout};
use ntsim::{Handle, MappedView, NtStatus, SharedView, Sim};

const ENTRIES: u32 = 64;

/// How the stores through a view become known.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// By a request each.
    Reported,
    /// By an entry in a log each.
    Logged,
    /// Not at all.
    Silent,
}

struct Log {
    id: u64,
    address: u64,
    memory: SharedView,
    tail: u64,
}

struct Mapped {
    view: MappedView,
    bytes: u64,
    log: Option<Log>,
}

/// A file that the thread has open.
pub struct Opened {
    pub handle: Handle,
    /// What is written through it is durable when it completes.
    pub write_through: bool,
    mapped: Option<Mapped>,
}

impl Opened {
    pub fn new(handle: Handle, write_through: bool) -> Self {
        Self {
            handle,
            write_through,
            mapped: None,
        }
    }

    /// Maps a file of so many bytes, and tells what it can of its stores from now on.
    pub fn map(
        &mut self,
        sim: &Sim,
        client: &Client,
        way: Way,
        bytes: u64,
        shared: bool,
    ) -> Result<u64, NtStatus> {
        if let Some(mapped) = &self.mapped {
            return Ok(mapped.bytes);
        }
        // The log first: a view has to be unmapped by hand if there is none.
        let log = match way {
            Way::Reported | Way::Silent => None,
            Way::Logged => {
                let reply = client.create_log(self.handle, ENTRIES)?;
                let memory = sim.shared_view(reply.address, reply.bytes as usize)?;
                let (id, address) = (reply.log, reply.address);
                Some(Log {
                    id,
                    address,
                    memory,
                    tail: 0,
                })
            }
        };
        let view = sim.map_view(self.handle, 0, bytes, true);
        let view = view.expect("a view of what the file has");
        if shared && log.is_some() {
            // Or the file would be dirty all over, for everybody, once the log is closed.
            let (offset, length) = (0, 8);
            client.mark(self.handle, &[FileRange { offset, length }])?;
        }
        self.mapped = Some(Mapped { view, bytes, log });
        Ok(bytes)
    }

    /// CPU stores, which are then told of.
    pub fn store(
        &mut self,
        client: &Client,
        way: Way,
        offset: u64,
        data: &[u8],
    ) -> Result<(), NtStatus> {
        let mapped = self.mapped.as_mut().ok_or(NtStatus::NOT_MAPPED_VIEW)?;
        mapped.view.store(offset, data);
        let length = data.len() as u64;
        let range = FileRange { offset, length };
        match (way, &mut mapped.log) {
            (Way::Reported, _) => client.mark(self.handle, &[range]),
            (Way::Logged, Some(log)) => {
                log.append(range);
                Ok(())
            }
            (Way::Logged, None) | (Way::Silent, _) => Ok(()),
        }
    }

    /// Unmaps. A log is closed, or left to go with its handle and returned.
    pub fn unmap(&mut self, sim: &Sim, client: &Client, leave_log: bool) -> Option<u64> {
        let mapped = self.mapped.take()?;
        sim.unmap_view(mapped.view);
        let log = mapped.log?;
        sim.unmap_shared(log.address).expect("our view");
        if leave_log {
            return Some(log.id);
        }
        client.close_log(log.id).expect("our log");
        None
    }
}

impl Log {
    /// As the protocol says; a full log is told to be.
    fn append(&mut self, range: FileRange) {
        let entries = u64::from(ENTRIES);
        if self.tail - self.memory.load(log_layout::HEAD / 8) >= entries {
            return self.memory.store(log_layout::OVERFLOW / 8, 1);
        }
        let slot = log_layout::ENTRIES / 8 + 2 * (self.tail % entries) as usize;
        self.memory.store(slot, range.offset);
        self.memory.store(slot + 1, range.length);
        self.tail += 1;
        self.memory.store(log_layout::TAIL / 8, self.tail);
    }
}

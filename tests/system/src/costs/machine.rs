//! The machine of one operation.

use crate::{Client, driver};
use daxflush_protocol::FileRange;
use ntsim::{
    Access, Count, CreateFileOptions, Disposition, Handle, NtStatus, Sim, SimOptions, VolumeOptions,
};

const SERVICE: &str = "daxflush";
pub const LINE: u64 = 64;
const KIB: usize = 1 << 10;
pub const PAGE: usize = 4 * KIB;
/// Bytes of the file, and how far it was written.
const FILE_BYTES: u64 = 16 << 20;
const WRITTEN: usize = 2 << 20;

/// A machine with the shipped driver, a DAX volume D: and another volume C:, and an open file on D:.
pub struct Machine {
    pub sim: Sim,
    pub client: Client,
    pub file: Handle,
}

impl Machine {
    pub fn new() -> Self {
        let sim = Sim::boot(SimOptions::default()).expect("a machine");
        for (letter, dax) in [('D', true), ('C', false)] {
            let volume = VolumeOptions {
                dax,
                ..VolumeOptions::default()
            };
            sim.add_volume(letter, volume).expect("a volume");
        }
        sim.load_driver(&driver(), SERVICE)
            .expect("the driver loads");
        let client = Client::open(&sim);
        let file = open(&sim, r"D:\a", CreateFileOptions::default());
        Self { sim, client, file }
    }

    /// Each page of the file's beginning has been written to and committed: the driver knows it, and
    /// has a view of all of the file.
    pub fn in_use(self) -> Self {
        self.sim
            .set_end_of_file(self.file, FILE_BYTES)
            .expect("a size");
        for offset in (0..WRITTEN).step_by(PAGE) {
            self.write(offset as u64, LINE as usize);
        }
        self.commit();
        self
    }

    /// Opens the file another time.
    pub fn open(&self, options: CreateFileOptions) -> Handle {
        open(&self.sim, r"D:\a", options)
    }

    pub fn write(&self, offset: u64, length: usize) {
        let written = self.sim.write_file(self.file, offset, &vec![7; length]);
        assert_eq!(written, Ok(length));
    }

    pub fn commit(&self) {
        self.sim.flush_file_buffers(self.file).expect("a flush");
    }

    /// Makes `lines` lines dirty, `distance` lines from one to the next.
    pub fn dirty(&self, lines: u64, distance: u64) {
        /// Of one request.
        const RANGES: usize = 4096;
        let ranges: Vec<_> = if distance == 1 {
            vec![range(0, lines)]
        } else {
            (0..lines).map(|line| range(line * distance, 1)).collect()
        };
        for ranges in ranges.chunks(RANGES).filter(|_| lines > 0) {
            self.client.mark(self.file, ranges).expect("a report");
        }
    }

    /// Counts what the driver does in `call`, which succeeds.
    pub fn count<T>(self, call: impl FnOnce(&Self) -> Result<T, NtStatus>) -> Count {
        let (done, count) = self
            .sim
            .count_instructions(|| call(&self))
            .expect("single steps");
        done.expect("the operation succeeds");
        assert_eq!(self.sim.violations(), []);
        count
    }
}

/// So many lines from a line on.
pub fn range(line: u64, lines: u64) -> FileRange {
    FileRange {
        offset: line * LINE,
        length: lines * LINE,
    }
}

fn open(sim: &Sim, path: &str, options: CreateFileOptions) -> Handle {
    sim.create_file_with(path, options).expect("a file")
}

/// A handle to a file on the volume that is not DAX.
pub fn open_elsewhere(sim: &Sim) -> Handle {
    sim.create_file(r"C:\a", Access::ReadWrite, Disposition::OpenAlways)
        .expect("a file")
}

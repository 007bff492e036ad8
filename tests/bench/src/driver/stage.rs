//! The machine that is measured, and files with the filter and without.

use crate::{machine, memory::LINE};
use daxctl::client::Simulated;
use daxflush_nvmem::{Method, NvMemory};
use daxflush_system_tests::driver;
use ntsim::{Access, Disposition, Handle, MappedView, Sim, SimError, SimOptions, VolumeOptions};
use std::error::Error;

const SERVICE: &str = "daxflush";
/// Bytes of each file.
pub const FILE_BYTES: usize = 16 << 20;

/// A machine whose driver runs unpatched, with nothing checked.
pub struct Stage {
    pub sim: Sim,
    /// On a DAX volume, with the filter attached.
    pub watched: File,
    /// On a volume that the filter is not attached to; the file system is the same.
    pub free: File,
    method: Method,
}

/// An open file, all of it written, and its memory to look at.
pub struct File {
    pub handle: Handle,
    view: MappedView,
}

impl Stage {
    pub fn new() -> Result<Self, Box<dyn Error>> {
        let sim = Sim::boot(SimOptions {
            checks: false,
            ..SimOptions::default()
        })?;
        for (letter, dax) in [('D', true), ('C', false)] {
            let volume = VolumeOptions {
                dax,
                ..VolumeOptions::default()
            };
            sim.add_volume(letter, volume)?;
        }
        sim.load_driver(&driver(), SERVICE)?;
        let nv = NvMemory::<1>::new();
        nv.init(1);
        Ok(Self {
            watched: File::new(&sim, r"D:\measured")?,
            free: File::new(&sim, r"C:\measured")?,
            method: nv.method(),
            sim,
        })
    }

    pub fn platform(&self) -> Simulated {
        Simulated(self.sim.clone())
    }

    /// WriteFile.
    pub fn write(&self, file: &File, offset: usize, data: &[u8]) {
        let written = self.sim.write_file(file.handle, offset as u64, data);
        assert_eq!(written, Ok(data.len()));
    }

    /// FlushFileBuffers.
    pub fn commit(&self, file: &File) {
        let flushed = self.sim.flush_file_buffers(file.handle);
        flushed.expect("a flush");
    }

    /// Flushes lines by the bare instructions.
    pub fn flush(&self, file: &File, line: usize, lines: usize) {
        let first = file.view.base() + line * LINE;
        assert!((line + lines) * LINE <= FILE_BYTES);
        // SAFETY: in the file's view; the method was chosen for this processor.
        unsafe { machine::flush(self.method, first, first + lines * LINE) };
    }

    pub fn end(self) -> Result<(), Box<dyn Error>> {
        for file in [self.watched, self.free] {
            self.sim.unmap_view(file.view);
            self.sim.close_handle(file.handle)?;
        }
        self.sim.unload_driver(SERVICE)?;
        Ok(())
    }
}

impl File {
    fn new(sim: &Sim, path: &str) -> Result<Self, SimError> {
        let handle = sim
            .create_file(path, Access::ReadWrite, Disposition::CreateNew)
            .expect("a file");
        for offset in (0..FILE_BYTES).step_by(1 << 20) {
            let written = sim.write_file(handle, offset as u64, &[1; 1 << 20]);
            written.expect("a write");
        }
        sim.flush_file_buffers(handle).expect("a flush");
        // Not to be stored to, so that it changes nothing of what the filter assumes.
        let view = sim.map_view(handle, 0, FILE_BYTES as u64, false);
        Ok(Self {
            handle,
            view: view.expect("a view"),
        })
    }
}

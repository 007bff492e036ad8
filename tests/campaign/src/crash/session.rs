//! A machine with the driver, on which a scenario's program runs while all is recorded.

pub use super::marker::{File, Marker, Scope, whole};
use super::marks::{Mark, Recording};
use daxctl::random::Random;
use daxflush_system_tests::Client;
use ntsim::{
    CreateFileOptions, EventKind, FileId, Handle, NtStatus, Sim, SimError, SimOptions,
    VolumeOptions,
};
use std::path::Path;

const SERVICE: &str = "daxflush";

/// A machine, and what its program has done so far.
pub struct Session {
    /// The machine.
    pub sim: Sim,
    /// Writes marks.
    pub marker: Marker,
    /// Choices of the scenario.
    pub random: Random,
    files: Vec<(FileId, String, u64)>,
    loaded: bool,
}

impl Session {
    /// A machine with a DAX volume D: and a driver.
    ///
    /// # Errors
    /// The driver cannot be loaded.
    pub fn start(driver: &Path, seed: u64) -> Result<Self, SimError> {
        let sim = Sim::boot(SimOptions::default())?;
        sim.add_volume('D', VolumeOptions::default())?;
        Self::load(sim, driver, seed)
    }

    /// Loads the driver into a machine.
    ///
    /// # Errors
    /// It cannot be loaded.
    pub fn load(sim: Sim, driver: &Path, seed: u64) -> Result<Self, SimError> {
        sim.load_driver(driver, SERVICE)?;
        sim.persistent_memory().start_journal();
        let marker = Marker::new(&sim, seed);
        let session = Self {
            sim: sim.clone(),
            marker: marker.clone(),
            random: Random::new(seed, 0xc4a5),
            files: Vec::new(),
            loaded: true,
        };
        // The probe holds the machine, which holds the probe; the end of the session lets go of both.
        sim.set_probe(Some(Box::new(move |event| {
            let is_seen = match event.kind {
                EventKind::Flush { pmem, .. } | EventKind::NtStore { pmem, .. } => pmem.is_some(),
                EventKind::Fence { .. } => true,
            };
            if is_seen {
                marker.annotate(event.rip);
            }
            let due = {
                let mut shared = marker.shared();
                match &mut shared.meanwhile {
                    Some((0, _)) => shared.meanwhile.take(),
                    Some((left, _)) => {
                        *left -= 1;
                        None
                    }
                    None => None,
                }
            };
            if let Some((_, mut act)) = due {
                act(&marker);
            }
        })));
        Ok(session)
    }

    /// A client of the driver.
    pub fn client(&self) -> Client {
        Client::open(&self.sim)
    }

    /// Does something at an instruction of the driver from now on, of which so many come before. It must not
    /// call the driver: CPU stores are what other processors do then.
    pub fn meanwhile(&self, instructions: u64, act: impl FnMut(&Marker) + Send + 'static) {
        self.marker.shared().meanwhile = Some((instructions, Box::new(act)));
    }

    /// Opens a file, making it if it does not exist.
    ///
    /// # Panics
    /// It cannot be opened.
    pub fn open(&mut self, name: &str) -> File {
        self.open_with(name, CreateFileOptions::default())
    }

    /// Opens a file in some way, which must not empty it.
    ///
    /// # Panics
    /// It cannot be opened.
    pub fn open_with(&mut self, name: &str, options: CreateFileOptions) -> File {
        let path = format!(r"D:\{name}");
        let handle = self.sim.create_file_with(&path, options).expect("a file");
        self.opened(name, handle)
    }

    /// A file that was opened otherwise.
    ///
    /// # Panics
    /// It was not.
    pub fn opened(&mut self, name: &str, handle: Handle) -> File {
        let id = self.sim.file_id(handle).expect("an open file");
        let known = self.files.iter().position(|(known, ..)| *known == id);
        let number = known.unwrap_or_else(|| {
            let (region, size) = self.sim.place_of(id).expect("a file");
            let (file, name) = (self.files.len(), name.to_owned());
            self.files.push((id, name.clone(), size));
            self.marker.mark(Mark::File { file, name, region });
            file
        });
        File { handle, number }
    }

    /// Takes note of a file's size.
    fn size(&mut self, file: File) {
        let (id, _, known) = &mut self.files[file.number];
        if let Some((_, size)) = self.sim.place_of(*id).filter(|(_, size)| size != known) {
            *known = size;
            let file = file.number;
            self.marker.mark(Mark::Size { file, size });
        }
    }

    /// Something that stores data at an offset of a file, and has done so when it returns.
    ///
    /// # Errors
    /// Its own: then the data may be there or not, and nothing is promised of it.
    pub fn stores<T>(
        &mut self,
        file: File,
        offset: u64,
        data: &[u8],
        act: impl FnOnce(&Sim) -> Result<T, NtStatus>,
    ) -> Result<usize, NtStatus> {
        let store = self.marker.storing(file.number, offset, data);
        let done = act(&self.sim);
        self.size(file);
        done?;
        self.marker.stored(store);
        Ok(store)
    }

    /// As [`Self::stores`], by CPU stores that the journal does not see by itself.
    ///
    /// # Errors
    /// Its own.
    pub fn stores_by_itself<T>(
        &mut self,
        file: File,
        offset: u64,
        data: &[u8],
        act: impl FnOnce(&Sim) -> Result<T, NtStatus>,
    ) -> Result<usize, NtStatus> {
        let region = self.sim.place_of(self.files[file.number].0);
        self.stores(file, offset, data, |sim| {
            if let Some((region, _)) = region {
                sim.persistent_memory().tell_store(region + offset, data);
            }
            act(sim)
        })
    }

    /// WriteFile, of new data.
    ///
    /// # Panics
    /// It fails.
    pub fn write(&mut self, file: File, offset: u64, length: usize) {
        let data = self.marker.stamps(offset, length);
        self.write_data(file, offset, &data);
    }

    /// WriteFile.
    ///
    /// # Panics
    /// It fails.
    pub fn write_data(&mut self, file: File, offset: u64, data: &[u8]) {
        let written = self.stores(file, offset, data, |sim| {
            sim.write_file(file.handle, offset, data)
        });
        written.expect("a write");
    }

    /// SetEndOfFile.
    ///
    /// # Panics
    /// It fails.
    pub fn truncate(&mut self, file: File, size: u64) {
        assert!(self.truncates(file, size), "a size");
    }

    /// SetEndOfFile; whether it succeeded. What it was to cut off is not promised any more.
    pub fn truncates(&mut self, file: File, size: u64) -> bool {
        if size < self.files[file.number].2 {
            // What is cut off may be gone before the call returns.
            self.files[file.number].2 = size;
            let file = file.number;
            self.marker.mark(Mark::Size { file, size });
        }
        let set = self.sim.set_end_of_file(file.handle, size);
        self.size(file);
        set.is_ok()
    }

    /// Something that is a commit of files, or of ranges of them; whether it succeeded.
    pub fn commits(
        &mut self,
        what: &str,
        scopes: &[Scope],
        act: impl FnOnce(&Sim) -> Result<(), NtStatus>,
    ) -> bool {
        let commit = self.marker.committing(what, scopes);
        let success = act(&self.sim).is_ok();
        self.marker.committed(commit, success);
        self.symbolize();
        for (file, _) in scopes {
            self.compare(file.number);
        }
        success
    }

    /// FlushFileBuffers.
    ///
    /// # Panics
    /// It fails.
    pub fn flush(&mut self, file: File) {
        let flushed = self.commits("FlushFileBuffers", &[whole(file)], |sim| {
            sim.flush_file_buffers(file.handle)
        });
        assert!(flushed, "a flush");
    }

    /// CloseHandle, which commits.
    ///
    /// # Panics
    /// It fails.
    pub fn close(&mut self, file: File) {
        let closed = self.commits("the end of a handle", &[whole(file)], |sim| {
            sim.close_handle(file.handle)
        });
        assert!(closed, "a close");
    }

    /// The file is about to be deleted.
    pub fn deletes(&mut self, file: File) {
        let file = file.number;
        self.marker.mark(Mark::Gone { file });
    }

    /// A program's transaction begins.
    pub fn begins(&self, transaction: u64) {
        self.marker.mark(Mark::Begun(transaction));
    }

    /// The program relies on a transaction.
    pub fn relies_on(&self, transaction: u64) {
        self.marker.mark(Mark::Relied(transaction));
    }

    /// What the simulator holds for durable goes into the recording.
    pub fn compare(&mut self, file: usize) {
        let Some((region, size)) = self.sim.place_of(self.files[file].0) else {
            return;
        };
        /// Of larger files, the beginning.
        const MOST: u64 = 4 << 20;
        let mut bytes = vec![0; size.min(MOST) as usize];
        let memory = self.sim.persistent_memory();
        memory
            .read_durable(region, &mut bytes)
            .expect("the device holds the file");
        self.marker.mark(Mark::Durable { file, bytes });
    }

    fn symbolize(&mut self) {
        if self.loaded {
            Recording::symbolize(&mut self.marker.shared().symbols, &self.sim);
        }
    }

    /// Unloads the driver, which commits what is still open.
    ///
    /// # Panics
    /// It does not unload.
    pub fn unload(&mut self, open: &[File]) {
        let scopes: Vec<_> = open.iter().copied().map(whole).collect();
        self.loaded = false;
        let unloaded = self.commits("the driver's unload", &scopes, |sim| {
            sim.unload_driver(SERVICE).expect("the driver unloads");
            Ok(())
        });
        assert!(unloaded, "an unload");
    }

    /// Ends the recording; the driver is unloaded, if it was not.
    ///
    /// # Panics
    /// It does not unload, or broke a rule.
    pub fn end(mut self) -> Recording {
        if self.loaded {
            self.unload(&[]);
        }
        assert_eq!(self.sim.violations(), [], "a scenario breaks no rule");
        self.recording()
    }

    /// Ends the recording.
    pub fn recording(self) -> Recording {
        self.sim.set_probe(None);
        let mut shared = self.marker.shared();
        let named = std::mem::take(&mut shared.symbols).into_iter();
        Recording {
            journal: self.sim.persistent_memory().take_journal(),
            marks: std::mem::take(&mut shared.marks),
            symbols: named
                .filter_map(|(address, name)| Some((address, name?)))
                .collect(),
        }
    }
}

//! A machine with the driver, whose programs keep a ledger.

use super::ledger::{Committing, Ledger};
use daxflush_system_tests::Client;
use ntsim::{
    CreateFileOptions, Handle, NtStatus, Sim, SimError, SimOptions, VolumeOptions, WriteOptions,
    scheduling_point,
};
use std::{
    ops::Range,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

const SERVICE: &str = "daxflush";
/// Bytes of a file that are looked at.
pub const BYTES: u64 = 4096;

/// An open file.
#[derive(Clone, Copy)]
pub struct File {
    /// A handle.
    pub handle: Handle,
    /// In the ledger.
    pub number: usize,
}

/// A machine. Clones are the same machine.
#[derive(Clone)]
pub struct Machine {
    /// The simulated one.
    pub sim: Sim,
    ledger: Arc<Mutex<Ledger>>,
    loaded: Arc<AtomicBool>,
    seed: u64,
    driver: PathBuf,
}

impl Machine {
    /// A machine with a DAX volume D: and a driver.
    ///
    /// # Errors
    /// The driver cannot be loaded.
    pub fn start(
        driver: &Path,
        options: SimOptions,
        settings: &[(&str, u32)],
        seed: u64,
    ) -> Result<Self, SimError> {
        let sim = Sim::boot(options)?;
        sim.add_volume('D', VolumeOptions::default())?;
        for (name, value) in settings {
            sim.set_number_parameter(SERVICE, name, *value);
        }
        sim.load_driver(driver, SERVICE)?;
        let machine = Self {
            sim,
            ledger: Arc::default(),
            loaded: Arc::new(AtomicBool::new(true)),
            seed,
            driver: driver.to_owned(),
        };
        machine.watch();
        Ok(machine)
    }

    fn watch(&self) {
        let ledger = self.ledger.clone();
        self.sim.set_probe(Some(Box::new(move |event| {
            if let Some(line) = event.pmem_line() {
                lock(&ledger).flushed(line);
            }
        })));
    }

    /// What was written and promised.
    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }

    /// A client of the driver.
    pub fn client(&self) -> Client {
        Client::open(&self.sim)
    }

    /// Opens a file, making it if it does not exist.
    ///
    /// # Panics
    /// It cannot be opened.
    pub fn open(&self, name: &str) -> File {
        self.open_with(name, CreateFileOptions::default())
    }

    /// Opens a file in some way.
    ///
    /// # Panics
    /// It cannot be opened.
    pub fn open_with(&self, name: &str, options: CreateFileOptions) -> File {
        let path = format!(r"D:\{name}");
        let handle = self.sim.create_file_with(&path, options).expect("a file");
        self.file(name, handle)
    }

    /// A file that was opened otherwise.
    ///
    /// # Panics
    /// It was not.
    pub fn file(&self, name: &str, handle: Handle) -> File {
        let id = self.sim.file_id(handle).expect("an open file");
        let (region, _) = self.sim.place_of(id).expect("a file");
        let number = self.ledger().file(name, id, region, BYTES);
        File { handle, number }
    }

    /// Something that stores data.
    ///
    /// # Errors
    /// Its own; then the data may be there or not.
    pub fn stores<T>(
        &self,
        file: File,
        offset: u64,
        length: u64,
        act: impl FnOnce(&[u8]) -> Result<T, NtStatus>,
    ) -> Result<(), NtStatus> {
        scheduling_point("(a write begins)");
        let (writing, data) = self.ledger().begins(file.number, offset, length);
        act(&data)?;
        self.ledger().ends(writing);
        scheduling_point("(a write has ended)");
        Ok(())
    }

    /// WriteFile.
    ///
    /// # Errors
    /// WriteFile's.
    pub fn may_write(&self, file: File, offset: u64, length: u64) -> Result<(), NtStatus> {
        self.stores(file, offset, length, |data| {
            self.sim.write_file(file.handle, offset, data)
        })
    }

    /// WriteFile.
    ///
    /// # Panics
    /// It fails.
    pub fn write(&self, file: File, offset: u64, length: u64) {
        self.may_write(file, offset, length).expect("a write");
    }

    /// A write that is durable when it completes.
    ///
    /// # Panics
    /// It fails.
    pub fn write_through(&self, file: File, offset: u64, length: u64) {
        scheduling_point("(a write begins)");
        let (mut writing, data) = self.ledger().begins(file.number, offset, length);
        Ledger::goes_through(&mut writing);
        let options = WriteOptions {
            write_through: true,
            ..WriteOptions::default()
        };
        let written = self
            .sim
            .write_file_with(file.handle, offset, &data, options);
        written.expect("a write");
        let mut ledger = self.ledger();
        ledger.ends(writing);
        ledger.cut(&self.sim, "a write-through", self.seed);
        drop(ledger);
        scheduling_point("(a write has ended)");
    }

    /// SetEndOfFile.
    ///
    /// # Errors
    /// Its own.
    pub fn may_truncate(&self, file: File, size: u64) -> Result<(), NtStatus> {
        scheduling_point("(a truncation begins)");
        self.ledger().truncates(file.number, size);
        let done = self.sim.set_end_of_file(file.handle, size);
        self.ledger().truncated(file.number, size);
        scheduling_point("(a truncation has ended)");
        done
    }

    /// Something that commits files when it succeeds.
    ///
    /// # Errors
    /// Its own; then nothing is promised.
    pub fn commits(
        &self,
        what: &str,
        files: &[File],
        act: impl FnOnce(&Sim) -> Result<(), NtStatus>,
    ) -> Result<(), NtStatus> {
        scheduling_point("(a commit begins)");
        let commit = self.ledger().commits();
        act(&self.sim)?;
        self.committed(what, commit, files);
        scheduling_point("(a commit has ended)");
        Ok(())
    }

    /// A commit begins.
    pub fn begins_commit(&self) -> Committing {
        self.ledger().commits()
    }

    /// A commit has succeeded.
    pub fn committed(&self, what: &str, commit: Committing, files: &[File]) {
        let scopes: Vec<_> = files.iter().map(|file| (file.number, 0..BYTES)).collect();
        self.ledger()
            .committed(&self.sim, what, commit, &scopes, self.seed);
    }

    /// A commit of a range has succeeded.
    pub fn committed_range(&self, what: &str, commit: Committing, scope: (usize, Range<u64>)) {
        self.ledger()
            .committed(&self.sim, what, commit, &[scope], self.seed);
    }

    /// FlushFileBuffers.
    ///
    /// # Panics
    /// It fails.
    pub fn flush(&self, file: File) {
        let flushed = self.commits("FlushFileBuffers", &[file], |sim| {
            sim.flush_file_buffers(file.handle)
        });
        flushed.expect("a flush");
    }

    /// CloseHandle of the last handle, which commits if nothing is in its way.
    ///
    /// # Panics
    /// It fails.
    pub fn close(&self, file: File) {
        let closed = self.commits("the end of a handle", &[file], |sim| {
            sim.close_handle(file.handle)
        });
        closed.expect("a close");
    }

    /// CloseHandle, which promises nothing.
    pub fn close_quietly(&self, file: File) {
        // Another thread may have closed it.
        let _ = self.sim.close_handle(file.handle);
    }

    /// Detaches the filter, and attaches it again.
    ///
    /// # Panics
    /// It cannot be attached.
    pub fn detach_and_attach(&self) {
        scheduling_point("(a detachment begins)");
        if self.leaves("a detachment", |sim| sim.detach('D').is_ok()) {
            scheduling_point("(detached)");
            self.sim.attach('D').expect("attached again");
            self.ledger().attached();
        }
    }

    /// Unloads the driver, and loads it again.
    ///
    /// # Panics
    /// It cannot be loaded.
    pub fn unload_and_load(&self) {
        scheduling_point("(an unload begins)");
        if self.leaves("an unload", |sim| sim.unload_driver(SERVICE).is_ok()) {
            self.loaded.store(false, SeqCst);
            scheduling_point("(unloaded)");
            self.sim
                .load_driver(&self.driver, SERVICE)
                .expect("the driver loads");
            self.watch();
            self.loaded.store(true, SeqCst);
            self.ledger().attached();
        }
    }

    /// The filter goes, and commits everything before; whether it has.
    fn leaves(&self, what: &str, act: impl FnOnce(&Sim) -> bool) -> bool {
        let commit = {
            let mut ledger = self.ledger();
            let commit = ledger.commits();
            ledger.detaches();
            commit
        };
        let gone = act(&self.sim);
        let mut ledger = self.ledger();
        if gone {
            ledger.committed_by_detachment(&self.sim, what, commit, self.seed);
        } else {
            ledger.attached();
        }
        gone
    }

    /// Ends: the driver unloads, nothing may be left, and all promises are kept.
    ///
    /// # Panics
    /// The driver does not unload.
    pub fn end(&self, exact: bool) {
        let seed = self.seed;
        self.ledger().cut(&self.sim, "the last program", seed);
        self.sim.unload_driver(SERVICE).expect("the driver unloads");
        self.sim.check_nothing_left();
        let mut ledger = self.ledger();
        ledger.cut(&self.sim, "the unload", seed);
        if exact {
            ledger.check_exact();
        }
    }
}

fn lock(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

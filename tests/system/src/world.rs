//! The machine and its modelled files.

use crate::power::Shared;
use daxctl::model;
use ntsim::{
    Access, CreateFileOptions, CutPolicy, Disposition, FileId, FlushKind, Handle, NtStatus, Sim,
    SimOptions, VolumeOptions, WriteOptions,
};
use std::{
    ops::Range,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard},
};

const SERVICE: &str = "daxflush";

/// What a commit covers: a file, or a range of it.
pub type Scope = (Handle, Option<Range<u64>>);

/// All of a file.
pub fn whole(file: Handle) -> Scope {
    (file, None)
}

/// The shipped driver, or the one that `DAXFLUSH_SYS` names.
///
/// # Panics
/// It was not built.
pub fn driver() -> PathBuf {
    if let Some(path) = std::env::var_os("DAXFLUSH_SYS") {
        return path.into();
    }
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/driver/daxflush.sys");
    let shown = path.display();
    assert!(
        path.exists(),
        "{shown} is missing: run scripts/build-driver"
    );
    path
}

/// A machine with a DAX volume D: and the shipped driver. Every operation that succeeds is modelled.
pub struct World {
    /// The machine.
    pub sim: Sim,
    shared: Arc<Mutex<Shared>>,
    sequence: u64,
    commits: u64,
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// A machine as it comes.
    ///
    /// # Panics
    /// The driver does not load.
    pub fn new() -> Self {
        Self::with(SimOptions::default(), &[])
    }

    /// A machine of some kind, with numbers in the service's `Parameters` key.
    ///
    /// # Panics
    /// The driver does not load.
    pub fn with(options: SimOptions, settings: &[(&str, u32)]) -> Self {
        let sim = Sim::boot(options).expect("a machine");
        sim.add_volume('D', VolumeOptions::default())
            .expect("a volume");
        for (name, value) in settings {
            sim.set_number_parameter(SERVICE, name, *value);
        }
        sim.load_driver(&driver(), SERVICE)
            .expect("the driver loads");
        let world = Self {
            sim,
            shared: Arc::default(),
            sequence: 0,
            commits: 0,
        };
        world.watch();
        world
    }

    /// Cuts the power at the driver's instructions from now on; to be called again after a load.
    pub fn watch(&self) {
        let (shared, sim) = (Arc::downgrade(&self.shared), self.sim.clone());
        self.sim.set_probe(Some(Box::new(move |_| {
            if let Some(shared) = shared.upgrade() {
                shared.lock().expect("the model").instruction(&sim);
            }
        })));
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().expect("the model")
    }

    /// Works with the model of a file.
    pub fn model<T>(&self, file: Handle, work: impl FnOnce(&mut model::File) -> T) -> T {
        let id = self.id(file);
        work(self.shared().files.entry(id).or_default())
    }

    fn id(&self, file: Handle) -> FileId {
        self.sim.file_id(file).expect("an open file")
    }

    /// Opens a file for reading and writing, making it if it does not exist.
    ///
    /// # Panics
    /// It cannot be opened.
    pub fn open(&self, name: &str) -> Handle {
        self.open_with(name, CreateFileOptions::default())
    }

    /// Opens a file in some way.
    ///
    /// # Panics
    /// It cannot be opened.
    pub fn open_with(&self, name: &str, options: CreateFileOptions) -> Handle {
        let path = format!(r"D:\{name}");
        let file = self.sim.create_file_with(&path, options).expect("a file");
        let empties = matches!(
            options.disposition,
            Disposition::CreateAlways | Disposition::TruncateExisting | Disposition::Supersede
        );
        self.model(file, |model| {
            if empties {
                model.truncate(0);
            }
        });
        file
    }

    /// Opens a file for reading.
    ///
    /// # Panics
    /// It does not exist.
    pub fn open_to_read(&self, name: &str) -> Handle {
        let path = format!(r"D:\{name}");
        self.sim
            .create_file(&path, Access::Read, Disposition::OpenExisting)
            .expect("a file")
    }

    /// New contents for a range.
    pub fn data(&mut self, file: Handle, offset: u64, length: u64) -> Vec<u8> {
        self.sequence += 1;
        let sequence = self.sequence;
        self.model(file, |model| model.fresh_data(offset, length, sequence))
    }

    /// WriteFile.
    ///
    /// # Panics
    /// It fails.
    pub fn write(&mut self, file: Handle, offset: u64, length: u64) {
        let written = self.write_with(file, offset, length, WriteOptions::default());
        assert_eq!(written, Ok(length as usize));
    }

    /// A write in some way. One that fails has stored what the options say, or nothing.
    ///
    /// # Errors
    /// The write's.
    pub fn write_with(
        &mut self,
        file: Handle,
        offset: u64,
        length: u64,
        options: WriteOptions,
    ) -> Result<usize, NtStatus> {
        let data = self.data(file, offset, length);
        let written = self.sim.write_file_with(file, offset, &data, options);
        let stored = match (written, options.fail) {
            (Ok(count), _) | (Err(_), Some((count, _))) => count,
            (Err(_), None) => 0,
        };
        if stored != 0 {
            self.model(file, |model| model.store(offset, &data[..stored]));
        }
        written
    }

    /// Something that stores `data` at an offset.
    ///
    /// # Panics
    /// It fails.
    pub fn stores(
        &mut self,
        file: Handle,
        offset: u64,
        length: u64,
        store: impl FnOnce(&Sim, &[u8]) -> Result<(), NtStatus>,
    ) {
        let data = self.data(file, offset, length);
        store(&self.sim, &data).expect("the data is stored");
        self.model(file, |model| model.store(offset, &data));
    }

    /// SetEndOfFile.
    ///
    /// # Panics
    /// It fails.
    pub fn truncate(&self, file: Handle, size: u64) {
        self.sim.set_end_of_file(file, size).expect("a size");
        self.model(file, |model| model.truncate(size));
    }

    /// Lines that commits of these scopes have to flush.
    pub fn dirty(&self, scopes: &[Scope]) -> u64 {
        let lines = |(file, range): &Scope| {
            self.model(*file, |model| match range {
                None => model.dirty_lines(),
                Some(range) => model.dirty_lines_of(range.clone()),
            })
        };
        scopes.iter().map(lines).sum()
    }

    /// A commit point that flushes exactly the dirty lines of what it covers, with the power cut
    /// after it and at every instruction of it.
    ///
    /// # Panics
    /// It fails, flushes other than it must, or loses something.
    pub fn commits(
        &mut self,
        what: &str,
        scopes: &[Scope],
        act: impl FnOnce(&Sim) -> Result<(), NtStatus>,
    ) {
        let lines = self.dirty(scopes);
        assert_eq!(self.commits_anyhow(what, scopes, act), lines, "{what}");
    }

    /// As [`Self::commits`], of all of files that nobody needs to have open.
    ///
    /// # Panics
    /// It fails, flushes other than it must, or loses something.
    pub fn commits_of(
        &mut self,
        what: &str,
        files: &[FileId],
        act: impl FnOnce(&Sim) -> Result<(), NtStatus>,
    ) {
        let lines: u64 = {
            let shared = self.shared();
            let models = files.iter().filter_map(|id| shared.files.get(id));
            models.map(model::File::dirty_lines).sum()
        };
        let all: Vec<_> = files.iter().map(|id| (*id, None)).collect();
        assert_eq!(self.commit_ids(what, all, act), lines, "{what}");
    }

    /// As [`Self::commits`], whatever it flushes; returns the lines.
    ///
    /// # Panics
    /// It fails, or loses something.
    pub fn commits_anyhow(
        &mut self,
        what: &str,
        scopes: &[Scope],
        act: impl FnOnce(&Sim) -> Result<(), NtStatus>,
    ) -> u64 {
        let ids: Vec<_> = scopes
            .iter()
            .map(|(file, range)| (self.id(*file), range.clone()))
            .collect();
        self.commit_ids(what, ids, act)
    }

    fn commit_ids(
        &mut self,
        what: &str,
        ids: Vec<(FileId, Option<Range<u64>>)>,
        act: impl FnOnce(&Sim) -> Result<(), NtStatus>,
    ) -> u64 {
        let before = self.sim.observed().flushes;
        self.shared().arm();
        let done = act(&self.sim);
        let mut shared = self.shared();
        shared.armed = false;
        assert_eq!(done, Ok(()), "{what}");
        for (id, range) in ids {
            let model = shared.files.entry(id).or_default();
            match range {
                None => model.commit(),
                Some(range) => model.commit_range(range),
            }
        }
        shared.cut_all(&self.sim, what);
        assert_eq!(shared.losses, Vec::<String>::new(), "{what}");
        drop(shared);
        self.commits += 1;
        // The counts begin anew when a driver is loaded.
        self.sim.observed().flushes.saturating_sub(before)
    }

    /// Something that makes nothing durable for certain, with the power cut after it and at every
    /// instruction of it; returns the lines that it flushes.
    ///
    /// # Panics
    /// It fails, or something committed before is lost.
    pub fn begins(&mut self, what: &str, act: impl FnOnce(&Sim) -> Result<(), NtStatus>) -> u64 {
        self.commit_ids(what, Vec::new(), act)
    }

    /// Whether a power cut now may lose what a commit of this file would have made durable.
    pub fn would_lose(&self, file: Handle) -> bool {
        let id = self.id(file);
        let mut committed = self.model(file, |model| model.clone());
        committed.commit();
        let survivors = self.sim.power_cut(CutPolicy::Durable);
        let losses = committed.check(|offset, data| {
            survivors.read(id, offset, data);
        });
        !losses.is_empty()
    }

    /// Something that may be refused and then stores nothing, or stores and then fails; what is there
    /// afterwards tells.
    ///
    /// # Panics
    /// It says that it succeeded, and stored nothing.
    pub fn may_store(
        &mut self,
        file: Handle,
        offset: u64,
        length: u64,
        store: impl FnOnce(&Sim, &[u8]) -> Result<(), NtStatus>,
    ) -> bool {
        let data = self.data(file, offset, length);
        let done = store(&self.sim, &data).is_ok();
        let mut found = vec![0; data.len()];
        let read = self.sim.read_file(file, offset, &mut found);
        let stored = read.is_ok() && found == data;
        assert!(stored || !done, "nothing was stored");
        if stored {
            self.model(file, |model| model.store(offset, &data));
        }
        done
    }

    /// FlushFileBuffers of a file.
    ///
    /// # Panics
    /// As [`Self::commits`].
    pub fn flush(&mut self, file: Handle) {
        self.commits("a flush", &[whole(file)], |sim| {
            sim.flush_file(file, FlushKind::Normal)
        });
    }

    /// FlushFileBuffers of a file, with no power cut: what a scenario begins with.
    ///
    /// # Panics
    /// It fails.
    pub fn flush_quietly(&self, file: Handle) {
        self.sim.flush_file_buffers(file).expect("a flush");
        self.model(file, model::File::commit);
    }

    /// Cuts the power now.
    ///
    /// # Panics
    /// Something committed is lost.
    pub fn cut(&self, when: &str) {
        let mut shared = self.shared();
        shared.cut_all(&self.sim, when);
        assert_eq!(shared.losses, Vec::<String>::new(), "{when}");
    }

    /// Forgets a file that was deleted or replaced.
    pub fn forget(&self, id: FileId) {
        self.shared().files.remove(&id);
    }

    /// CloseHandle, which commits.
    ///
    /// # Panics
    /// It fails.
    pub fn close(&mut self, file: Handle) {
        self.commits("the end of a handle", &[whole(file)], |sim| {
            sim.close_handle(file)
        });
    }

    /// Ends a scenario: the driver unloads, nothing is lost or left, and no rule was broken.
    ///
    /// # Panics
    /// Otherwise.
    pub fn end(self) {
        self.cut("at the end");
        self.sim.unload_driver(SERVICE).expect("the driver unloads");
        self.cut("after the unload");
        assert_eq!(self.sim.violations(), []);
        println!(
            "{} commits, {} power cuts",
            self.commits,
            self.shared().cuts
        );
    }
}

//! The files that all threads work on.

use super::model::{Mark, Model};
use ntsim::{CutPolicy, FileId, NtStatus, Sim};
use std::{
    ops::Range,
    sync::{Mutex, MutexGuard, RwLock, atomic::AtomicU64},
};

/// Files that every thread uses, and those that one thread has for itself.
pub const SHARED: usize = 32;
/// All files.
pub const FILES: usize = 64;
/// Files that are longer than a window.
pub const LONG: usize = 2;
/// Their size.
pub const LONG_BYTES: u64 = 3 << 19;
/// The most that another file becomes.
pub const SHORT_BYTES: u64 = 12 << 10;

/// What is stored in a file is serialized by its lock; commits do not take it.
pub struct File {
    /// The path it has now.
    pub path: String,
    /// Its identity, once it exists.
    pub id: Option<FileId>,
    /// Where it ends.
    pub size: u64,
    names: u64,
    stamp: u64,
}

impl File {
    /// A name that it never had.
    pub fn another_name(&mut self, index: usize) -> String {
        self.names += 1;
        format!(r"D:\{index}-{}", self.names)
    }

    /// Values that were never stored.
    pub fn stamps(&mut self, count: u64) -> Vec<u64> {
        self.stamp += count;
        (self.stamp - count + 1..=self.stamp).collect()
    }
}

/// A file and its model, whose lock is the inner one.
pub struct Place {
    pub file: Mutex<File>,
    model: Mutex<Model>,
}

impl Place {
    fn new(index: usize) -> Self {
        Self {
            file: Mutex::new(File {
                path: format!(r"D:\{index}"),
                id: None,
                size: 0,
                names: 0,
                stamp: 0,
            }),
            model: Mutex::default(),
        }
    }

    pub fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().expect("a model")
    }

    /// Something that stores these values, and returns when every report of it was made.
    pub fn store(
        &self,
        offset: u64,
        values: &[u64],
        act: impl FnOnce(&[u8]) -> Result<(), NtStatus>,
    ) -> Result<(), NtStatus> {
        let bytes: Vec<u8> = values.iter().flat_map(|it| it.to_le_bytes()).collect();
        self.model().begin(offset, values);
        let done = act(&bytes);
        self.model().end(offset, values.len(), done);
        done
    }

    /// A commit point of a range, whatever other threads do meanwhile.
    pub fn commit(
        &self,
        range: Range<u64>,
        act: impl FnOnce() -> Result<(), NtStatus>,
    ) -> Result<(), NtStatus> {
        let mark = self.model().mark();
        act().inspect(|()| self.model().commit(mark, &range))
    }
}

/// What all threads share.
pub struct Common {
    pub sim: Sim,
    pub places: Vec<Place>,
    /// Held exclusively while no filter is attached: what is stored then is nobody's promise.
    pub attached: RwLock<()>,
    pub losses: Mutex<Vec<String>>,
    pub commits: AtomicU64,
    pub cuts: AtomicU64,
}

impl Common {
    pub fn new(sim: Sim) -> Self {
        Self {
            sim,
            places: (0..FILES).map(Place::new).collect(),
            attached: RwLock::default(),
            losses: Mutex::default(),
            commits: AtomicU64::new(0),
            cuts: AtomicU64::new(0),
        }
    }

    /// A commit point of all files.
    pub fn commit_all(&self, act: impl FnOnce() -> Result<(), NtStatus>) -> Result<(), NtStatus> {
        let marks: Vec<Mark> = self
            .places
            .iter()
            .map(|place| place.model().mark())
            .collect();
        act()?;
        for (place, mark) in self.places.iter().zip(marks) {
            place.model().commit(mark, &(0..u64::MAX));
        }
        Ok(())
    }

    /// Cuts the power and checks every file that was touched since the last time. Others go on, but
    /// not with stores to the file that is being looked at.
    pub fn cut(&self, policy: CutPolicy) {
        for (index, place) in self.places.iter().enumerate() {
            let file = place.file.lock().expect("a file");
            let mut model = place.model();
            let Some(id) = file.id.filter(|_| model.touched) else {
                continue;
            };
            model.touched = false;
            let cut = self.sim.power_cut(policy);
            let lost = model.check(|offset, bytes| {
                if !cut.read(id, offset, bytes) {
                    bytes.fill(0);
                }
            });
            if let Some(lost) = lost {
                let lost = format!("file {index}, {policy:?}: {lost}");
                self.losses.lock().expect("losses").push(lost);
            }
        }
    }
}

//! Playing a trace on a machine that goes on, without checking anything.

use crate::{
    client::{ClientError, DaxFile, Device, Platform, Recording},
    random::mix,
    trace::Op,
};
use std::{collections::HashMap, sync::Arc};

/// A program that does what a trace says.
pub struct Player<P: Platform> {
    device: Arc<Device<P>>,
    volume: char,
    files: HashMap<u32, DaxFile<P>>,
    sequence: u64,
}

type Result<T, P> = std::result::Result<T, ClientError<<P as Platform>::Error>>;

impl<P: Platform> Player<P> {
    /// A program whose files are on a volume.
    ///
    /// # Errors
    /// The driver's.
    pub fn new(platform: P, volume: char) -> Result<Self, P> {
        Ok(Self {
            device: Arc::new(Device::open(platform)?),
            volume,
            files: HashMap::new(),
            sequence: 0,
        })
    }

    /// Does one operation of a trace that was checked to make sense.
    ///
    /// # Errors
    /// The driver's or the file system's.
    ///
    /// # Panics
    /// The file of the operation is not open: the trace was not checked.
    pub fn step(&mut self, op: &Op) -> Result<(), P> {
        let file = |files: &'_ mut HashMap<u32, DaxFile<P>>, number: u32| {
            files.remove(&number).expect("the trace was checked")
        };
        self.sequence += 1;
        let seed = self.sequence;
        let data =
            |length: u64| -> Vec<u8> { (0..length).map(|at| mix(seed ^ at) as u8).collect() };
        let number = match *op {
            Op::Open { file, ref name } => {
                let path = format!(r"{}:\{name}", self.volume);
                let opened = DaxFile::open(&self.device, &path, Recording::Report)?;
                self.files.insert(file, opened);
                return Ok(());
            }
            Op::Delete { file: number } => return file(&mut self.files, number).delete(),
            Op::Write { file, .. }
            | Op::Store { file, .. }
            | Op::Map { file, .. }
            | Op::Flush { file }
            | Op::FlushView { file, .. }
            | Op::Truncate { file, .. } => file,
        };
        let file = self.files.get_mut(&number).expect("the trace was checked");
        match *op {
            Op::Write { offset, length, .. } => file.write(offset, &data(length)),
            Op::Store { offset, length, .. } => file.store(offset, &data(length)),
            Op::Map { offset, length, .. } => file.map(offset, length),
            Op::FlushView { offset, length, .. } => file.commit_view(offset, length),
            Op::Truncate { size, .. } => file.set_size(size),
            Op::Flush { .. } | Op::Open { .. } | Op::Delete { .. } => file.commit(),
        }
    }

    /// Closes and empties what is open, so that the trace can be played again.
    ///
    /// # Errors
    /// The driver's or the file system's.
    pub fn rewind(&mut self) -> Result<(), P> {
        for (_, mut file) in self.files.drain() {
            file.unmap()?;
            file.set_size(0)?;
            file.close()?;
        }
        Ok(())
    }
}

//! What is found after a power cut.

use super::{memory::Memory, promise::Promise};

/// The files of a machine after a power cut, as the program that comes back finds them.
pub struct Image<'a> {
    memory: &'a Memory,
    promise: &'a Promise,
}

impl<'a> Image<'a> {
    /// What the memory's floor holds, with which the survivors were mixed.
    pub fn new(memory: &'a Memory, promise: &'a Promise) -> Self {
        Self { memory, promise }
    }

    /// A file's contents, by its number; what was never stored to is left out at the end, where it
    /// is zero. Empty if the file is not there.
    pub fn file(&self, file: usize) -> &'a [u8] {
        let file = self.promise.files.get(&file);
        let bytes = file.and_then(|file| {
            let place = self.memory.area_bytes(file.region)?;
            let bytes = &self.memory.floor[place];
            Some(&bytes[..bytes.len().min(file.size as usize)])
        });
        bytes.unwrap_or_default()
    }

    /// The last transaction that the program has begun, and the last that it relies on.
    pub fn transactions(&self) -> (u64, u64) {
        self.promise.transactions
    }
}

/// A program's recovery, and what it must come to.
pub trait Recovery {
    /// Recovers from an image. It must yield the state after some transaction, none that the program
    /// relies on being lost.
    ///
    /// # Errors
    /// What is wrong.
    fn recover(&self, image: &Image<'_>) -> Result<(), String>;
}

//! Which images were seen.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

/// A hash of an image is as good as any hash of it.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.chunks_exact(8) {
            self.0 ^= u64::from_le_bytes(part.try_into().expect("8 bytes"));
        }
    }

    fn write_u128(&mut self, value: u128) {
        self.0 = value as u64;
    }
}

/// Images by their 128-bit hashes, and until when each was checked: after a promise the same image
/// has to be checked again.
#[derive(Default)]
pub struct Seen {
    images: HashMap<u128, u64, BuildHasherDefault<AsItIs>>,
}

impl Seen {
    /// Whether an image has to be checked in this epoch.
    pub fn is_new(&mut self, image: u128, epoch: u64) -> bool {
        self.images.insert(image, epoch) != Some(epoch)
    }

    /// Images that are not the same.
    pub fn distinct(&self) -> u64 {
        self.images.len() as u64
    }
}

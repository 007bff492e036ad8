//! A small program for a machine that has nothing else to do.

use crate::{
    client::{ClientError, DaxFile, Device, Platform, Recording},
    random::{Random, mix},
};
use std::sync::Arc;

/// Bytes of each of its files.
const FILE_BYTES: u64 = 1 << 20;
/// The longest write or store.
const LONGEST: u64 = 4096;
/// One operation of so many is a commit.
const COMMIT_EVERY: u64 = 8;

/// Writes, reported stores, logged stores and commits, on files of three kinds.
pub struct Workload<P: Platform> {
    files: Vec<(Kind, DaxFile<P>)>,
    random: Random,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Written,
    Reported,
    Logged,
}

type Result<T, P> = std::result::Result<T, ClientError<<P as Platform>::Error>>;

impl<P: Platform> Workload<P> {
    /// Opens the files.
    ///
    /// # Errors
    /// The driver's or the file system's.
    pub fn new(platform: P, volume: char, seed: u64) -> Result<Self, P> {
        let device = Arc::new(Device::open(platform)?);
        let log = Recording::Log { entries: 1024 };
        let files = [
            ("orders.log", Kind::Written, Recording::Report),
            ("stock.db", Kind::Reported, Recording::Report),
            ("prices.db", Kind::Reported, Recording::Report),
            ("ledger.db", Kind::Logged, log),
        ];
        let open = |(name, kind, recording)| {
            let mut file = DaxFile::open(&device, &format!(r"{volume}:\{name}"), recording)?;
            file.set_size(FILE_BYTES)?;
            if kind != Kind::Written {
                file.map(0, FILE_BYTES)?;
            }
            Ok((kind, file))
        };
        Ok(Self {
            files: files.into_iter().map(open).collect::<Result<_, P>>()?,
            random: Random::new(seed, 2),
        })
    }

    /// Does one operation.
    ///
    /// # Errors
    /// The driver's or the file system's.
    pub fn step(&mut self) -> Result<(), P> {
        let random = &mut self.random;
        let place = random.below(self.files.len() as u64) as usize;
        let (kind, file) = &mut self.files[place];
        if random.below(COMMIT_EVERY) == 0 {
            return file.commit();
        }
        let offset = random.below(FILE_BYTES - LONGEST);
        let length = 1 + random.below(LONGEST);
        let seed = random.next_u64();
        let data: Vec<u8> = (0..length).map(|at| mix(seed ^ at) as u8).collect();
        match kind {
            Kind::Written => file.write(offset, &data),
            Kind::Reported => {
                file.store(offset, &data)?;
                file.publish()
            }
            Kind::Logged => file.store(offset, &data),
        }
    }
}

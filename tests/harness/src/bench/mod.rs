//! How long requests take: contenders that take turns, in another order in each round, so that what
//! disturbs the machine disturbs them alike.

mod contender;
mod summary;

pub use contender::{Contender, FILE_BYTES};
pub use summary::{Summary, summaries};

use crate::{
    client::{ClientError, Device, Platform},
    random::Random,
    scratch::Scratch,
};
use contender::Course;

/// Rounds that are not counted, in which caches and the driver's memory warm up.
const WARM_UP: usize = 3;

/// A measurement that goes on.
pub struct Bench<'a, P: Platform> {
    course: Course<'a, P>,
    random: Random,
    samples: Vec<(Contender, Vec<u64>)>,
}

type Result<T, P> = std::result::Result<T, ClientError<<P as Platform>::Error>>;

impl<'a, P: Platform> Bench<'a, P> {
    /// Makes ready, on a file of [`FILE_BYTES`] that nobody else uses.
    ///
    /// # Errors
    /// The driver's.
    pub fn new(device: &'a Device<P>, file: &'a Scratch<P>, seed: u64) -> Result<Self, P> {
        let course = Course::new(device, file.handle())?;
        let none = Contender::ALL.map(|contender| (contender, Vec::new()));
        let mut bench = Self {
            course,
            random: Random::new(seed, 3),
            samples: none.to_vec(),
        };
        for _ in 0..WARM_UP {
            bench.round()?;
        }
        for (_, samples) in &mut bench.samples {
            samples.clear();
        }
        Ok(bench)
    }

    /// Measures each contender once.
    ///
    /// # Errors
    /// The driver's.
    pub fn round(&mut self) -> Result<(), P> {
        let mut order: Vec<usize> = (0..self.samples.len()).collect();
        self.random.shuffle(&mut order);
        for place in order {
            let (contender, samples) = &mut self.samples[place];
            samples.push(self.course.run(*contender)?);
        }
        Ok(())
    }

    /// Ends it; returns the times of each contender in ns.
    ///
    /// # Errors
    /// The driver's.
    pub fn finish(self) -> Result<Vec<(Contender, Vec<u64>)>, P> {
        self.course.end()?;
        Ok(self.samples)
    }
}

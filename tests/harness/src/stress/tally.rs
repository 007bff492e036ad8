//! What was done, and what was wrong.

use crate::client::ClientError;
use std::fmt::{self, Display};

/// Requests that have succeeded, by file.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    /// WriteFile.
    pub writes: u64,
    /// Ranges reported.
    pub reports: u64,
    /// Commits and flushes.
    pub commits: u64,
}

/// What was done.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Operations.
    pub operations: u64,
    /// Requests that were wrong, and were refused as they had to be.
    pub refused: u64,
    /// Of each file.
    pub files: Vec<Asked>,
}

impl Tally {
    /// Nothing yet.
    pub fn of(files: usize) -> Self {
        Self {
            files: vec![Asked::default(); files],
            ..Self::default()
        }
    }

    /// Adds another thread's.
    pub fn add(&mut self, other: &Self) {
        self.operations += other.operations;
        self.refused += other.refused;
        let files = self.files.len().max(other.files.len());
        self.files.resize(files, Asked::default());
        for (sum, more) in self.files.iter_mut().zip(&other.files) {
            sum.writes += more.writes;
            sum.reports += more.reports;
            sum.commits += more.commits;
        }
    }

    /// Of all files.
    pub fn commits(&self) -> u64 {
        self.files.iter().map(|asked| asked.commits).sum()
    }
}

/// Something that should not be.
#[derive(Clone, Debug)]
pub struct Disagreement(String);

impl Disagreement {
    /// In words.
    pub fn new(what: impl Display) -> Self {
        Self(what.to_string())
    }

    /// Says when or where it was found.
    pub fn at(self, place: impl Display) -> Self {
        Self(format!("{place}: {}", self.0))
    }
}

impl Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: Display> From<ClientError<E>> for Disagreement {
    fn from(error: ClientError<E>) -> Self {
        Self(format!("failed: {error}"))
    }
}

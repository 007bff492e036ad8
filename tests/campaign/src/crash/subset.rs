//! Which of the lines that are not drained survive a power cut, and as what.

use super::memory::{Bytes, UNIT, UNITS, Version};
use daxctl::random::mix;
use std::{fmt, str::FromStr};

/// Of a crash point, the lines in ascending order, each with its versions from the durable one on.
pub type Undrained = [(u32, Vec<Version>)];

/// A choice of a version for each line, or for each of its units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subset {
    /// Only what is durable.
    None,
    /// All that the processors saw.
    All,
    /// One line in one of its versions; of the others what is durable.
    Only {
        /// The line, by its place in the list.
        line: usize,
        /// The version.
        version: usize,
    },
    /// All but one line.
    Without(usize),
    /// This one of all combinations: a number whose digits, the first line's the lowest, are in the
    /// bases of the lines' numbers of versions.
    Combination(u64),
    /// A random version of each line.
    Lines(u64),
    /// A random value of each unit.
    Units(u64),
}

impl fmt::Display for Subset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::All => f.write_str("all"),
            Self::Only { line, version } => write!(f, "only:{line}:{version}"),
            Self::Without(line) => write!(f, "without:{line}"),
            Self::Combination(number) => write!(f, "{number:#x}"),
            Self::Lines(seed) => write!(f, "lines:{seed:#x}"),
            Self::Units(seed) => write!(f, "units:{seed:#x}"),
        }
    }
}

fn number(text: &str) -> Result<u64, String> {
    let hexadecimal = text.strip_prefix("0x");
    let parsed = match hexadecimal {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|error| format!("{text}: {error}"))
}

impl FromStr for Subset {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut words = text.split(':');
        let (kind, mut rest) = (words.next().unwrap_or_default(), words);
        let mut next = || number(rest.next().ok_or("a number is missing")?);
        let subset = match kind {
            "none" => Self::None,
            "all" => Self::All,
            "only" => Self::Only {
                line: next()? as usize,
                version: next()? as usize,
            },
            "without" => Self::Without(next()? as usize),
            "lines" => Self::Lines(next()?),
            "units" => Self::Units(next()?),
            combination => Self::Combination(number(combination)?),
        };
        match rest.next() {
            None => Ok(subset),
            Some(more) => Err(format!("{more} is too much")),
        }
    }
}

impl Subset {
    /// Whether it chooses for each unit by itself.
    pub fn is_torn(self) -> bool {
        matches!(self, Self::Units(_))
    }

    /// The version of a line that survives; of a choice by units, what the first unit is.
    pub fn version(self, undrained: &Undrained, at: usize) -> usize {
        let count = undrained[at].1.len();
        match self {
            Self::None => 0,
            Self::All => count - 1,
            Self::Only { line, version } if line == at => version.min(count - 1),
            Self::Only { .. } => 0,
            Self::Without(line) if line == at => 0,
            Self::Without(_) => count - 1,
            Self::Combination(number) => {
                let lower = &undrained[..at];
                let rest = lower
                    .iter()
                    .fold(number, |rest, (_, versions)| rest / versions.len() as u64);
                (rest % count as u64) as usize
            }
            Self::Lines(seed) => (mix(seed ^ mix(at as u64)) % count as u64) as usize,
            Self::Units(_) => self.unit(undrained, at, 0),
        }
    }

    /// The version of a unit of a line.
    pub fn unit(self, undrained: &Undrained, at: usize, unit: usize) -> usize {
        match self {
            Self::Units(seed) => {
                let count = undrained[at].1.len() as u64;
                (mix(seed ^ mix((at * UNITS + unit) as u64)) % count) as usize
            }
            whole => whole.version(undrained, at),
        }
    }

    /// What survives of a line.
    pub fn bytes(self, undrained: &Undrained, at: usize) -> Bytes {
        let versions = &undrained[at].1;
        if !self.is_torn() {
            return versions[self.version(undrained, at)].bytes;
        }
        let mut bytes = versions[0].bytes;
        for unit in 0..UNITS {
            let place = unit * UNIT..(unit + 1) * UNIT;
            let version = &versions[self.unit(undrained, at, unit)];
            bytes[place.clone()].copy_from_slice(&version.bytes[place]);
        }
        bytes
    }
}

/// How many combinations there are, up to a limit.
pub fn combinations(undrained: &Undrained, limit: u64) -> Option<u64> {
    undrained.iter().try_fold(1_u64, |product, (_, versions)| {
        product
            .checked_mul(versions.len() as u64)
            .filter(|product| *product <= limit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_they_are_written() {
        let (line, version) = (7, 2);
        for subset in [
            Subset::None,
            Subset::All,
            Subset::Only { line, version },
            Subset::Without(3),
            Subset::Combination(0x5a),
            Subset::Lines(u64::MAX),
            Subset::Units(12),
        ] {
            assert_eq!(subset.to_string().parse(), Ok(subset));
        }
        for wrong in ["", "only:1", "all:1", "0xg", "lines"] {
            wrong.parse::<Subset>().expect_err(wrong);
        }
    }
}

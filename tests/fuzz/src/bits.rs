//! A set of small numbers.

use std::ops::Range;

/// Numbers below what it was made for.
#[derive(Clone, Debug)]
pub(crate) struct Bits(Vec<u64>);

impl Bits {
    /// None of the numbers below `end`.
    pub fn none(end: usize) -> Self {
        Self(vec![0; end.div_ceil(64)])
    }

    pub fn add(&mut self, numbers: Range<usize>) {
        self.each_word(numbers, |word, mask| *word |= mask);
    }

    pub fn remove(&mut self, numbers: Range<usize>) {
        self.each_word(numbers, |word, mask| *word &= !mask);
    }

    fn each_word(&mut self, numbers: Range<usize>, work: impl Fn(&mut u64, u64)) {
        let mut at = numbers.start;
        while at < numbers.end {
            let end = (at / 64 * 64 + 64).min(numbers.end);
            let mask = u64::MAX >> (64 - (end - at)) << (at % 64);
            work(&mut self.0[at / 64], mask);
            at = end;
        }
    }

    /// Those that are in `self` and in no `other`.
    pub fn without(&self, other: &Self) -> Self {
        let words = self.0.iter().zip(&other.0);
        Self(words.map(|(one, other)| one & !other).collect())
    }

    /// Those that are in both.
    pub fn and(&self, other: &Self) -> Self {
        let words = self.0.iter().zip(&other.0);
        Self(words.map(|(one, other)| one & other).collect())
    }

    pub fn first(&self) -> Option<usize> {
        let at = self.0.iter().position(|word| *word != 0)?;
        Some(64 * at + self.0[at].trailing_zeros() as usize)
    }

    pub fn count(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.count_ones())).sum()
    }
}

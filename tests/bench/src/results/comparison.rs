//! What was measured.

use crate::measure::Times;
use serde::Serialize;

/// Contenders at the same work.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// Comparisons of the same workload differ in size only.
    pub workload: &'static str,
    /// The size, for people.
    pub case: String,
    /// Where it stands on a plot.
    pub size: f64,
    /// What the times are: "ns a line".
    pub unit: &'static str,
    pub times: Vec<Times>,
}

impl Comparison {
    pub fn times(&self, contender: &str) -> Option<&Times> {
        self.times.iter().find(|times| times.contender == contender)
    }

    pub fn median(&self, contender: &str) -> Option<f64> {
        Some(self.times(contender)?.median)
    }

    /// How many times as long as `other` `contender` needs.
    pub fn ratio(&self, contender: &str, other: &str) -> Option<f64> {
        Some(self.times(contender)?.ratio(self.times(other)?))
    }

    /// How much longer than `other` `contender` needs.
    pub fn over(&self, contender: &str, other: &str) -> Option<f64> {
        Some(self.times(contender)?.over(self.times(other)?))
    }

    /// How many times as long as the best of `others` `contender` needs.
    pub fn ratio_to_best(&self, contender: &str, others: &[&str]) -> Option<f64> {
        let ratios = others
            .iter()
            .filter_map(|other| self.ratio(contender, other));
        ratios.reduce(f64::max)
    }
}

/// The largest figure of some comparisons.
pub fn worst<'a>(
    comparisons: impl IntoIterator<Item = &'a Comparison>,
    figure: impl Fn(&Comparison) -> Option<f64>,
) -> Option<f64> {
    comparisons.into_iter().filter_map(figure).reduce(f64::max)
}

//! Axes with ticks where they are wanted.

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use std::ops::Range;

/// How much of a logarithmic axis is between 0, at its beginning, and 1: room for their labels.
const ZERO_PART: f64 = 0.08;

/// An axis.
#[derive(Clone)]
pub struct Axis {
    /// What it shows, with its unit.
    pub name: String,
    range: Range<f64>,
    logarithmic: bool,
    ticks: Vec<(f64, String)>,
}

impl Axis {
    /// Ticks at these values, evenly spaced.
    pub fn new(name: &str, range: Range<f64>, ticks: Vec<(f64, String)>) -> Self {
        Self {
            name: name.to_owned(),
            range,
            logarithmic: false,
            ticks,
        }
    }

    /// An axis from `from` to `to` with at most so many ticks at round numbers.
    pub fn round(name: &str, from: f64, to: f64, most: u32, label: fn(f64) -> String) -> Self {
        let to = if to > from { to } else { from + 1.0 };
        let step = round_step((to - from) / f64::from(most.max(1)));
        let first = (from / step).ceil() as i64;
        let last = (to / step + 1e-9).floor() as i64;
        let ticks = (first..=last).map(|count| {
            let value = count as f64 * step;
            (value, label(value))
        });
        Self::new(name, from..to, ticks.collect())
    }

    /// A logarithmic axis of counts, with 0 at its beginning.
    pub fn counts(name: &str, most: f64, label: fn(f64) -> String) -> Self {
        let decades = most.max(1.0).log10().floor() as i32;
        // Every decade, or every second, or third.
        let step = (decades as usize + 1).div_ceil(8);
        let powers = (0..=decades).step_by(step).map(|decade| {
            let value = 10f64.powi(decade);
            (value, label(value))
        });
        let end = most.max(1.0) * 1.6;
        // What 0 is taken for.
        let zero = end.powf(-ZERO_PART / (1.0 - ZERO_PART)).min(0.5);
        Self {
            name: name.to_owned(),
            range: zero..end,
            logarithmic: true,
            ticks: std::iter::once((zero, "0".to_owned()))
                .chain(powers)
                .collect(),
        }
    }

    fn place(&self, value: f64) -> f64 {
        if self.logarithmic {
            value.max(self.range.start).log10()
        } else {
            value
        }
    }
}

/// 1, 2 or 5 times a power of ten, not smaller than `least`.
fn round_step(least: f64) -> f64 {
    let power = 10f64.powf(least.max(1e-9).log10().floor());
    let factors = [1.0, 2.0, 5.0, 10.0].into_iter();
    let mut steps = factors.map(|factor| factor * power);
    steps
        .find(|step| *step >= least * 0.999)
        .unwrap_or(power * 10.0)
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        let (first, last) = (self.place(self.range.start), self.place(self.range.end));
        let part = ((self.place(*value) - first) / (last - first)).clamp(0.0, 1.0);
        from + (f64::from(to - from) * part).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks.iter().map(|(value, _)| *value).collect()
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        let tick = self.ticks.iter().find(|(tick, _)| tick == value);
        tick.map_or_else(String::new, |(_, label)| label.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        let axis = Axis::round("", 0.0, 412.0, 6, |value| format!("{value}"));
        let labels: Vec<&str> = axis.ticks.iter().map(|(_, label)| label.as_str()).collect();
        assert_eq!(labels, ["0", "100", "200", "300", "400"]);
    }

    #[test]
    fn zero_is_at_the_beginning_of_counts() {
        for most in [0.0, 1.0, 1e6, 1e19] {
            let axis = Axis::counts("", most, |value| format!("{value}"));
            assert_eq!(axis.map(&0.0, (0, 100)), 0);
            assert!(axis.map(&1.0, (0, 100)) >= 8, "labels of 0 and 1 are apart");
            assert!(axis.map(&most, (0, 100)) < 100);
        }
    }
}

//! What many times come to.

use super::Contender;
use serde::Serialize;

/// A contender's times.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The request.
    pub name: String,
    /// How often it was measured.
    pub samples: usize,
    /// Half were no longer.
    pub median_ns: u64,
    /// 99 % were no longer.
    pub p99_ns: u64,
    /// The median, in medians of the first contender.
    pub ratio: f64,
}

/// Sums up each contender's times.
pub fn summaries(measured: Vec<(Contender, Vec<u64>)>) -> Vec<Summary> {
    let mut first = None;
    let sum_up = |(contender, mut times): (Contender, Vec<u64>)| {
        times.sort_unstable();
        let median = rank(&times, 50);
        let first = *first.get_or_insert(median);
        Summary {
            name: contender.to_string(),
            samples: times.len(),
            median_ns: median,
            p99_ns: rank(&times, 99),
            // A clock that ticks slowly may say 0.
            ratio: median as f64 / first.max(1) as f64,
        }
    };
    measured.into_iter().map(sum_up).collect()
}

/// The smallest time that so many per cent of all, in order, do not exceed; 0 if there are none.
fn rank(times: &[u64], percent: usize) -> u64 {
    let place = (times.len() * percent).div_ceil(100);
    times.get(place.saturating_sub(1)).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_of_times_that_were_measured() {
        let times: Vec<u64> = (1..=200).collect();
        assert_eq!(
            [50, 99, 100].map(|part| rank(&times, part)),
            [100, 198, 200]
        );
        assert_eq!([50, 99].map(|part| rank(&[7], part)), [7, 7]);
        assert_eq!(rank(&[], 50), 0);
    }

    #[test]
    fn ratios_are_to_the_first() {
        let measured = vec![
            (Contender::Version, vec![30, 10, 20]),
            (Contender::Mark(1), vec![50, 50, 10]),
        ];
        let found = summaries(measured);
        assert_eq!((found[0].median_ns, found[0].ratio), (20, 1.0));
        assert_eq!((found[1].p99_ns, found[1].ratio), (50, 2.5));
        assert_eq!(found[1].name, "mark 1 range");
    }
}

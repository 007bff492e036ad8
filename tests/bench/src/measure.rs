//! Contenders take turns.

use fastrand::Rng;
use serde::Serialize;
use std::time::{Duration, Instant};

/// Somebody who does the work.
pub struct Contender<'a> {
    pub name: String,
    /// Not timed.
    prepare: Box<dyn FnMut() + 'a>,
    /// How long it took.
    run: Box<dyn FnMut() -> Duration + 'a>,
}

impl<'a> Contender<'a> {
    /// `run` is timed, `prepare` before it is not.
    pub fn new(
        name: impl Into<String>,
        prepare: impl FnMut() + 'a,
        mut run: impl FnMut() + 'a,
    ) -> Self {
        Self::timed(name, prepare, move || {
            let start = Instant::now();
            run();
            start.elapsed()
        })
    }

    /// `run` itself says how long it took.
    pub fn timed(
        name: impl Into<String>,
        prepare: impl FnMut() + 'a,
        run: impl FnMut() -> Duration + 'a,
    ) -> Self {
        Self {
            name: name.into(),
            prepare: Box::new(prepare),
            run: Box::new(run),
        }
    }

    /// Both work on a state.
    pub fn with<S: 'a>(
        name: impl Into<String>,
        state: S,
        prepare: impl FnMut(&mut S) + 'a,
        run: impl FnMut(&mut S) + 'a,
    ) -> Self {
        Self::repeated(name, state, 1, prepare, run)
    }

    /// As [`Self::with`], so many times in a round.
    pub fn repeated<S: 'a>(
        name: impl Into<String>,
        mut state: S,
        times: usize,
        mut prepare: impl FnMut(&mut S) + 'a,
        mut run: impl FnMut(&mut S) + 'a,
    ) -> Self {
        Self::timed(
            name,
            || {},
            move || {
                let mut elapsed = Duration::ZERO;
                for _ in 0..times {
                    prepare(&mut state);
                    let start = Instant::now();
                    run(&mut state);
                    elapsed += start.elapsed();
                }
                elapsed
            },
        )
    }
}

/// What a contender needed in each round, in nanoseconds for one operation.
#[derive(Clone, Debug, Serialize)]
pub struct Times {
    pub contender: String,
    pub fastest: f64,
    pub lower_quartile: f64,
    pub median: f64,
    pub upper_quartile: f64,
    #[serde(skip)]
    rounds: Vec<f64>,
}

impl Times {
    fn new(contender: &str, rounds: Vec<f64>) -> Self {
        Self {
            contender: contender.to_owned(),
            fastest: quantile(&rounds, 0.0),
            lower_quartile: quantile(&rounds, 0.25),
            median: quantile(&rounds, 0.5),
            upper_quartile: quantile(&rounds, 0.75),
            rounds,
        }
    }

    /// The median over the rounds of how many times as long as `other` this one needed.
    pub fn ratio(&self, other: &Times) -> f64 {
        let pairs = self.rounds.iter().zip(&other.rounds);
        let ratios: Vec<_> = pairs.map(|(own, other)| own / other).collect();
        quantile(&ratios, 0.5)
    }

    /// The median over the rounds of how much longer than `other` this one needed.
    pub fn over(&self, other: &Times) -> f64 {
        let pairs = self.rounds.iter().zip(&other.rounds);
        let differences: Vec<_> = pairs.map(|(own, other)| own - other).collect();
        quantile(&differences, 0.5)
    }
}

/// Lets every contender do `operations` operations once a round.
pub fn compete(
    contenders: &mut [Contender<'_>],
    operations: usize,
    rounds: usize,
    random: &mut Rng,
) -> Vec<Times> {
    let mut times = vec![Vec::with_capacity(rounds); contenders.len()];
    let mut order: Vec<_> = (0..contenders.len()).collect();
    // The first two rounds only warm up.
    for round in 0..rounds + 2 {
        random.shuffle(&mut order);
        for index in &order {
            let contender = &mut contenders[*index];
            (contender.prepare)();
            let elapsed = (contender.run)().as_nanos() as f64 / operations as f64;
            if round >= 2 {
                times[*index].push(elapsed);
            }
        }
    }
    let named = contenders.iter().zip(times);
    named
        .map(|(contender, rounds)| Times::new(&contender.name, rounds))
        .collect()
}

fn quantile(values: &[f64], part: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let index = (sorted.len().saturating_sub(1) as f64 * part).round() as usize;
    sorted.get(index).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::{Contender, compete, quantile};
    use std::{cell::Cell, time::Duration};

    #[test]
    fn quantiles_are_values_that_occur() {
        let values = [5.0, 1.0, 4.0, 2.0, 3.0];
        assert_eq!(
            [0.0, 0.5, 1.0].map(|part| quantile(&values, part)),
            [1.0, 3.0, 5.0]
        );
        assert!(quantile(&[], 0.5).is_nan());
    }

    #[test]
    fn everybody_runs_once_a_round_after_a_preparation() {
        let prepared = Cell::new(0);
        let runs = Cell::new(0);
        let contender = |name: &str, nanoseconds| {
            Contender::timed(
                name,
                || prepared.set(prepared.get() + 1),
                move || Duration::from_nanos(nanoseconds),
            )
        };
        let counted = Contender::with("counted", 0, |state| *state += 1, |state| runs.set(*state));
        let mut contenders = [contender("slow", 300), contender("fast", 100), counted];
        let times = compete(&mut contenders, 10, 5, &mut fastrand::Rng::with_seed(1));
        assert_eq!((prepared.get(), runs.get()), (14, 7));
        assert_eq!((times[0].median, times[1].median), (30.0, 10.0));
        assert_eq!(times[0].ratio(&times[1]), 3.0);
        assert_eq!(times[0].over(&times[1]), 20.0);
    }
}

//! Contenders take turns.

use fastrand::Rng;
use serde::Serialize;
use std::time::Instant;

/// Somebody who does the work.
pub struct Contender<'a> {
    pub name: &'static str,
    /// Not timed.
    prepare: Box<dyn FnMut() + 'a>,
    /// Timed.
    run: Box<dyn FnMut() + 'a>,
}

impl<'a> Contender<'a> {
    pub fn new(name: &'static str, prepare: impl FnMut() + 'a, run: impl FnMut() + 'a) -> Self {
        Self {
            name,
            prepare: Box::new(prepare),
            run: Box::new(run),
        }
    }
}

/// What a contender needed in each round, in nanoseconds for one operation.
#[derive(Clone, Debug, Serialize)]
pub struct Times {
    pub contender: &'static str,
    pub fastest: f64,
    pub median: f64,
    #[serde(skip)]
    rounds: Vec<f64>,
}

impl Times {
    /// The median over the rounds of how many times as long as `other` this one needed.
    pub fn ratio(&self, other: &Times) -> f64 {
        let pairs = self.rounds.iter().zip(&other.rounds);
        median(pairs.map(|(own, other)| own / other).collect())
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
            let start = Instant::now();
            (contender.run)();
            let elapsed = start.elapsed().as_nanos() as f64 / operations as f64;
            if round >= 2 {
                times[*index].push(elapsed);
            }
        }
    }
    let named = contenders.iter().zip(times);
    named
        .map(|(contender, rounds)| Times {
            contender: contender.name,
            fastest: rounds.iter().copied().fold(f64::INFINITY, f64::min),
            median: median(rounds.clone()),
            rounds,
        })
        .collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

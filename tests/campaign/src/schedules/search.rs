//! Which schedules are tried, one after the other.

use daxctl::random::Random;
use ntsim::{Policy, Preemptions, ScheduleOptions};
use std::collections::BTreeMap;

/// Random walks and random priorities, of different restlessness.
pub fn random(seed: u64, number: u64, points: u64) -> ScheduleOptions {
    let mut random = Random::new(seed, number);
    let policy = match number % 8 {
        0..4 => Policy::Random {
            percent: [3, 8, 20, 50][(number % 4) as usize],
        },
        4..7 => Policy::Priorities {
            changes: (number % 8 - 3) as usize,
            points: points.max(1),
        },
        _ => Policy::RoundRobin,
    };
    ScheduleOptions {
        seed: random.next_u64(),
        // There is one round robin only.
        policy: match policy {
            Policy::RoundRobin if number >= 8 => Policy::Random { percent: 100 },
            policy => policy,
        },
        ..ScheduleOptions::default()
    }
}

/// Schedules with few preemptions: all with none, then all with one, then all with two if that many are
/// asked for, and otherwise random ones with two or three.
pub struct Preempted {
    threads: usize,
    /// Points of the schedule without preemptions that begins with each thread.
    pub points: Vec<u64>,
    asked: u64,
    random: Random,
}

impl Preempted {
    pub fn new(threads: usize, asked: u64, seed: u64) -> Self {
        Self {
            threads,
            points: Vec::new(),
            asked,
            random: Random::new(seed, 0x9e),
        }
    }

    /// How many there are with none and with one preemption.
    pub fn singles(&self) -> (u64, u64) {
        let others = self.threads as u64 - 1;
        let singles = self.points.iter().map(|points| points * others).sum();
        (self.threads as u64, singles)
    }

    /// Those with two; the points of the second are those of the first, as far as one can know.
    fn pairs(&self) -> u64 {
        let others = self.threads as u64 - 1;
        let pairs = self.points.iter();
        pairs
            .map(|points| points * points.saturating_sub(1) / 2 * others * others)
            .sum()
    }

    /// Whether all with two preemptions are among those that are asked for.
    pub fn is_exhaustive(&self) -> bool {
        let (none, one) = self.singles();
        none + one + self.pairs() <= self.asked
    }

    /// The schedule of a number. Those without preemptions must have run before the others.
    pub fn policy(&mut self, number: u64) -> Policy {
        let (none, one) = (self.threads as u64, self.singles().1);
        let others = self.threads as u64 - 1;
        if number < none {
            return preempt(number as usize, []);
        }
        let mut left = number - none;
        if left < one {
            for (first, points) in self.points.iter().enumerate() {
                if left < points * others {
                    return preempt(first, [(1 + left / others, left % others)]);
                }
                left -= points * others;
            }
        }
        left -= one;
        if self.is_exhaustive() {
            for (first, points) in self.points.iter().enumerate() {
                let here = points * points.saturating_sub(1) / 2 * others * others;
                if left >= here {
                    left -= here;
                    continue;
                }
                let (which, mut pair) = (left % (others * others), left / (others * others));
                let mut early = 1;
                while pair >= points - early {
                    pair -= points - early;
                    early += 1;
                }
                let late = early + 1 + pair;
                return preempt(first, [(early, which % others), (late, which / others)]);
            }
        }
        let first = self.random.below(self.threads as u64) as usize;
        let points = self.points[first];
        let count = 2 + self.random.below(2);
        let at: Vec<_> = (0..count)
            .map(|_| (1 + self.random.below(points), self.random.below(others)))
            .collect();
        preempt(first, at)
    }
}

fn preempt(first: usize, at: impl IntoIterator<Item = (u64, u64)>) -> Policy {
    let at = at.into_iter().map(|(point, which)| (point, which as usize));
    Policy::Preempt(Preemptions {
        first,
        at: BTreeMap::from_iter(at),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn all_schedules_with_up_to_two_preemptions_come_once() {
        let mut search = Preempted::new(3, u64::MAX, 0);
        search.points = vec![4, 5, 3];
        let (none, one) = search.singles();
        assert_eq!((none, one), (3, 24));
        let all = none + one + search.pairs();
        let mut seen = BTreeSet::new();
        for number in 0..all {
            let Policy::Preempt(Preemptions { first, at }) = search.policy(number) else {
                panic!("no preemptions");
            };
            let expected = usize::from(number >= none) + usize::from(number >= none + one);
            assert_eq!(at.len(), expected, "{number}");
            assert!(
                at.keys()
                    .all(|point| (1..=search.points[first]).contains(point))
            );
            assert!(at.values().all(|which| *which < 2));
            assert!(seen.insert((first, at)), "{number} comes twice");
        }
    }
}

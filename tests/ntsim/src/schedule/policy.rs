//! Which thread runs next: policies, and schedules that can be written down and repeated.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

/// How threads are chosen. All choices follow from it and the seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Policy {
    /// At each point another thread goes on, with this probability in percent.
    Random {
        /// 0 to 100.
        percent: u64,
    },
    /// Threads have random priorities, and the one that runs falls below all others at so many
    /// points of the first `points` (probabilistic concurrency testing: Burckhardt and others, 2010).
    Priorities {
        /// Points at which a priority changes.
        changes: usize,
        /// How long a run is thought to be.
        points: u64,
    },
    /// A thread runs until it waits or ends, but for these preemptions.
    Preempt(Preemptions),
    /// At each point the next thread goes on.
    RoundRobin,
    /// What another run has recorded.
    Replay(Switches),
}

/// Where the thread that runs is stopped though it could go on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preemptions {
    /// The thread that begins.
    pub first: usize,
    /// At which points, and which of the other threads goes on: the first that can after the one that
    /// runs (0), the second, and so on.
    pub at: BTreeMap<u64, usize>,
}

/// Where another thread went on: the schedule. It is printed as `point:thread,point:thread`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Switches(pub Vec<(u64, usize)>);

impl fmt::Display for Switches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (point, thread)) in self.0.iter().enumerate() {
            let comma = if number == 0 { "" } else { "," };
            write!(f, "{comma}{point}:{thread}")?;
        }
        Ok(())
    }
}

/// What is no schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not point:thread")]
pub struct NoSchedule(String);

impl FromStr for Switches {
    type Err = NoSchedule;

    fn from_str(text: &str) -> Result<Self, NoSchedule> {
        let switch = |text: &str| {
            let (point, thread) = text.split_once(':')?;
            Some((point.parse().ok()?, thread.parse().ok()?))
        };
        let parts = text.split(',').filter(|part| !part.is_empty());
        let switches = parts.map(|part| switch(part).ok_or_else(|| NoSchedule(part.to_owned())));
        Ok(Self(switches.collect::<Result<_, _>>()?))
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let value = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }
}

/// Chooses.
pub(super) struct Chooser {
    policy: Policy,
    random: Random,
    /// By thread.
    priorities: Vec<u64>,
    changes: BTreeSet<u64>,
    /// Below all priorities so far.
    lowest: u64,
    replayed: BTreeMap<u64, usize>,
}

impl Chooser {
    pub fn new(policy: Policy, seed: u64) -> Self {
        let mut random = Random(seed);
        let mut changes = BTreeSet::new();
        if let Policy::Priorities {
            changes: count,
            points,
        } = &policy
        {
            changes.extend((0..*count).map(|_| 1 + random.below(*points)));
        }
        let replayed = match &policy {
            Policy::Replay(switches) => switches.0.iter().copied().collect(),
            _ => BTreeMap::new(),
        };
        Self {
            policy,
            random,
            priorities: Vec::new(),
            changes,
            lowest: 1 << 32,
            replayed,
        }
    }

    /// Who goes on at a point, of those that can (not empty, ascending). `running` is the thread that
    /// runs, which may not be able to.
    pub fn choose(&mut self, point: u64, running: Option<usize>, able: &[usize]) -> usize {
        let stays = running.filter(|running| able.contains(running));
        match &self.policy {
            Policy::Random { percent } => {
                let percent = *percent;
                match stays {
                    Some(stays) if able.len() == 1 || self.random.below(100) >= percent => stays,
                    _ => {
                        let others: Vec<_> = others(able, stays);
                        others[self.random.below(others.len() as u64) as usize]
                    }
                }
            }
            Policy::Priorities { .. } => {
                while self.priorities.len() <= able[able.len() - 1] {
                    let priority = (1 << 32) + 1 + self.random.below(1 << 32);
                    self.priorities.push(priority);
                }
                if let Some(stays) = stays.filter(|_| self.changes.contains(&point)) {
                    self.lowest -= 1;
                    self.priorities[stays] = self.lowest;
                }
                let highest = able.iter().max_by_key(|thread| self.priorities[**thread]);
                *highest.unwrap_or(&able[0])
            }
            Policy::Preempt(Preemptions { first, at }) => match (running, stays, at.get(&point)) {
                (None, ..) => after(able, first.wrapping_sub(1)),
                (_, Some(stays), None) => stays,
                (_, Some(stays), Some(which)) if able.len() > 1 => {
                    let others = in_turn(&others(able, Some(stays)), stays);
                    others[which % others.len()]
                }
                (_, Some(stays), _) => stays,
                (Some(running), None, _) => after(able, running),
            },
            Policy::RoundRobin => after(able, running.unwrap_or(usize::MAX)),
            Policy::Replay(_) => {
                let recorded = self.replayed.get(&point).copied();
                let recorded = recorded.filter(|thread| able.contains(thread));
                recorded.or(stays).unwrap_or_else(|| {
                    // The run is not the one that was recorded.
                    after(able, running.unwrap_or(usize::MAX))
                })
            }
        }
    }
}

fn others(able: &[usize], stays: Option<usize>) -> Vec<usize> {
    let others = able.iter().copied();
    others.filter(|other| Some(*other) != stays).collect()
}

/// The same threads, those after one of them first.
fn in_turn(threads: &[usize], thread: usize) -> Vec<usize> {
    let (before, after): (Vec<_>, Vec<_>) = threads.iter().partition(|other| **other < thread);
    after.into_iter().chain(before).collect()
}

/// The next thread after one.
fn after(able: &[usize], thread: usize) -> usize {
    let next = able
        .iter()
        .find(|other| thread != usize::MAX && **other > thread);
    *next.unwrap_or(&able[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_is_what_it_is_printed_as() {
        let switches = Switches(vec![(0, 1), (17, 0), (40, 2)]);
        assert_eq!(switches.to_string(), "0:1,17:0,40:2");
        assert_eq!("0:1,17:0,40:2".parse(), Ok(switches));
        assert_eq!("".parse(), Ok(Switches::default()));
        assert!("1:2,3".parse::<Switches>().is_err());
    }

    #[test]
    fn preemptions_are_where_they_were_asked_for() {
        let at = BTreeMap::from([(3, 0), (5, 1)]);
        let policy = Policy::Preempt(Preemptions { first: 1, at });
        let mut chooser = Chooser::new(policy, 0);
        let able = [0, 1, 2];
        assert_eq!(chooser.choose(0, None, &able), 1);
        assert_eq!(chooser.choose(2, Some(1), &able), 1);
        assert_eq!(chooser.choose(3, Some(1), &able), 2);
        assert_eq!(chooser.choose(5, Some(2), &able), 1);
        assert_eq!(chooser.choose(6, Some(1), &[0, 2]), 2, "it waits");
    }

    #[test]
    fn round_robin_leaves_nobody_out() {
        let mut chooser = Chooser::new(Policy::RoundRobin, 0);
        assert_eq!(chooser.choose(0, None, &[0, 1, 2]), 0);
        assert_eq!(chooser.choose(1, Some(0), &[0, 1, 2]), 1);
        assert_eq!(chooser.choose(2, Some(2), &[0, 1, 2]), 0);
    }
}

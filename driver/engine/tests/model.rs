//! The dirty map and the commit against a set of lines, with failures and too little memory.

use daxflush_engine::{Backing, Committer, DirtyMap, LINE_SIZE, MAX_OFFSET, Reserve, Run};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Offsets begin in the last of the leaves that hang from the map itself, and go on below a table.
const BASE: u64 = 14 << 20;
/// Lines that a run of offsets below this can reach, from there on.
const SPACE: u64 = 5 << 20;

#[derive(Clone, Debug)]
enum Step {
    Mark(u64, u64),
    MarkAll,
    Clear(u64, u64),
    Commit {
        from: u64,
        length: u64,
        fail_flush: Option<usize>,
        fail_drain: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let place = prop_oneof![0..SPACE, (0..SPACE / 64).prop_map(|line| line * 64)]
        .prop_map(|place| BASE + place);
    let size = prop_oneof![1..200_u64, 1..5000_u64, 1..(3_u64 << 20)];
    let range = (place, size);
    let commit = (
        range.clone(),
        any::<bool>(),
        proptest::option::of(0..4_usize),
        0..8_u32,
    );
    prop_oneof![
        8 => range.clone().prop_map(|(offset, length)| Step::Mark(offset, length)),
        1 => Just(Step::MarkAll),
        1 => range.prop_map(|(offset, length)| Step::Clear(offset, length)),
        4 => commit.prop_map(|((from, length), whole, fail_flush, fail_drain)| {
            let (from, length) = if whole { (0, MAX_OFFSET) } else { (from, length) };
            Step::Commit { from, length, fail_flush, fail_drain: fail_drain == 0 }
        }),
    ]
}

#[derive(Default)]
struct Recorder {
    flushed: Vec<Run>,
    batches: usize,
    drains: usize,
    fail_flush: Option<usize>,
    fail_drain: bool,
}

impl Backing for Recorder {
    type Error = &'static str;

    fn flush(&mut self, runs: &[Run]) -> Result<(), Self::Error> {
        assert_eq!(self.drains, 0, "a flush after the drain");
        assert!((1..=64).contains(&runs.len()));
        if self.fail_flush == Some(self.batches) {
            return Err("flush");
        }
        self.batches += 1;
        self.flushed.extend(runs);
        Ok(())
    }

    fn drain(&mut self) -> Result<(), Self::Error> {
        self.drains += 1;
        if self.fail_drain {
            Err("drain")
        } else {
            Ok(())
        }
    }
}

fn lines(range: std::ops::Range<u64>) -> std::ops::Range<u64> {
    let end = range.end.min(BASE + 2 * SPACE).div_ceil(LINE_SIZE);
    (range.start / LINE_SIZE).max(BASE / LINE_SIZE)..end
}

fn line_set(runs: &[Run]) -> BTreeSet<u64> {
    runs.iter()
        .flat_map(|run| lines(run.offset..run.end()))
        .collect()
}

/// What must be dirty, and whether the map may call more than that dirty.
#[derive(Default)]
struct Model {
    dirty: BTreeSet<u64>,
    everything: bool,
    exact: bool,
}

impl Model {
    fn commit(&mut self, scope: std::ops::Range<u64>, recorder: &Recorder, failed: bool) {
        let whole = scope.start == 0 && scope.end >= MAX_OFFSET;
        let scope: BTreeSet<u64> = lines(scope).collect();
        let flushed = line_set(&recorder.flushed);
        let due: BTreeSet<u64> = self.dirty.intersection(&scope).copied().collect();
        if failed {
            // What was flushed before another batch failed is durable if the drain succeeded.
            if recorder.drains == 1 && !recorder.fail_drain {
                self.dirty.retain(|line| !flushed.contains(line));
            }
            self.exact = false;
            return;
        }
        assert!(
            due.is_subset(&flushed),
            "lost {:?}",
            due.difference(&flushed).next()
        );
        if self.exact && !self.everything {
            assert_eq!(due, flushed, "exactly the dirty lines");
        }
        if self.everything {
            assert!(scope.is_subset(&flushed), "everything was dirty");
        }
        assert_eq!(
            recorder.drains,
            usize::from(!flushed.is_empty()),
            "one drain if any flush"
        );
        self.dirty.retain(|line| !scope.contains(line));
        if whole {
            (self.everything, self.exact) = (false, true);
        }
    }
}

fn check_runs(runs: &[Run]) {
    for run in runs {
        assert!(run.length > 0 && run.offset % LINE_SIZE == 0 && run.length % LINE_SIZE == 0);
    }
    for pair in runs.windows(2) {
        assert!(
            pair[0].end() <= pair[1].offset,
            "sorted and apart: {pair:?}"
        );
    }
}

fn check(steps: &[Step], leaves: u32) {
    let reserve = Reserve::with_leaves(leaves).expect("memory");
    let map = DirtyMap::new(&reserve);
    let mut committer = Committer::new();
    // With room for every leaf nothing is ever coarse.
    let roomy = leaves >= 64;
    let mut model = Model {
        exact: roomy,
        ..Model::default()
    };
    for step in steps {
        match *step {
            Step::Mark(offset, length) => {
                map.mark(offset, length);
                model.dirty.extend(lines(offset..offset + length));
            }
            Step::MarkAll => {
                map.mark_all();
                model.everything = true;
            }
            Step::Clear(offset, length) => {
                map.clear(offset..offset + length);
                let whole = offset.div_ceil(LINE_SIZE)..(offset + length) / LINE_SIZE;
                model.dirty.retain(|line| !whole.contains(line));
            }
            Step::Commit {
                from,
                length,
                fail_flush,
                fail_drain,
            } => {
                let mut recorder = Recorder {
                    fail_flush,
                    fail_drain,
                    ..Recorder::default()
                };
                let scope = from..from + length;
                let result = committer.commit(&map, scope.clone(), &mut recorder);
                check_runs(&recorder.flushed);
                if let Ok(done) = &result {
                    let lines: u64 = recorder.flushed.iter().map(|run| run.length / 64).sum();
                    assert_eq!((done.lines, done.batches), (lines, recorder.batches as u64));
                }
                model.commit(scope, &recorder, result.is_err());
                model.exact &= roomy;
            }
        }
        if model.exact && !model.everything {
            assert_eq!(map.dirty_lines(MAX_OFFSET), model.dirty.len() as u64);
            for cell in [64, 4096, 100 * 64, 2 << 20] {
                let first = model.dirty.iter().next().map_or(0, |line| line * 64 / cell);
                let bytes = first * cell..(first + 1) * cell;
                let inside = |line: &&u64| bytes.contains(&(**line * 64));
                let count = model.dirty.iter().filter(inside).count() as u64;
                assert_eq!(map.dirty_lines_in(bytes.clone()), count, "{bytes:?}");
            }
        }
    }
    let mut recorder = Recorder::default();
    committer
        .commit(&map, 0..MAX_OFFSET, &mut recorder)
        .expect("no failure");
    model.commit(0..MAX_OFFSET, &recorder, false);
    assert!(map.is_clean());
    drop(map);
    assert_eq!(
        reserve.free_leaves(),
        reserve.leaves(),
        "every leaf is given back"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn agrees_with_a_set(steps in proptest::collection::vec(step(), 1..40)) {
        check(&steps, 64);
    }

    #[test]
    fn loses_nothing_without_memory(
        steps in proptest::collection::vec(step(), 1..40),
        leaves in 0..7_u32,
    ) {
        check(&steps, leaves);
    }
}

#[test]
fn runs_are_maximal_across_words_and_leaves() {
    let reserve = Reserve::with_leaves(16).expect("memory");
    let map = DirtyMap::new(&reserve);
    map.mark((2 << 20) - 4096, 8192);
    map.mark(0, 1);
    map.mark(64, 64);
    let mut recorder = Recorder::default();
    Committer::new()
        .commit(&map, 0..MAX_OFFSET, &mut recorder)
        .expect("no failure");
    let expected = [
        Run {
            offset: 0,
            length: 128,
        },
        Run {
            offset: (2 << 20) - 4096,
            length: 8192,
        },
    ];
    assert_eq!(recorder.flushed, expected);
}

#[test]
fn far_and_overlong_marks_are_not_lost() {
    let reserve = Reserve::with_leaves(16).expect("memory");
    let map = DirtyMap::new(&reserve);
    map.mark(MAX_OFFSET - 1, 1);
    assert_eq!(map.dirty_lines(MAX_OFFSET), 1);
    map.mark(MAX_OFFSET, 1);
    assert_eq!(map.dirty_lines(4096), 64, "beyond reach: everything");
    map.mark(u64::MAX, u64::MAX);
    let mut recorder = Recorder::default();
    Committer::new()
        .commit(&map, 0..MAX_OFFSET, &mut recorder)
        .expect("no failure");
    assert_eq!(
        recorder.flushed,
        [Run {
            offset: 0,
            length: MAX_OFFSET
        }]
    );
    assert!(map.is_clean());
}

#[test]
fn without_memory_a_mark_anywhere_is_taken_by_one_commit() {
    for place in (12..48).map(|bits| 1 << bits).chain([MAX_OFFSET - 1]) {
        let reserve = Reserve::with_leaves(0).expect("memory");
        let map = DirtyMap::new(&reserve);
        map.mark(place, 1);
        let mut recorder = Recorder::default();
        Committer::new()
            .commit(&map, 0..MAX_OFFSET, &mut recorder)
            .expect("no failure");
        let covered = |run: &Run| run.offset <= place && place < run.end();
        assert_eq!(
            recorder.flushed.iter().filter(|run| covered(run)).count(),
            1
        );
        assert!(map.is_clean(), "{place:#x}");
    }
}

#[test]
fn a_failure_on_the_way_leaves_dirty_what_was_not_visited() {
    // More leaves than are taken out ahead at once, all of them below a table, and below two.
    for start in [16 << 20, 5 << 30] {
        let lines: BTreeSet<u64> = (0..200)
            .map(|leaf| start + leaf * daxflush_engine::LEAF_SPAN)
            .collect();
        for (leaves, part) in [(4096, false), (256, false), (4096, true)] {
            let reserve = Reserve::with_leaves(leaves).expect("memory");
            let map = DirtyMap::new(&reserve);
            lines.iter().for_each(|line| map.mark(*line, 1));
            let mut committer = Committer::new();
            // One run at a time, so that the first leaf's failure is on the way.
            committer.set_batch(1);
            let mut failing = Recorder {
                fail_flush: Some(3),
                ..Recorder::default()
            };
            let end = lines.iter().last().map_or(0, |line| line + 64);
            let scope = if part { start..end } else { 0..MAX_OFFSET };
            assert_eq!(committer.commit(&map, scope, &mut failing), Err("flush"));
            let mut again = Recorder::default();
            let done = committer.commit(&map, 0..MAX_OFFSET, &mut again);
            done.expect("no failure");
            let flushed = line_starts(&[failing.flushed, again.flushed].concat());
            assert!(lines.is_subset(&flushed), "{start:#x} {leaves} {part}");
            assert!(map.is_clean());
        }
    }
}

fn line_starts(runs: &[Run]) -> BTreeSet<u64> {
    runs.iter()
        .flat_map(|run| (run.offset..run.end()).step_by(64))
        .collect()
}

#[test]
fn a_failure_leaves_dirty_what_was_collected_ahead_of_it() {
    let reserve = Reserve::with_leaves(256).expect("memory");
    let map = DirtyMap::new(&reserve);
    // In leaves that hang from the map and in others, more runs in each than a batch has, and in many
    // places of it.
    let leaves = [0, 1, 20, 21, 2000].map(|leaf| leaf * daxflush_engine::LEAF_SPAN);
    let lines = leaves.map(|leaf| (0..100).map(move |line| leaf + line * 8192));
    let lines: BTreeSet<u64> = lines.into_iter().flatten().collect();
    for fail_flush in [0, 1, 3, 6] {
        lines.iter().for_each(|line| map.mark(*line, 1));
        let mut committer = Committer::new();
        let mut failing = Recorder {
            fail_flush: Some(fail_flush),
            ..Recorder::default()
        };
        let failed = committer.commit(&map, 0..MAX_OFFSET, &mut failing);
        assert_eq!(failed, Err("flush"));
        let mut again = Recorder::default();
        let done = committer.commit(&map, 0..MAX_OFFSET, &mut again);
        done.expect("no failure");
        let flushed = line_starts(&[failing.flushed, again.flushed].concat());
        assert!(lines.is_subset(&flushed), "{fail_flush}");
    }
}

//! All of them must remember the same, or comparing them means nothing.

use super::{Blaze, Flat, Locked, Map, Ranges, Recorder, Roaring, Store, Sum};
use crate::workloads::Workload;
use daxflush_engine::{Backing, LINE_SIZE, Reserve, Run};
use std::{convert::Infallible, ops::Range};

/// A backing that keeps what it gets.
#[derive(Default)]
pub struct Lines {
    pub ranges: Vec<Range<u64>>,
    pub drains: usize,
}

impl Backing for Lines {
    type Error = Infallible;

    fn flush(&mut self, runs: &[Run]) -> Result<(), Infallible> {
        for run in runs {
            let lines = run.offset / LINE_SIZE..run.end() / LINE_SIZE;
            // A run that was too long for its batch goes on in the next.
            match self.ranges.last_mut() {
                Some(last) if last.end == lines.start => last.end = lines.end,
                _ => self.ranges.push(lines),
            }
        }
        Ok(())
    }

    fn drain(&mut self) -> Result<(), Infallible> {
        self.drains += 1;
        Ok(())
    }
}

const SPAN: u64 = 8 << 20;

/// The dirty lines by the simplest means.
fn expected(stores: &[Store]) -> Vec<Range<u64>> {
    let mut dirty = vec![false; (SPAN / LINE_SIZE) as usize];
    for line in stores.iter().flat_map(Store::lines) {
        dirty[line as usize] = true;
    }
    let mut ranges: Vec<Range<u64>> = Vec::new();
    for (line, _) in (0..).zip(&dirty).filter(|(_, dirty)| **dirty) {
        match ranges.last_mut() {
            Some(last) if last.end == line => last.end += 1,
            _ => ranges.push(line..line + 1),
        }
    }
    ranges
}

fn check(name: &str, mut recorder: impl Recorder, workload: &Workload) {
    let expected = expected(&workload.stores);
    for _ in 0..2 {
        workload
            .stores
            .iter()
            .for_each(|store| recorder.record(store));
        assert_eq!(recorder.take(), expected, "{name}, {}", workload.name);
        assert_eq!(recorder.take(), [], "{name}, {}", workload.name);
        workload
            .stores
            .iter()
            .for_each(|store| recorder.record(store));
        recorder.empty();
        assert_eq!(recorder.take(), [], "{name}, {}, emptied", workload.name);
        recorder.renew();
    }
}

#[test]
fn everybody_remembers_the_same_lines() {
    let reserve = Reserve::with_leaves(256).expect("memory");
    for workload in Workload::all(SPAN, SPAN / 4, 300, 7) {
        check("daxflush", Map::new(&reserve), &workload);
        check("flat bitmap", Flat::new(SPAN), &workload);
        check("rangemap", Ranges::default(), &workload);
        check("roaring", Roaring::default(), &workload);
        check("range-set-blaze", Blaze::default(), &workload);
        check("rangemap, locked", Locked::<Ranges>::default(), &workload);
        assert_eq!(reserve.coarse_marks(), 0);
    }
    assert_eq!(reserve.free_leaves(), reserve.leaves());
}

#[test]
fn a_part_is_collected_alike_and_the_rest_stays() {
    let reserve = Reserve::with_leaves(64).expect("memory");
    for workload in Workload::all(SPAN, SPAN / 4, 300, 11) {
        let (mut map, mut flat) = (Map::new(&reserve), Flat::new(SPAN));
        for store in &workload.stores {
            map.record(store);
            flat.record(store);
        }
        for scope in [4096..8192, SPAN / 8..SPAN / 2, 0..SPAN / 4, 0..0] {
            let (mut ours, mut limit) = (Sum::default(), Sum::default());
            let Ok(_) = map.commit(scope.clone(), &mut ours);
            let Ok(()) = flat.commit(scope, &mut limit);
            assert_eq!(ours, limit, "{}", workload.name);
        }
        assert_eq!(map.take(), flat.take(), "{}", workload.name);
    }
}

//! A terabyte written at random with a megabyte for tracking: exact while the leaves last, coarser
//! beyond, and exact again afterwards.

use daxflush_engine::{Backing, Committed, Committer, DirtyMap, MAX_OFFSET, Reserve, Run};
use std::convert::Infallible;

const TIB: u64 = 1 << 40;
const LEAVES: u32 = 256;

#[derive(Default)]
struct Flushed(Vec<Run>);

impl Backing for Flushed {
    type Error = Infallible;

    fn flush(&mut self, runs: &[Run]) -> Result<(), Infallible> {
        self.0.extend_from_slice(runs);
        Ok(())
    }

    fn drain(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// Lines of a terabyte in a scattered order.
fn offsets(seed: u64) -> impl Iterator<Item = u64> {
    (seed..).map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 24) % TIB / 64 * 64)
}

fn write_and_commit(map: &DirtyMap<&Reserve>, seed: u64, writes: usize) -> Committed {
    let written: Vec<u64> = offsets(seed).take(writes).collect();
    written.iter().for_each(|offset| map.mark(*offset, 64));
    let mut flushed = Flushed::default();
    let Ok(done) = Committer::new().commit(map, 0..MAX_OFFSET, &mut flushed);
    for offset in written {
        let covered = |run: &Run| run.offset <= offset && offset < run.end();
        assert!(
            flushed.0.iter().any(covered),
            "{offset} of seed {seed} was forgotten"
        );
    }
    assert!(map.is_clean());
    done
}

#[test]
fn random_writes_stay_exact_for_ever() {
    let reserve = Reserve::with_leaves(LEAVES).expect("memory");
    let map = DirtyMap::new(&reserve);
    for round in 0..2000 {
        let done = write_and_commit(&map, round * 70, 70);
        assert_eq!((done.lines, done.coarse_lines), (70, 0), "round {round}");
        assert!(map.leaves() <= reserve.share_of_one_map());
    }
}

#[test]
fn too_many_writes_are_coarse_and_the_next_are_exact() {
    let reserve = Reserve::with_leaves(LEAVES).expect("memory");
    let map = DirtyMap::new(&reserve);
    for round in 0..20 {
        let coarse = write_and_commit(&map, round * 5000, 5000);
        assert!(coarse.coarse_lines > 0);
        assert!(coarse.lines <= TIB / 64);
        let exact = write_and_commit(&map, round * 5000 + 17, 70);
        assert_eq!((exact.lines, exact.coarse_lines), (70, 0), "round {round}");
    }
}

/// One stream cannot take the leaves that another needs.
#[test]
fn a_greedy_map_leaves_some_to_others() {
    let reserve = Reserve::with_leaves(LEAVES).expect("memory");
    let (greedy, modest) = (DirtyMap::new(&reserve), DirtyMap::new(&reserve));
    offsets(1)
        .take(10_000)
        .for_each(|offset| greedy.mark(offset, 64));
    let done = write_and_commit(&modest, 7, 20);
    assert_eq!((done.lines, done.coarse_lines), (20, 0));
}

/// Tables are allocated as they are needed, up to a limit; beyond it everything is dirty, for one commit.
#[test]
fn tables_have_a_limit_and_are_given_back() {
    const GIB: u64 = 1 << 30;
    const LIMIT: u64 = 64 << 20;
    let reserve = Reserve::with_leaves(0).expect("memory");
    let map = DirtyMap::new(&reserve);
    let mut marked = 1;
    while !map.is_all_dirty() {
        map.mark(marked * GIB, 1);
        marked += 1;
        assert!(marked <= LIMIT / 4096, "no limit");
    }
    assert!(marked > LIMIT / 4096 * 9 / 10);
    assert!(reserve.used_bytes() <= LIMIT);
    let mut flushed = Flushed::default();
    let Ok(done) = Committer::new().commit(&map, 0..MAX_OFFSET, &mut flushed);
    assert_eq!((done.lines, done.ranges), (MAX_OFFSET / 64, 1));
    assert!(map.is_clean());
    drop(map);
    assert_eq!(reserve.used_bytes(), 0);
}

/// What a stream that has gone left dirty is not another's.
#[test]
fn leaves_come_back_clean() {
    let reserve = Reserve::with_leaves(1).expect("memory");
    let gone = DirtyMap::new(&reserve);
    gone.mark(4096, 65536);
    drop(gone);
    let map = DirtyMap::new(&reserve);
    map.mark(0, 1);
    map.mark(8192, 1);
    assert_eq!(map.dirty_lines(MAX_OFFSET), 2);
    let mut flushed = Flushed::default();
    let Ok(done) = Committer::new().commit(&map, 0..MAX_OFFSET, &mut flushed);
    assert_eq!(done.lines, 2);
}

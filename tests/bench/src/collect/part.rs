//! Parts of a file, the rest of which stays dirty.

use super::{FLAT, OURS};
use crate::{
    measure::Contender,
    peers::{Flat, Map, Recorder, Store, Sum},
    results::Comparison,
    suite::{Case, Course, bytes},
    workloads::every,
};
use daxflush_engine::Reserve;
use std::{
    error::Error,
    hint::black_box,
    ops::Range,
    time::{Duration, Instant},
};

pub const PART: &str = "part";

const SPAN: u64 = 64 << 20;
const LEAVES: u32 = 1024;
/// Bytes of file that a round collects at least, part by part.
const ROUND: u64 = 4 << 20;
const STRIDE: u64 = 128;

pub fn measured(course: &mut Course) -> Result<Vec<Comparison>, Box<dyn Error>> {
    let sizes = [4 << 10, 64 << 10, 1 << 20, 16 << 20];
    course.expect(sizes.len());
    let reserve = Reserve::with_leaves(LEAVES)?;
    Ok(sizes.map(|size| compared(size, &reserve, course)).into())
}

fn compared(size: u64, reserve: &Reserve, course: &mut Course) -> Comparison {
    let count = (ROUND / size).max(1);
    let place = |_| course.random.u64(..SPAN / size) * size;
    let starts: Vec<_> = (0..count).map(place).collect();
    let case = Case {
        workload: PART,
        name: bytes(size),
        size: size as f64,
        unit: "ns a range",
        operations: (count * size / STRIDE) as usize,
        sparing: 1,
    };
    let mut map = Map::new(reserve);
    let mut flat = Flat::new(SPAN);
    let stores = every(SPAN, STRIDE, 64);
    for store in &stores {
        map.record(store);
        flat.record(store);
    }
    let scopes = || starts.iter().map(|start| *start..start + size);
    course.compete(
        case,
        &mut [
            Contender::timed(
                OURS,
                || {},
                || {
                    each(scopes(), &stores, &mut map, |map, scope, sum| {
                        let Ok(_) = map.commit(scope, sum);
                    })
                },
            ),
            Contender::timed(
                FLAT,
                || {},
                || {
                    each(scopes(), &stores, &mut flat, |flat, scope, sum| {
                        let Ok(()) = flat.commit(scope, sum);
                    })
                },
            ),
        ],
    )
}

/// Collects each of the scopes and makes it dirty again, which is not timed.
fn each<R: Recorder>(
    scopes: impl Iterator<Item = Range<u64>>,
    stores: &[Store],
    recorder: &mut R,
    commit: impl Fn(&mut R, Range<u64>, &mut Sum),
) -> Duration {
    let mut elapsed = Duration::ZERO;
    for scope in scopes {
        let mut sum = Sum::default();
        let begin = Instant::now();
        commit(recorder, scope.clone(), &mut sum);
        elapsed += begin.elapsed();
        black_box(sum);
        let again = (scope.start / STRIDE) as usize..(scope.end / STRIDE) as usize;
        stores[again]
            .iter()
            .for_each(|store| recorder.record(store));
    }
    elapsed
}

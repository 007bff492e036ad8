//! Whole files with much that is dirty.

use super::{FLAT, OURS};
use crate::{
    measure::Contender,
    peers::{Flat, Map, Recorder, Store, Sum},
    results::Comparison,
    suite::{Case, Course},
    workloads::{Workload, every},
};
use daxflush_engine::{MAX_OFFSET, Reserve};
use std::{error::Error, hint::black_box};

pub const DENSE: &str = "dense";
pub const RECORDED: &str = "recorded";

const LEAVES: u32 = 8192;
const GIB: u64 = 1 << 30;
const LINE: u64 = 64;
const PAGE: u64 = 4096;

pub fn measured(course: &mut Course) -> Result<Vec<Comparison>, Box<dyn Error>> {
    let reserve = Reserve::with_leaves(LEAVES)?;
    let named = |name: &str, span, stores| Workload {
        name: name.to_owned(),
        span,
        stores,
        random: false,
        dense: true,
    };
    let half = 64 << 20;
    let dense = [
        named("all lines, 1 GiB", GIB, every(GIB, PAGE, PAGE)),
        named("every 2nd line, 64 MiB", half, every(half, 2 * LINE, LINE)),
        named("every 2nd page, 1 GiB", GIB, every(GIB, 2 * PAGE, PAGE)),
    ];
    let recorded = Workload::all(GIB, 16 << 20, 16384, course.options.seed);
    course.expect(dense.len() + recorded.iter().filter(|workload| workload.random).count());
    let dense = dense.iter().map(|workload| (DENSE, workload));
    // The sequential one is all lines once more.
    let recorded = recorded.iter().filter(|workload| workload.random);
    let recorded = recorded.map(|workload| (RECORDED, workload));
    let comparisons: Vec<_> = dense
        .chain(recorded)
        .map(|(kind, workload)| compared(kind, workload, &reserve, course))
        .collect();
    if reserve.coarse_marks() != 0 {
        return Err("the reserve was too small: tracking became coarse".into());
    }
    Ok(comparisons)
}

fn compared(
    kind: &'static str,
    Workload {
        name, span, stores, ..
    }: &Workload,
    reserve: &Reserve,
    course: &mut Course,
) -> Comparison {
    let mut map = Map::new(reserve);
    record(&mut map, stores);
    let mut sum = Sum::default();
    let Ok(_) = map.commit(0..MAX_OFFSET, &mut sum);
    let (unit, operations) = match kind {
        DENSE => ("ns a line", sum.bytes / LINE),
        _ => ("ns a range", sum.runs),
    };
    let case = Case {
        workload: kind,
        name: name.clone(),
        size: *span as f64,
        unit,
        operations: operations as usize,
        sparing: 1,
    };
    let ours = Contender::with(
        OURS,
        map,
        |map| record(map, stores),
        |map| {
            let mut sum = Sum::default();
            let Ok(_) = map.commit(0..MAX_OFFSET, &mut sum);
            black_box(sum);
        },
    );
    let flat = Contender::with(
        FLAT,
        Flat::new(*span),
        |flat| record(flat, stores),
        |flat| {
            let mut sum = Sum::default();
            let Ok(()) = flat.commit(0..MAX_OFFSET, &mut sum);
            black_box(sum);
        },
    );
    course.compete(case, &mut [ours, flat])
}

fn record(recorder: &mut impl Recorder, stores: &[Store]) {
    for store in stores {
        recorder.record(store);
    }
}

//! More threads.

use crate::{
    at_once::at_once,
    measure::Contender,
    peers::{Map, Store},
    results::{Comparison, Results, Table},
    suite::{Case, Course},
    workloads::small,
};
use daxflush_engine::Reserve;
use std::{error::Error, thread};

pub const WORKLOAD: &str = "threads";
const SAME: &str = "own parts of a file";
const OWN: &str = "own files";

const SPAN: u64 = 1 << 30;
const STORES: usize = 16384;
const PASSES: usize = 8;
const LEAVES: u32 = 16384;

/// 1 and 2 threads, and as many as there are processors.
pub fn measured(course: &mut Course) -> Result<Vec<Comparison>, Box<dyn Error>> {
    let processors = thread::available_parallelism()?.get().min(64);
    let mut counts = vec![1, 2, processors.next_power_of_two()];
    counts.dedup();
    course.expect(counts.len());
    let reserve = Reserve::with_leaves(LEAVES)?;
    let comparisons = counts.into_iter().map(|threads| {
        let part = SPAN / threads as u64;
        let parts = (0..threads as u64).map(|index| index * part..(index + 1) * part);
        let stores: Vec<_> = parts
            .map(|part| small(part, STORES, &mut course.random))
            .collect();
        let case = Case {
            workload: WORKLOAD,
            name: threads.to_string(),
            size: threads as f64,
            unit: "ns a store, of all threads",
            operations: threads * STORES * PASSES,
            sparing: 1,
        };
        let same = Map::new(&reserve);
        let own: Vec<_> = stores.iter().map(|_| Map::new(&reserve)).collect();
        let mut contenders = [
            contender(SAME, &stores, |_| &same),
            contender(OWN, &stores, |thread| &own[thread]),
        ];
        course.compete(case, &mut contenders)
    });
    Ok(comparisons.collect())
}

fn contender<'a, 'r: 'a>(
    name: &str,
    stores: &'a [Vec<Store>],
    map: impl Fn(usize) -> &'a Map<'r> + Sync + 'a,
) -> Contender<'a> {
    let record = move |thread: usize| {
        let map = &map(thread).map;
        for store in (0..PASSES).flat_map(|_| &stores[thread]) {
            map.mark(store.offset, store.length);
        }
    };
    Contender::timed(name, || {}, move || at_once(stores.len(), &record))
}

pub fn table(results: &Results) -> Table {
    let title = "Threads that record at once, 64-256 B random: ns a store, of all threads";
    let mut table = Table::of(title, &results.of(WORKLOAD), &[]);
    table.header[0] = WORKLOAD.to_owned();
    table
}

//! Two threads that record at once.

use super::{FLAT, NARROW, OURS, STORES, WIDE};
use crate::{
    at_once::at_once,
    measure::Contender,
    peers::{Flat, Map, Store},
    results::{Bar, Cell, Comparison, Drawing, Panel, Results, Table},
    suite::{Case, Course, bytes, counted},
    workloads::small,
};
use daxflush_engine::Reserve;
use fastrand::Rng;
use std::error::Error;

const WORKLOAD: &str = "threads";
pub const HALVES: &str = "own half of 1 GiB";
const LEAVES: u32 = 8192;
/// Times that a thread records its stores in a round.
const PASSES: usize = 16;
const PAGE: u64 = 4096;

/// The stores of two threads.
struct Layout {
    name: String,
    span: u64,
    stores: [Vec<Store>; 2],
}

pub fn measured(course: &mut Course) -> Result<Vec<Comparison>, Box<dyn Error>> {
    let layouts = layouts(&mut course.random);
    course.expect(layouts.len());
    let reserve = Reserve::with_leaves(LEAVES)?;
    let comparisons = layouts.into_iter().map(|layout| {
        let case = Case {
            workload: WORKLOAD,
            name: layout.name.clone(),
            size: layout.span as f64,
            unit: "ns a store of each thread",
            operations: PASSES * STORES,
            sparing: 1,
        };
        let map = Map::new(&reserve);
        let flat = Flat::new(layout.span);
        let (map, flat, stores) = (&map.map, &flat, &layout.stores);
        let ours = |threads: usize| {
            let record = move |store: &Store| map.mark(store.offset, store.length);
            contender(OURS, threads, stores, record)
        };
        let limit = |threads| contender(FLAT, threads, stores, move |store| flat.mark(store));
        course.compete(case, &mut [ours(1), ours(2), limit(1), limit(2)])
    });
    Ok(comparisons.collect())
}

fn layouts(random: &mut Rng) -> Vec<Layout> {
    let halves = |span: u64, random: &mut Rng| Layout {
        name: format!("own half of {}", bytes(span)),
        span,
        stores: [
            small(0..span / 2, STORES, random),
            small(span / 2..span, STORES, random),
        ],
    };
    let alternate = |span: u64, random: &mut Rng| {
        let mut stores = |odd| {
            let page = |store: Store| {
                let page = store.offset / PAGE / 2 * 2 + odd;
                let place = store.offset % (PAGE - store.length);
                Store::new(page * PAGE + place, store.length)
            };
            small(0..span, STORES, random)
                .into_iter()
                .map(page)
                .collect()
        };
        Layout {
            name: format!("own pages of {}", bytes(span)),
            span,
            stores: [stores(0), stores(1)],
        }
    };
    vec![
        halves(WIDE, random),
        halves(NARROW, random),
        alternate(WIDE, random),
        alternate(NARROW, random),
    ]
}

fn contender<'a>(
    name: &str,
    threads: usize,
    stores: &'a [Vec<Store>; 2],
    record: impl Fn(&Store) + Copy + Sync + 'a,
) -> Contender<'a> {
    let all = move |thread: usize| {
        for store in &stores[thread] {
            record(store);
        }
    };
    Contender::timed(
        named(name, threads),
        || {},
        move || at_once(threads, |thread| (0..PASSES).for_each(|_| all(thread))),
    )
}

fn named(name: &str, threads: usize) -> String {
    format!("{name}, {}", counted(threads, "thread"))
}

/// The throughput of two threads in terms of one's.
fn gain(comparison: &Comparison, name: &str) -> Option<f64> {
    Some(2.0 * comparison.ratio(&named(name, 1), &named(name, 2))?)
}

pub fn scaling(results: &Results, case: &str, name: &str) -> Option<f64> {
    let comparisons = results.of(WORKLOAD);
    let found = comparisons.into_iter().find(|c| c.case == case);
    gain(found?, name)
}

pub fn table(results: &Results) -> Table {
    let title =
        "Two threads: ns a store of each thread, and throughput as multiples of one thread's";
    let mut table = Table::of(title, &results.of(WORKLOAD), &[]);
    for (row, comparison) in table.rows.iter_mut().zip(results.of(WORKLOAD)) {
        row.extend([OURS, FLAT].map(|name| Cell::number(gain(comparison, name), 2)));
    }
    table
        .header
        .extend([OURS, FLAT].map(|name| format!("{name}, scaling")));
    table
}

pub fn panel(results: &Results) -> Panel {
    let comparisons = results.of(WORKLOAD);
    let bar = |name: &str| Bar {
        name: name.to_owned(),
        values: comparisons.iter().map(|c| gain(c, name)).collect(),
    };
    Panel {
        title: "Two threads (higher is better)".to_owned(),
        unit: "throughput / one thread's".to_owned(),
        drawing: Drawing::Bars {
            groups: comparisons.iter().map(|c| c.case.clone()).collect(),
            series: [OURS, FLAT].map(bar).into(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{Flat, Map, PAGE, Reserve, layouts};
    use crate::{at_once::at_once, peers::Recorder};

    #[test]
    fn threads_have_their_own_pages_and_nothing_is_lost_when_they_meet() {
        let reserve = Reserve::with_leaves(8192).expect("memory");
        for layout in layouts(&mut fastrand::Rng::with_seed(2)) {
            let pages = |thread: usize| {
                let stores = layout.stores[thread].iter();
                stores
                    .map(|store| store.offset / PAGE)
                    .collect::<std::collections::HashSet<_>>()
            };
            assert!(pages(0).is_disjoint(&pages(1)), "{}", layout.name);
            let mut map = Map::new(&reserve);
            let mut flat = Flat::new(layout.span);
            at_once(2, |thread| {
                for store in &layout.stores[thread] {
                    map.map.mark(store.offset, store.length);
                    flat.mark(store);
                }
            });
            assert_eq!(map.take(), flat.take(), "{}", layout.name);
        }
    }
}

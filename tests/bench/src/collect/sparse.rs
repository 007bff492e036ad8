//! Few lines in large files.

use super::{FLAT, OURS};
use crate::{
    measure::Contender,
    peers::{Flat, Map, Recorder, Store, Sum},
    results::{Cell, Comparison, Results, Table},
    suite::{Case, Course, bytes},
    workloads::scattered,
};
use daxflush_engine::{MAX_OFFSET, Reserve};
use std::{
    error::Error,
    hint::black_box,
    time::{Duration, Instant},
};

pub const SPARSE: &str = "sparse";
/// The same, each size a contender, so that they take turns.
const SIZES: &str = "sparse-sizes";

const GIB: u64 = 1 << 30;
const SPANS: [u64; 6] = [GIB, 4 * GIB, 16 * GIB, 64 * GIB, 256 * GIB, 1024 * GIB];
/// The largest for which a flat bitmap is made: it has 128 MiB there.
const LARGEST_FLAT: u64 = 64 * GIB;
const LINES: usize = 16;
const LEAVES: u32 = 4096;
/// Commits of a round.
const COMMITS: usize = 64;

pub fn measured(course: &mut Course) -> Result<Vec<Comparison>, Box<dyn Error>> {
    course.expect(SPANS.len() + 1);
    let reserve = Reserve::with_leaves(LEAVES)?;
    let stores = SPANS.map(|span| scattered(span, LINES, 64, &mut course.random));
    let mut contenders: Vec<_> = SPANS
        .iter()
        .zip(&stores)
        .map(|(span, stores)| ours(&bytes(*span), stores, &reserve))
        .collect();
    let mut comparisons = vec![course.compete(case(SIZES, "all".to_owned(), 0), &mut contenders)];
    for (span, stores) in SPANS.into_iter().zip(&stores) {
        let mut contenders = vec![ours(OURS, stores, &reserve)];
        if span <= LARGEST_FLAT {
            contenders.push(flat(span, stores));
        }
        let case = case(SPARSE, bytes(span), span);
        comparisons.push(course.compete(case, &mut contenders));
    }
    if reserve.coarse_marks() != 0 {
        return Err("the reserve was too small: tracking became coarse".into());
    }
    Ok(comparisons)
}

fn case(workload: &'static str, name: String, span: u64) -> Case {
    Case {
        workload,
        name,
        size: span as f64,
        unit: "ns a commit",
        operations: COMMITS,
        sparing: if span > GIB { 4 } else { 1 },
    }
}

fn ours<'a>(name: &str, stores: &'a [Store], reserve: &'a Reserve) -> Contender<'a> {
    let mut map = Map::new(reserve);
    Contender::timed(
        name,
        || {},
        move || {
            commits(COMMITS, stores, &mut map, |map, sum| {
                let Ok(_) = map.commit(0..MAX_OFFSET, sum);
            })
        },
    )
}

fn flat(span: u64, stores: &[Store]) -> Contender<'_> {
    let mut flat = Flat::new(span);
    // A large one takes milliseconds.
    let count = if span > GIB { 2 } else { COMMITS };
    Contender::timed(
        FLAT,
        || {},
        move || {
            let elapsed = commits(count, stores, &mut flat, |flat, sum| {
                let Ok(()) = flat.commit(0..MAX_OFFSET, sum);
            });
            elapsed * (COMMITS / count) as u32
        },
    )
}

/// Time of so many commits; recording before each is not timed.
fn commits<R: Recorder>(
    count: usize,
    stores: &[Store],
    recorder: &mut R,
    commit: impl Fn(&mut R, &mut Sum),
) -> Duration {
    let mut elapsed = Duration::ZERO;
    for _ in 0..count {
        stores.iter().for_each(|store| recorder.record(store));
        let mut sum = Sum::default();
        let begin = Instant::now();
        commit(recorder, &mut sum);
        elapsed += begin.elapsed();
        assert_eq!(sum.runs as usize, stores.len());
        black_box(sum);
    }
    elapsed
}

/// 1 TiB / 1 GiB.
pub fn independence(results: &Results) -> Option<f64> {
    let sizes = results.of(SIZES);
    let last = SPANS.last().copied().unwrap_or(GIB);
    sizes.first()?.ratio(&bytes(last), &bytes(GIB))
}

/// What clean space costs.
pub fn clean_space(results: &Results) -> Table {
    let title = "16 lines: what each clean gigabyte beyond the first costs in ns a commit";
    let mut table = Table::new(
        title,
        [
            "",
            "daxflush",
            "flat bitmap",
            "daxflush / daxflush in 1 GiB",
        ],
    );
    let sizes = results.of(SIZES);
    let base = bytes(GIB);
    let flat = |span: u64| {
        let name = bytes(span);
        let all = results.of(SPARSE);
        all.iter()
            .find(|c| c.case == name)
            .and_then(|c| c.median(FLAT))
    };
    for (span, sizes) in SPANS
        .iter()
        .skip(1)
        .filter_map(|span| Some((span, sizes.first()?)))
    {
        let name = bytes(*span);
        let clean = (span / GIB - 1) as f64;
        let each = |large: Option<f64>, small: Option<f64>| Some((large? - small?) / clean);
        table.rows.push(vec![
            Cell::text(&name),
            Cell::number(each(sizes.median(&name), sizes.median(&base)), 2),
            Cell::number(each(flat(*span), flat(GIB)), 2),
            Cell::number(sizes.ratio(&name, &base), 3),
        ]);
    }
    table
}

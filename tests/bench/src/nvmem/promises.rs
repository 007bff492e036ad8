//! What the README promises of the routines: times as ratios to others'.

use super::{BARE, CLEAN, DIRTY, ONE_LINE, OURS, OURS_EACH, PMEM, SCATTERED, STORES, WRITE};
use crate::results::{Promise, Results, worst};

/// What ratios that should be 1 may be above it: two runs of the same loop differ by that much.
const EQUAL: f64 = 1.02;

pub fn of(results: &Results) -> Vec<Promise> {
    let lines = |workload, other| {
        let all = results.of(workload).into_iter();
        worst(all.filter(|c| c.size == 1024.0), |c| c.ratio(OURS, other))
    };
    let large = |workloads: &[&str], other| {
        let all = workloads.iter().flat_map(|workload| results.of(workload));
        worst(all.filter(|c| c.size >= 4096.0), |c| c.ratio(OURS, other))
    };
    let one_line = |own| worst(results.of(ONE_LINE), |c| c.ratio(own, PMEM));
    let promise = Promise::at_most;
    vec![
        promise(
            "1,024 scattered lines, flushed / bare loop",
            1.15,
            lines(SCATTERED, BARE),
        ),
        promise(
            "1,024 scattered stores made durable / bare loop",
            1.15,
            lines(STORES, BARE),
        ),
        promise(
            "1,024 scattered stores made durable / libpmem, flush each, drain once",
            1.0 / 1.5,
            lines(STORES, PMEM),
        ),
        promise(
            "1,024 scattered lines, flushed / libpmem, flush each, drain once",
            1.0 / 1.5,
            lines(SCATTERED, PMEM),
        ),
        promise(
            "ranges of 4 KiB and more / bare loop",
            1.05,
            large(&[DIRTY, CLEAN], BARE),
        ),
        promise(
            "ranges of 4 KiB and more / libpmem",
            EQUAL,
            large(&[DIRTY, CLEAN], PMEM),
        ),
        promise(
            "one line, flushed and drained / pmem_persist",
            EQUAL,
            one_line(OURS),
        ),
        promise(
            "one line, with a look-up of the token / pmem_persist",
            EQUAL,
            one_line(OURS_EACH),
        ),
        promise(
            "non-temporal copies of 4 KiB and more / pmem_memcpy_persist",
            EQUAL,
            large(&[WRITE], PMEM),
        ),
    ]
}

//! Flushes with the filter and without, and the flush instructions alone.

use super::{
    stage::{File, Stage},
    writes::{ALONE, WITH, WITHOUT},
};
use crate::{
    machine,
    measure::Contender,
    memory::LINE,
    results::Comparison,
    suite::{Case, Course, thousands},
};

/// Dirty lines side by side.
pub const RUN: &str = "flush-run";
/// Each dirty line has a clean one after it.
pub const SCATTERED: &str = "flush-scattered";

/// Nothing but the instructions, of the lines that are dirty.
pub const BARE: &str = "bare loop";

const COUNTS: [(&str, usize); 7] = [
    (RUN, 1),
    (RUN, 16),
    (RUN, 1024),
    (RUN, 65_536),
    (SCATTERED, 16),
    (SCATTERED, 1024),
    (SCATTERED, 16_384),
];

pub fn compared(stage: &Stage, course: &mut Course) -> Vec<Comparison> {
    course.expect(COUNTS.len());
    let compare = |(workload, lines)| compare(stage, workload, lines, course);
    COUNTS.into_iter().map(compare).collect()
}

fn compare(stage: &Stage, workload: &'static str, lines: usize, course: &mut Course) -> Comparison {
    let step = if workload == RUN { 1 } else { 2 };
    // The lines become dirty, in the caches too, and nothing else is.
    let dirty = |file: &File| {
        if step == 1 {
            let data = vec![5; lines * LINE];
            stage.write(file, 0, &data);
        } else {
            for number in 0..lines {
                stage.write(file, number * step * LINE, &[5; LINE]);
            }
        }
        machine::fence();
    };
    let bare = || {
        if step == 1 {
            stage.flush(&stage.free, 0, lines);
        } else {
            for number in 0..lines {
                stage.flush(&stage.free, number * step, 1);
            }
        }
        machine::fence();
    };
    let commit =
        |name: &str, file| Contender::new(name, move || dirty(file), move || stage.commit(file));
    let own_time = || {
        let commit = || stage.commit(&stage.watched);
        stage.sim.time_in_driver(commit).1
    };
    let mut contenders = [
        commit(WITH, &stage.watched),
        commit(WITHOUT, &stage.free),
        Contender::timed(ALONE, || dirty(&stage.watched), own_time),
        Contender::new(BARE, || dirty(&stage.free), bare),
    ];
    let case = Case {
        workload,
        name: match lines {
            1 => "1 line".to_owned(),
            _ => format!("{} lines", thousands(lines)),
        },
        size: lines as f64,
        unit: "ns a flush",
        operations: 1,
        sparing: if lines > 4096 { 4 } else { 1 },
    };
    course.compete(case, &mut contenders)
}

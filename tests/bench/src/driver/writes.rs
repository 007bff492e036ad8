//! Writes with the filter and without.

use super::stage::{File, Stage};
use crate::{
    machine,
    measure::Contender,
    memory::LINE,
    results::Comparison,
    suite::{Case, Course, bytes},
};

/// The lines are clean in the filter's map, and not in the caches, or there and clean, as the flush
/// instruction leaves them.
pub const CLEAN: &str = "write-clean";
/// The lines are dirty in both.
pub const DIRTY: &str = "write-dirty";

pub const WITH: &str = "filter attached";
pub const WITHOUT: &str = "no filter";
/// As with the filter, and only the time in which its own code runs counts.
pub const ALONE: &str = "driver alone";

const SIZES: [usize; 3] = [64, 4096, 65536];
/// Bytes that a round writes at most, and writes.
const ROUND: usize = 1 << 20;
const WRITES: usize = 256;

pub fn compared(stage: &Stage, course: &mut Course) -> Vec<Comparison> {
    course.expect(2 * SIZES.len());
    let all = [CLEAN, DIRTY].into_iter();
    let all = all.flat_map(|workload| SIZES.map(|size| (workload, size)));
    all.map(|(workload, size)| compare(stage, workload, size, course))
        .collect()
}

fn compare(stage: &Stage, workload: &'static str, size: usize, course: &mut Course) -> Comparison {
    let (writes, data) = (WRITES.min(ROUND / size), vec![3; size]);
    let write_all = |file: &File| {
        for number in 0..writes {
            stage.write(file, number * size, &data);
        }
    };
    let prepare = |file: &File, is_watched: bool| {
        write_all(file);
        if workload == CLEAN && is_watched {
            stage.commit(file);
        } else if workload == CLEAN {
            stage.flush(file, 0, writes * size / LINE);
        }
        machine::fence();
    };
    let contender = |name: &str, file, is_watched| {
        let prepare = move || prepare(file, is_watched);
        Contender::new(name, prepare, move || write_all(file))
    };
    let own_time = || stage.sim.time_in_driver(|| write_all(&stage.watched)).1;
    let mut contenders = [
        contender(WITH, &stage.watched, true),
        contender(WITHOUT, &stage.free, false),
        Contender::timed(ALONE, || prepare(&stage.watched, true), own_time),
    ];
    let case = Case {
        workload,
        name: bytes(size as u64),
        size: size as f64,
        unit: "ns a write",
        operations: writes,
        sparing: 1,
    };
    course.compete(case, &mut contenders)
}

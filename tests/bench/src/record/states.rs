//! One thread that records into maps that are hot, cold or new.

use super::{FLAT, LOCKED, OURS, SETS};
use crate::{
    measure::Contender,
    memory::Evictor,
    peers::{Blaze, Flat, Locked, Map, Ranges, Recorder, Roaring, Store},
    results::Comparison,
    suite::{Case, Course},
    workloads::Workload,
};
use daxflush_engine::Reserve;
use std::error::Error;

const HOT: &str = "hot";
const COLD: &str = "cold";
const NEW: &str = "new";
pub const STATES: [&str; 3] = [HOT, COLD, NEW];

/// So many that nothing becomes coarse and no node is scarce.
const LEAVES: u32 = 8192;

pub fn measured(
    workloads: &[Workload],
    course: &mut Course,
) -> Result<Vec<Comparison>, Box<dyn Error>> {
    course.expect(STATES.len() * workloads.len());
    let reserve = Reserve::with_leaves(LEAVES)?;
    let evictor = Evictor::new()?;
    let mut comparisons = Vec::new();
    for state in STATES {
        for workload in workloads {
            let case = Case {
                workload: state,
                name: workload.name.clone(),
                size: workload.span as f64,
                unit: "ns a store",
                operations: workload.stores.len(),
                sparing: 1,
            };
            let stage = Stage {
                state,
                stores: &workload.stores,
                evictor: &evictor,
            };
            let mut contenders = stage.contenders(workload.span, &reserve);
            comparisons.push(course.compete(case, &mut contenders));
        }
    }
    if reserve.coarse_marks() != 0 {
        return Err("the reserve was too small: tracking became coarse".into());
    }
    Ok(comparisons)
}

#[derive(Clone, Copy)]
struct Stage<'a> {
    state: &'static str,
    stores: &'a [Store],
    evictor: &'a Evictor,
}

impl<'a> Stage<'a> {
    fn contenders(self, span: u64, reserve: &'a Reserve) -> Vec<Contender<'a>> {
        vec![
            self.contender(OURS, Map::new(reserve)),
            self.contender(FLAT, Flat::new(span)),
            self.contender(SETS[0], Ranges::default()),
            self.contender(SETS[1], Roaring::default()),
            self.contender(SETS[2], Blaze::default()),
            self.contender(LOCKED[0], Locked::<Ranges>::default()),
            self.contender(LOCKED[1], Locked::<Roaring>::default()),
            self.contender(LOCKED[2], Locked::<Blaze>::default()),
        ]
    }

    fn contender<R: Recorder + 'a>(self, name: &'static str, recorder: R) -> Contender<'a> {
        let record = move |recorder: &mut R| {
            for store in self.stores {
                recorder.record(store);
            }
        };
        let prepare = move |recorder: &mut R| match self.state {
            HOT => record(recorder),
            COLD => {
                recorder.empty();
                self.evict();
            }
            _ => {
                recorder.renew();
                self.evict();
            }
        };
        Contender::with(name, recorder, prepare, record)
    }

    /// Leaves nothing in the caches but what is to be stored.
    fn evict(&self) {
        self.evictor.evict();
        let sum = |sum: u64, store: &Store| sum.wrapping_add(store.end());
        std::hint::black_box(self.stores.iter().fold(0, sum));
    }
}

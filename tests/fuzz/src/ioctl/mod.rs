//! Requests to the shipped driver inside the simulator, between everything else that programs do.
//!
//! The machine is booted once and taken back to where it was after each input: whatever is still
//! there then was left behind by the driver.

mod changes;
mod checks;
mod control;
mod files;
mod machine;
mod request;
mod session;
mod token_request;

use arbitrary::Unstructured;
use machine::Machine;
use ntsim::Coverage;
use session::Session;
use std::{cell::RefCell, sync::Arc};

/// Operations of one input at most.
const OPERATIONS: usize = 40;
/// Inputs until the driver is unloaded, and a new machine is booted.
const INPUTS: u32 = 4096;

thread_local! {
    static MACHINE: RefCell<Option<Machine>> = const { RefCell::new(None) };
    /// What the machine before has reached, in its end too.
    static ENDED: RefCell<Option<Arc<Coverage>>> = const { RefCell::new(None) };
}

/// Does what the input says.
///
/// # Panics
/// A promise or a rule was broken.
pub fn run(data: &[u8]) {
    crate::failure::remember(data);
    MACHINE.with_borrow_mut(|slot| {
        let machine = slot.get_or_insert_with(Machine::boot);
        act(machine, data);
        machine.inputs += 1;
        if machine.inputs >= INPUTS
            && let Some(machine) = slot.take()
        {
            ENDED.set(machine.sim.coverage());
            machine.end();
        }
    });
}

/// Blocks of the driver that this thread's machine has reached, and the one before it until it was
/// gone, by number; returns how many there are.
pub fn reached(mut each: impl FnMut(usize)) -> usize {
    let mut blocks = 0;
    for coverage in coverages() {
        blocks = coverage.blocks();
        let reached = (0..blocks).filter(|block| coverage.is_reached(*block));
        reached.for_each(&mut each);
    }
    blocks
}

/// A number that changes when blocks are reached; cheap.
pub fn reached_count() -> usize {
    coverages().map(|coverage| coverage.reached()).sum()
}

fn coverages() -> impl Iterator<Item = Arc<Coverage>> {
    let now = MACHINE.with_borrow(|machine| machine.as_ref()?.sim.coverage());
    ENDED.with_borrow(Clone::clone).into_iter().chain(now)
}

fn act(machine: &Machine, data: &[u8]) {
    let mut session = Session::new(&machine.sim, Unstructured::new(data));
    for _ in 0..OPERATIONS {
        if session.input.is_empty() {
            break;
        }
        session.operation();
    }
    session.end();
    machine.is_as_it_was();
}

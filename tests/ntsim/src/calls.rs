//! The kernel routines that the driver is in, and those that it called before, for each thread: what
//! a report needs.

use crate::{clock, count, imports::Origin, kernel::Kernel, thread};
use ntsim_machine::{call, image::symbolize};
use std::{
    cell::RefCell,
    collections::VecDeque,
    io,
    ops::Deref,
    sync::{Arc, Once},
};

/// Calls that are remembered.
const LOGGED: usize = 16;

#[derive(Clone, Copy)]
struct Entry {
    routine: &'static str,
    origin: Origin,
}

#[derive(Clone, Copy)]
struct Logged {
    routine: &'static str,
    caller: usize,
    irql: u8,
}

thread_local! {
    /// Outermost first; a routine calls the driver back, which calls another.
    static ENTERED: RefCell<Vec<Entry>> = const { RefCell::new(Vec::new()) };
    static LOG: RefCell<VecDeque<Logged>> = const { RefCell::new(VecDeque::new()) };
}

/// A routine that the driver is in, until it is dropped.
pub(crate) struct Call(Arc<Kernel>);

impl Call {
    /// The driver has entered a routine of its kernel.
    pub fn enter(routine: &'static str) -> Self {
        clock::driver_ends();
        count::call(routine);
        let entry = Entry {
            routine,
            origin: Origin::last(),
        };
        ENTERED.with_borrow_mut(|entered| entered.push(entry));
        let kernel = thread::kernel();
        if kernel.options.checks {
            log(routine, entry.origin);
        }
        Self(kernel)
    }
}

fn log(routine: &'static str, origin: Origin) {
    LOG.with_borrow_mut(|log| {
        if log.len() == LOGGED {
            log.pop_front();
        }
        log.push_back(Logged {
            routine,
            caller: origin.caller(),
            irql: thread::irql(),
        });
    });
}

impl Drop for Call {
    fn drop(&mut self) {
        ENTERED.with_borrow_mut(Vec::pop);
        clock::driver_begins();
    }
}

impl Deref for Call {
    type Target = Arc<Kernel>;

    fn deref(&self) -> &Arc<Kernel> {
        &self.0
    }
}

/// Where the calling thread is.
#[derive(Default)]
pub(crate) struct Whereabouts {
    /// The routine that the driver is in, or the driver's own that returned last.
    pub routine: String,
    pub caller: String,
    pub stack: Vec<String>,
    pub calls: Vec<String>,
}

fn name(address: usize) -> String {
    symbolize(address).unwrap_or_else(|| format!("{address:#x}"))
}

pub(crate) fn level(irql: u8) -> String {
    match irql {
        thread::PASSIVE_LEVEL => "PASSIVE_LEVEL".into(),
        thread::APC_LEVEL => "APC_LEVEL".into(),
        thread::DISPATCH_LEVEL => "DISPATCH_LEVEL".into(),
        other => other.to_string(),
    }
}

/// The address in the driver that called the routine in which the thread is.
pub(crate) fn caller() -> Option<usize> {
    ENTERED.with_borrow(|entered| entered.last().map(|entry| entry.origin.caller()))
}

pub(crate) fn whereabouts() -> Whereabouts {
    let mut here = Whereabouts::default();
    ENTERED.with_borrow(|entered| {
        let Some(last) = entered.last() else {
            here.routine = call::last_returned().map(name).unwrap_or_default();
            return;
        };
        here.routine = last.routine.into();
        here.caller = name(last.origin.caller());
        for entry in entered.iter().rev() {
            let frames = entry.origin.frames();
            here.stack.push(entry.routine.into());
            here.stack.extend(frames.into_iter().map(name));
        }
    });
    here.calls = LOG.with_borrow(|log| {
        let told = |call: &Logged| {
            let (routine, caller) = (call.routine, name(call.caller));
            format!("{routine} from {caller} at {}", level(call.irql))
        };
        log.iter().rev().map(told).collect()
    });
    here
}

/// Has a bugcheck say where the thread was.
pub(crate) fn note_bugchecks() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| ntsim_machine::fault::set_note(note));
}

fn note(to: &mut dyn io::Write) {
    let here = whereabouts();
    // Nobody is left to tell of an error.
    let _ = writeln!(to, "    IRQL: {}", level(thread::irql()));
    if !here.caller.is_empty() {
        let _ = writeln!(to, "    in: {} from {}", here.routine, here.caller);
    }
    for frame in &here.stack {
        let _ = writeln!(to, "    frame: {frame}");
    }
    for call in &here.calls {
        let _ = writeln!(to, "    call: {call}");
    }
    if let Some((seed, switches)) = crate::schedule::so_far() {
        let _ = writeln!(to, "    schedule: --seed {seed:#x} --replay {switches}");
    }
}

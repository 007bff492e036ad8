//! How long the driver's own code runs, without the simulated kernel's around it and below it.

use crate::Sim;
use std::{
    arch::x86_64::_rdtsc,
    cell::Cell,
    time::{Duration, Instant},
};

/// What a thread has measured.
#[derive(Clone, Copy, Default)]
struct Clock {
    /// Since when the driver runs.
    since: u64,
    /// Ticks in the driver, in so many stretches.
    ticks: u64,
    stretches: u64,
}

thread_local! {
    static CLOCK: Cell<Option<Clock>> = const { Cell::new(None) };
}

fn now() -> u64 {
    // SAFETY: reads the processor's time stamp counter, which every x86-64 has.
    unsafe { _rdtsc() }
}

/// The driver goes on in this thread.
#[inline]
pub(crate) fn driver_begins() {
    if let Some(clock) = CLOCK.get() {
        let since = now();
        CLOCK.set(Some(Clock { since, ..clock }));
    }
}

/// The driver calls its kernel, or returns to it.
#[inline]
pub(crate) fn driver_ends() {
    if let Some(mut clock) = CLOCK.get() {
        clock.ticks += now().saturating_sub(clock.since);
        clock.stretches += 1;
        CLOCK.set(Some(clock));
    }
}

/// Ticks of a stretch in which the driver does nothing.
fn empty_stretch() -> u64 {
    const TRIES: u64 = 1000;
    let outer = CLOCK.replace(Some(Clock::default()));
    for _ in 0..TRIES {
        driver_begins();
        driver_ends();
    }
    let ticks = CLOCK.replace(outer).unwrap_or_default().ticks;
    ticks / TRIES
}

impl Sim {
    /// How long the driver's own code runs in this thread while `call` does: not the kernel routines
    /// that it calls, nor what calls it. It means something without [`crate::SimOptions::checks`]
    /// only, where nothing else interrupts the driver; the clock's own time is subtracted.
    pub fn time_in_driver<R>(&self, call: impl FnOnce() -> R) -> (R, Duration) {
        let empty = empty_stretch();
        let outer = CLOCK.replace(Some(Clock::default()));
        let (start, first) = (Instant::now(), now());
        let result = call();
        let (ticks, took) = (now() - first, start.elapsed());
        let clock = CLOCK.replace(outer).unwrap_or_default();
        let own = clock.ticks.saturating_sub(clock.stretches * empty);
        (result, took.mul_f64(own as f64 / ticks.max(1) as f64))
    }
}

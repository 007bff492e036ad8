//! The interrupt time.

use super::{details, driver::call, fake::bare};
use crate::nt::{Block, get};

#[test]
fn the_precise_time_comes_with_a_counter_that_is_not_the_time() {
    let sim = bare();
    let out = Block::zeroed(8);
    let before = call(&sim, "KeQueryInterruptTime", &[]) as u64;
    let now = call(&sim, "KeQueryInterruptTimePrecise", &[out.address()]) as u64;
    // SAFETY: our own block.
    let counter: u64 = unsafe { get(out.address(), 0) };
    assert!(now >= before && counter > 2 * now);
    assert_eq!(details(&sim), [""; 0]);
    call(&sim, "KeQueryInterruptTimePrecise", &[0]);
    assert_eq!(details(&sim), ["the performance counter was not asked for"]);
}

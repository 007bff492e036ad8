//! Raising and lowering the IRQL: each level that is lowered to is the one that the last raise
//! returned.

use crate::{kernel::Kernel, thread};
use std::cell::RefCell;

thread_local! {
    /// What raises have returned that no lowering has used.
    static RAISED_FROM: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// nf-wdm-keraiseirql
pub(super) fn raise(kernel: &Kernel, level: u8) -> u8 {
    let before = thread::irql();
    if level < before {
        let detail = format!("raised from IRQL {before} to {level}, which is lower");
        kernel.violation("IRQL", &detail);
        return before;
    }
    RAISED_FROM.with_borrow_mut(|raised| raised.push(before));
    kernel.go_to_irql(level);
    before
}

/// nf-wdm-kelowerirql
pub(super) fn lower(kernel: &Kernel, level: u8) {
    let current = thread::irql();
    let expected = RAISED_FROM.with_borrow_mut(Vec::pop);
    if level > current {
        let detail = format!("lowered from IRQL {current} to {level}, which is higher");
        kernel.violation("IRQL", &detail);
        return;
    }
    if expected != Some(level) {
        let detail = format!("lowered to IRQL {level}, which the last raise did not return");
        kernel.violation("IRQL", &detail);
    }
    thread::set_irql(level);
}

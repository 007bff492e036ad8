//! What the shipped driver adds to operations, in instructions of its own, is below ceilings. No
//! time is measured: the counts are the same on every machine.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use daxflush_system_tests::costs::{
    OPERATIONS, Operation, WRITE_ELSEWHERE, WRITE_OF_4_KIB, operation,
};

#[test]
fn no_operation_costs_more_than_its_ceiling() {
    let mut over = String::new();
    for operation in OPERATIONS {
        let count = operation.count();
        let Operation {
            name,
            ceiling,
            measured,
            ..
        } = operation;
        let told = format!(
            "{name}: {} instructions, {ceiling} allowed, {measured} when that was set",
            count.instructions
        );
        println!("{told}");
        if count.instructions > *ceiling {
            over += &format!("{told}\n{count}\n");
        }
    }
    assert!(over.is_empty(), "\n{over}");
}

#[test]
fn a_volume_that_is_not_dax_costs_nothing() {
    let count = operation(WRITE_ELSEWHERE).count();
    assert_eq!((count.instructions, count.calls.len()), (0, 0));
}

/// Else a ceiling would say nothing.
#[test]
fn counts_are_the_same_each_time() {
    for name in [
        WRITE_OF_4_KIB,
        "flush, 16 lines",
        "write 4 KiB, asynchronous, through",
    ] {
        let counted = operation(name);
        let (first, second) = (counted.count(), counted.count());
        assert_ne!(first.instructions, 0, "{name}");
        assert_eq!(first.instructions, second.instructions, "{name}");
        assert_eq!(first.calls, second.calls, "{name}");
    }
}

//! Counting the instructions of an image.

mod common;

use common::{build_driver, function, load};
use ntsim_machine::call::{call0, call1};
use ntsim_machine::image::Image;
use ntsim_machine::oracle::{Executed, Oracle, enter_thread};

const FUNCTIONS: &[&str] = &["counted", "repeated", "flushed", "nothing"];

/// What the functions execute, each called with an argument.
fn executed(calls: &[(&str, usize)]) -> (Image, Executed) {
    let image = load(&build_driver("counted.s", FUNCTIONS)).unwrap();
    let oracle = Oracle::plant(&image).unwrap();
    let _thread = enter_thread().unwrap();
    let work = || {
        for (name, argument) in calls {
            // SAFETY: the functions take a number or an address.
            unsafe { call1(function(&image, name), *argument) };
        }
    };
    let (_, report) = oracle.audit(work).unwrap();
    (image, report.executed)
}

#[test]
fn every_execution_counts() {
    for times in [1, 2, 1000] {
        let (image, executed) = executed(&[("counted", times)]);
        assert_eq!(executed.instructions(), 2 * times as u64 + 1);
        let first = function(&image, "counted");
        assert_eq!(executed.by_address().get(&first), Some(&(times as u64)));
    }
}

#[test]
fn a_repeated_string_instruction_counts_once() {
    let mut bytes = [1_u8; 128];
    let (_, executed) = executed(&[("repeated", bytes.as_mut_ptr() as usize)]);
    assert_eq!(executed.instructions(), 7);
    assert_eq!(bytes.iter().filter(|byte| **byte == 0).count(), 100);
}

#[test]
fn what_the_oracle_executes_counts() {
    let line = [0_u64; 8];
    let (_, executed) = executed(&[("flushed", line.as_ptr() as usize)]);
    assert_eq!(executed.instructions(), 4);
}

/// The one instruction is the last of the image before it is the first again.
#[test]
fn an_instruction_that_is_reached_again_counts_again() {
    let (_, executed) = executed(&[("nothing", 0); 3]);
    assert_eq!(executed.instructions(), 3);
}

#[test]
fn sums_are_of_all_threads() {
    let (image, mut one) = executed(&[("counted", 5)]);
    one.add(&one.clone());
    assert_eq!(one.instructions(), 22);
    // There is no debug information.
    assert_eq!(one.by_function(), [("?".to_owned(), 22)]);
    // SAFETY: the function takes nothing.
    unsafe { call0(function(&image, "nothing")) };
}

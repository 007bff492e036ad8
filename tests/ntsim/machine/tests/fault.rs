//! Faults inside an image end the process with a message and exit code 70.

mod common;

use std::process::Command;

use common::{build_driver, function};
use ntsim_machine::call::{call0, call1, call2};
use ntsim_machine::fault;
use ntsim_machine::image::Image;
use ntsim_machine::oracle::{Oracle, enter_thread};

const CASE: &str = "NTSIM_MACHINE_FAULT";

const FUNCTIONS: &[&str] = &[
    "crash_read",
    "crash_ud2",
    "crash_fastfail",
    "crash_int3",
    "crash_divide",
    "crash_call",
    "flush",
    "drain",
];

/// Not a test of its own: what the process started by each test does.
#[test]
#[ignore = "crashes; started by the other tests"]
fn child() {
    let Ok(case) = std::env::var(CASE) else {
        return;
    };
    fault::set_note(|to| to.write_all(b"    note: IRQL 2\n").expect("a Vec"));
    let bytes = build_driver("flush.c", FUNCTIONS);
    let image = Image::from_bytes("crash.sys", &bytes, &mut |_, _| Some(1)).unwrap();
    let thread = (case != "no_thread").then(|| enter_thread().unwrap());
    let oracle = Oracle::plant(&image).unwrap();
    let at = |name| function(&image, name);
    // SAFETY: not at all, and that is the point: the process must end here.
    unsafe {
        match case.as_str() {
            "read" => call1(at("crash_read"), 0x10),
            "ud2" => call0(at("crash_ud2")),
            "fastfail" => call0(at("crash_fastfail")),
            "int3" => call0(at("crash_int3")),
            "divide" => call2(at("crash_divide"), 1, 0),
            "call" => call1(at("crash_call"), 0),
            "flush" => call2(at("flush"), 0x40, 1),
            "no_thread" => call0(at("drain")),
            "unloaded" => {
                let entry = image.entry_point();
                drop((oracle, image));
                call0(entry)
            }
            "kernel" => fault::bugcheck("IRQL_NOT_LESS_OR_EQUAL"),
            other => panic!("no such case: {other}"),
        }
    };
    drop(thread);
    panic!("survived");
}

#[track_caller]
fn dies_with(case: &str, messages: &[&str]) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "child", "--ignored", "--nocapture"])
        .env(CASE, case);
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(
        output.status.code(),
        Some(fault::BUGCHECK_EXIT),
        "{:?}\n{text}",
        output.status
    );
    for message in ["*** BUGCHECK: ", "note: IRQL 2"].iter().chain(messages) {
        assert!(text.contains(message), "no {message:?} in:\n{text}");
    }
}

#[test]
fn access_violation() {
    dies_with(
        "read",
        &[
            "access violation, address 0x10 at crash.sys+0x",
            "rcx=0000000000000010",
        ],
    );
}

#[test]
fn ud2() {
    dies_with("ud2", &["ud2 (a panic or abort) at crash.sys+0x"]);
}

#[test]
fn fast_fail() {
    dies_with("fastfail", &["fast fail with code 7 at crash.sys+0x"]);
}

#[test]
fn breakpoint_of_its_own() {
    dies_with("int3", &["breakpoint of the image's own at crash.sys+0x"]);
}

#[test]
fn division_by_zero() {
    dies_with("divide", &["arithmetic fault", "at crash.sys+0x"]);
}

#[test]
fn call_of_nothing() {
    dies_with(
        "call",
        &["call of the invalid address 0x0, returning at crash.sys+0x"],
    );
}

#[test]
fn flush_of_an_inaccessible_address() {
    dies_with(
        "flush",
        &["clwb of the inaccessible address 0x40 at crash.sys+0x"],
    );
}

#[test]
fn flush_on_a_thread_that_was_not_entered() {
    dies_with(
        "no_thread",
        &["sfence on a thread without oracle::enter_thread at crash.sys+0x"],
    );
}

#[test]
fn call_after_unloading() {
    dies_with(
        "unloaded",
        &["execution of inaccessible memory at crash.sys (unloaded)+0x"],
    );
}

#[test]
fn bugcheck_of_the_kernel() {
    dies_with("kernel", &["IRQL_NOT_LESS_OR_EQUAL"]);
}

//! `daxctl stress`.

use crate::{
    machine::Machine,
    run::{command, error, has_numbers, json, on, text},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    io::{BufRead, BufReader, Read},
    process::Stdio,
};

const SHORT: [&str; 7] = ["stress", "--seconds", "1", "--threads", "3", "--files", "2"];

#[test]
fn a_good_driver_withstands_it() {
    let answer = json("private", &SHORT);
    assert_eq!(answer["disagreements"], serde_json::json!([]));
    assert_eq!(answer["shared_memory"], true);
    assert_eq!(
        (&answer["threads"], &answer["files"]),
        (&3.into(), &2.into())
    );
    has_numbers(&answer, &["seed", "operations", "commits", "refused"]);
    assert!(answer["commits"].as_u64() > Some(0));
}

#[test]
fn it_says_first_how_it_can_be_seen_again() {
    let shown = text(&on("private", &[&SHORT[..], &["--seed", "7"]].concat()));
    let first = shown.lines().next().expect("a line");
    let again = "daxctl --sim private stress --seconds 1 --threads 3 --files 2 --seed 7";
    assert_eq!(first, format!("seed 7; to see it again: {again}"));
    assert!(shown.contains("nothing was left dirty"), "{shown}");
}

#[test]
fn over_a_socket_it_leaves_nothing_behind() {
    let machine = Machine::idle();
    let answer = json(machine.socket(), &SHORT);
    assert_eq!(answer["shared_memory"], false);
    assert_eq!(json(machine.socket(), &["streams"]), serde_json::json!([]));
    // The files are gone, so that it can make them again.
    text(&on(machine.socket(), &SHORT));
    machine.end_well();
}

#[test]
fn what_the_driver_counts_too_much_is_a_disagreement() {
    let machine = Machine::idle();
    let line = [
        "--sim",
        machine.socket(),
        "stress",
        "--seconds",
        "3",
        "--files",
        "1",
        "--seed",
        "5",
    ];
    let mut stress = command(&line)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("daxctl runs");
    let mut said = String::new();
    let mut lines = BufReader::new(stress.stdout.take().expect("a pipe"));
    lines.read_line(&mut said).expect("UTF-8");
    // Reported by somebody else: not among what it has asked for.
    let disturb = ["mark", r"D:\daxctl-stress-0.tmp", "0:64"];
    while on(machine.socket(), &disturb).status.code() != Some(0) {
        assert!(
            stress.try_wait().is_ok_and(|end| end.is_none()),
            "it has ended"
        );
    }
    lines.read_to_string(&mut said).expect("UTF-8");
    let output = stress.wait_with_output().expect("its end");
    assert_eq!(output.status.code(), Some(1), "{said}");
    let message = error(&output);
    assert!(message.contains(r"D:\daxctl-stress-0.tmp: "), "{message}");
    assert!(
        message.contains("reported ranges are counted, there were"),
        "{message}"
    );
    assert!(
        message.contains("to see it again: daxctl --sim"),
        "{message}"
    );
    machine.end_well();
}

#[test]
fn ctrl_c_ends_it_with_what_was_done_so_far() {
    let machine = Machine::idle();
    let line = [
        "--sim",
        machine.socket(),
        "stress",
        "--seconds",
        "600",
        "--json",
    ];
    let stress = command(&line)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("daxctl runs");
    let commits = || json(machine.socket(), &["status"])["counters"]["commits"].as_u64();
    while commits() < Some(50) {}
    let id = i32::try_from(stress.id()).expect("a process");
    kill(Pid::from_raw(id), Signal::SIGINT).expect("it runs");
    let output = stress.wait_with_output().expect("its end");
    let answer: serde_json::Value = serde_json::from_str(&text(&output)).expect("JSON");
    assert_eq!(answer["disagreements"], serde_json::json!([]));
    assert!(answer["operations"].as_u64() > Some(0));
    assert!(!error(&output).contains("\u{1b}"), "no bar in a pipe");
    assert_eq!(json(machine.socket(), &["streams"]), serde_json::json!([]));
    machine.end_well();
}

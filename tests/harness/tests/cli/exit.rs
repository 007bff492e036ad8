//! Exit statuses, and messages that say what to do.

use crate::run::{daxctl, error, on};
use std::process::Output;

fn refused(output: &Output, words: &[&str]) {
    let message = error(output);
    assert_eq!(output.status.code(), Some(2), "{message}");
    for word in words {
        assert!(message.contains(word), "{word}: {message}");
    }
    assert!(output.stdout.is_empty(), "nothing half-done");
}

#[test]
fn no_machine() {
    let output = on("/no/such/socket", &["status"]);
    refused(
        &output,
        &["/no/such/socket", "daxctl simulate", "--sim private"],
    );
    let driver = ["--driver", "/no/such.sys", "status"];
    refused(
        &on("private", &driver),
        &["/no/such.sys", "scripts/build-driver"],
    );
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = crate::run::command(&["status"]);
    let command = command.env("XDG_RUNTIME_DIR", folder.path());
    refused(
        &command.output().expect("daxctl runs"),
        &["daxflush.sock", "daxctl simulate"],
    );
}

#[test]
fn bad_usage() {
    refused(&daxctl(&[]), &["Usage"]);
    refused(&daxctl(&["frobnicate"]), &["frobnicate", "--help"]);
    refused(&daxctl(&["status", "--frob"]), &["--frob"]);
    refused(&daxctl(&["commit"]), &["FILE"]);
}

#[test]
fn bad_ranges() {
    for (range, reason) in [
        ("0:0", "is empty"),
        ("64", "OFFSET:LENGTH"),
        ("0:4X", "is no unit"),
        ("0x7fffffffffffffff:2", "beyond what a file can hold"),
    ] {
        refused(&on("private", &["mark", r"D:\stock.db", range]), &[reason]);
        refused(
            &on("private", &["commit", r"D:\stock.db", "--range", range]),
            &[reason],
        );
    }
    let outside = [
        "tokens",
        r"D:\orders.log",
        "--region",
        "0:64K",
        "flush",
        "128K:64",
    ];
    refused(
        &on("private", &outside),
        &["flush 131072:64", "refused a value"],
    );
    let beyond = ["tokens", r"D:\orders.log", "--region", "1G:64K", "drain"];
    refused(&on("private", &beyond), &["a token for"]);
    let step = ["tokens", r"D:\orders.log", "--region", "0:64K", "erase"];
    refused(&on("private", &step), &["erase is no step"]);
}

#[test]
fn settings_that_cannot_be() {
    let set = |words: &[&str]| on("private", &[&["settings"], words].concat());
    refused(&set(&["Nope"]), &["Nope is no setting", "TraceLevel"]);
    refused(
        &set(&["TraceLevel", "9"]),
        &["TraceLevel cannot be 9", "0 to 5"],
    );
    refused(&set(&["TraceLevel", "x"]), &["TraceLevel cannot be x"]);
    refused(
        &set(&["MappedPolicy", "maybe"]),
        &["conservative, reported"],
    );
    refused(&set(&["FlushMethod", "clwb"]), &["--store", "next start"]);
}

#[test]
fn missing_files() {
    for arguments in [
        &["commit", r"D:\nope"][..],
        &["mark", r"D:\nope", "0:64"],
        &["tokens", r"D:\nope", "--region", "0:64", "drain"],
    ] {
        refused(&on("private", arguments), &["nope", "no such file"]);
    }
}

#[test]
fn a_missing_volume() {
    let output = on("private", &["commit", r"X:\nope"]);
    refused(&output, &["nope", "no such volume", "daxctl volumes"]);
}

#[test]
fn a_faulty_driver_fails_its_self_test() {
    let faulty = "target/driver/fault-skip-line/daxflush.sys";
    let output = on("private", &["--driver", faulty, "selftest"]);
    assert_eq!(output.status.code(), Some(1), "{}", error(&output));
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(shown.contains("FAILED  commit"), "{shown}");
    assert!(shown.contains("passed  bounds"), "{shown}");
}

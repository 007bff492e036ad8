//! Calls that fail: bounded runs of the campaign, and a driver that must be found.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::{path::PathBuf, process::Command};

fn campaign(arguments: &[&str], pages: &str) -> (Option<i32>, String) {
    let pages = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(pages);
    let output = Command::new(env!("CARGO_BIN_EXE_daxflush-campaign"))
        .args(["failures", "--pages"])
        .arg(&pages)
        .args(arguments)
        .output()
        .expect("the campaign");
    let told = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    let page = std::fs::read_to_string(pages.join("failures-0.txt"));
    (
        output.status.code(),
        format!("{told}\n{}", page.unwrap_or_default()),
    )
}

#[test]
fn the_driver_survives_every_single_failure_and_some_pairs() {
    let (code, told) = campaign(&["--pairs", "4"], "clean");
    println!("{told}");
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("runs with one failure"), "{told}");
}

#[test]
fn a_driver_that_forgets_what_a_failed_commit_did_not_flush_is_found() {
    let driver = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../target/driver/fault-forget-failed/daxflush.sys");
    let driver = driver.display().to_string();
    let arguments = ["--scenario", "writes", "--pairs", "0", "--driver", &driver];
    let (code, told) = campaign(&arguments, "forgets");
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("P1") || told.contains("P3"), "{told}");
    // Its page says which call failed, where it was made, and how to see it again.
    for part in ["call ", " failed: ", "daxflush.sys!", "--points "] {
        assert!(told.contains(part), "{part} is missing in\n{told}");
    }
    let command = told.lines().find(|line| line.starts_with("repeat"));
    let command = command.expect("a command").split(" -- ").nth(1);
    let again: Vec<&str> = command.expect("arguments").split(' ').collect();
    let (code, again) = campaign(&again[1..], "again");
    assert_eq!(code, Some(1), "{again}");
}

#[test]
fn mistakes_in_the_command_are_named() {
    for (arguments, says) in [
        (
            &["--scenario", "nothing"][..],
            "there is no scenario nothing",
        ),
        (&["--points", "3"], "--points needs --scenario"),
        (&["--driver", "/nowhere.sys"], "/nowhere.sys"),
    ] {
        let (code, told) = campaign(arguments, "mistakes");
        assert_eq!(code, Some(2), "{told}");
        assert!(told.contains(says), "{told}");
    }
}

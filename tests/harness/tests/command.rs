//! daxctl as a person uses it, and every kind of bad input.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

const HEADER: &str = "# storage trace 1: op<TAB>file<TAB>args\n";

fn daxctl(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_daxctl"));
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."));
    command
        .env_remove("DAXFLUSH_SYS")
        .args(arguments)
        .output()
        .expect("daxctl runs")
}

fn error(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Replays a trace of this text; returns the exit status and the message.
fn replay(text: &[u8]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.tsv");
    fs::write(&path, text).expect("a trace");
    let output = daxctl(&["replay", path.to_str().expect("a path")]);
    assert!(output.stdout.is_empty(), "nothing half-done");
    (output.status.code(), error(&output))
}

#[test]
fn a_malformed_line_is_named_with_its_reason() {
    for (lines, line, reason) in [
        (
            "open\t0\ta\nwrite\t0\t5\n",
            3,
            "write needs file, offset, length",
        ),
        (
            "open\t0\ta\nwrite\t0\t5\tx\n",
            3,
            "length of write is not a number: 'x'",
        ),
        ("open\t0\ta\nwrite\t0\t5\t-1\n", 3, "is not a number"),
        ("open\t0\ta\nwrite\t0\t5\t0\n", 3, "the length is 0"),
        (
            "open\t0\ta\nwrite\t0\t18446744073709551615\t2\n",
            3,
            "beyond the largest file",
        ),
        (
            "open\t0\ta\nfrobnicate\t0\n",
            3,
            "unknown operation 'frobnicate'",
        ),
        ("open 0 a\n", 2, "unknown operation 'open 0 a'"),
        ("write\t0\t0\t1\n", 2, "file 0 is not open"),
        ("open\t0\ta\nopen\t0\tb\n", 3, "file 0 is open already"),
        ("open\t0\t..\\a\n", 2, "is not a file name"),
        ("open\t0\ta\nstore\t0\t0\t8\n", 3, "are not mapped"),
        ("open\t0\ta\nmap\t0\t0\t4096\n", 3, "end within the file"),
        ("open\t0\ta\ndelete\t0\nflush\t0\n", 4, "file 0 is not open"),
        ("open\t4294967296\ta\n", 2, "the file number is too large"),
    ] {
        let (status, message) = replay(format!("{HEADER}{lines}").as_bytes());
        assert_eq!(status, Some(2), "{message}");
        assert!(message.contains(&format!("x.tsv:{line}: ")), "{message}");
        assert!(message.contains(reason), "{message}");
    }
}

#[test]
fn what_is_no_trace_is_refused() {
    for (bytes, reason) in [
        (&b""[..], "the file is empty"),
        (b"open\t0\ta\n", "not a storage trace"),
        (b"# storage trace 1\n\xff\xfe", "not UTF-8"),
        (b"\x1f\x8b\x08 and no more", "x.tsv"),
    ] {
        let (status, message) = replay(bytes);
        assert_eq!(status, Some(2), "{message}");
        assert!(message.contains(reason), "{message}");
    }
    let missing = daxctl(&["replay", "/no/such/trace"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(error(&missing).contains("/no/such/trace"));
}

const TRACE: &str = "tests/data/traces/sqlite-wal.tsv.gz";
const DRIVER: &str = "target/driver/daxflush.sys";

#[test]
fn a_missing_driver_says_what_builds_it() {
    let output = daxctl(&["replay", TRACE, "--driver", "/no/such.sys"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        error(&output).contains("scripts/build-driver"),
        "{}",
        error(&output)
    );
}

#[test]
fn a_truncated_or_foreign_driver_is_refused_with_the_reason() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let whole = fs::read(root.join(DRIVER)).expect("target/driver/daxflush.sys: build-driver");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.sys");
    let mut flipped = whole.clone();
    if let Some(byte) = flipped.last_mut() {
        *byte ^= 1;
    }
    for (bytes, reason) in [
        (&whole[..whole.len() / 2], "truncated"),
        (&whole[..100], ""),
        (&b"\x7fELF and the rest of a program"[..], ""),
        (&b""[..], ""),
        (&flipped[..], "checksum"),
    ] {
        fs::write(&path, bytes).expect("a file");
        let output = daxctl(&["replay", TRACE, "--driver", path.to_str().expect("a path")]);
        let message = error(&output);
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(
            message.contains("x.sys") && message.to_lowercase().contains(reason),
            "{message}"
        );
    }
}

#[test]
fn json_has_every_figure_and_table_reads_it() {
    let arguments = [
        "replay",
        TRACE,
        "--json",
        "--power-cuts",
        "3",
        "--seed",
        "9",
    ];
    let output = daxctl(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", error(&output));
    let result: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    for field in [
        "writes",
        "stores",
        "commits",
        "ranges",
        "batches",
        "lines_flushed",
        "lines_flushed_observed",
        "drains_observed",
        "asked_lines",
        "left_dirty",
        "power_cuts",
        "bytes_lost",
    ] {
        assert!(result[field].is_u64(), "{field}");
    }
    assert_eq!(result["power_cuts"], 3);
    assert_eq!(result["mapped"], "report");
    let again = daxctl(&arguments);
    assert_eq!(
        output.stdout, again.stdout,
        "the same seed gives the same result"
    );
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.json");
    fs::write(&path, &output.stdout).expect("a file");
    let table = daxctl(&["table", path.to_str().expect("a path")]);
    assert!(String::from_utf8_lossy(&table.stdout).contains("17,510,753"));
    fs::write(&path, "{}").expect("a file");
    assert_eq!(
        daxctl(&["table", path.to_str().expect("a path")])
            .status
            .code(),
        Some(2)
    );
}

#[test]
fn the_way_of_recording_is_explained_and_checked() {
    let help = daxctl(&["replay", "--help"]);
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    for way in ["- report:", "- log:", "- faults:", "- conservative:"] {
        assert!(help.contains(way), "{help}");
    }
    for wrong in [
        ["--mapped", "guess"],
        ["--log-entries", "100"],
        ["--log-entries", "32"],
        ["--log-entries", "131072"],
    ] {
        let output = daxctl(&["replay", TRACE, wrong[0], wrong[1]]);
        assert_eq!(output.status.code(), Some(2), "{}", error(&output));
        assert!(error(&output).contains(wrong[1]), "{}", error(&output));
    }
}

#[test]
fn a_driver_that_loses_data_fails_the_command() {
    let faulty = "target/driver/fault-omit-drain/daxflush.sys";
    let cuts = ["replay", TRACE, "--power-cuts", "20", "--mapped", "log"];
    let output = daxctl(&[&cuts[..], &["--driver", faulty]].concat());
    assert_eq!(output.status.code(), Some(1), "{}", error(&output));
    assert!(error(&output).contains("bytes lost"), "{}", error(&output));
    assert!(
        error(&output).contains("to see it again: daxctl replay")
            && error(&output).contains("--mapped log --log-entries 65536"),
        "{}",
        error(&output)
    );
}

//! `daxctl record` as a person uses it: programs, the driver's events, and what it refuses.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output},
    thread::sleep,
    time::Duration,
};

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_daxctl"));
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."));
    command
        .env_remove("DAXFLUSH_SYS")
        .env_remove("DAXFLUSH_SIM");
    command.args(arguments);
    command
}

fn daxctl(arguments: &[&str]) -> Output {
    command(arguments).output().expect("daxctl runs")
}

fn error(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn parsed(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", error(output));
    serde_json::from_slice(&output.stdout).expect("JSON and nothing else")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path")
}

/// Replays a trace with power cuts; the driver must lose nothing.
fn replay(trace: &Path) -> Value {
    let arguments = ["replay", text(trace), "--power-cuts", "5", "--json"];
    parsed(&daxctl(&arguments))
}

#[test]
fn what_a_shell_does_is_recorded_and_can_be_replayed() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = tempfile::tempdir().expect("a folder");
    let trace = output.path().join("shell.tsv.gz");
    let script = "printf 0123456789 > a.txt; printf more >> a.txt; sync a.txt; \
                  printf x > b.txt; exit 7";
    let watched = folder.path();
    let script = format!("cd '{}' && {{ {script}; }}", watched.display());
    let arguments = ["record", "--json", "--output", text(&trace), "--watch"];
    let mut recording = command(&arguments);
    recording.arg(watched).args(["--", "sh", "-c", &script]);
    let told = parsed(&recording.output().expect("daxctl runs"));
    assert_eq!(told["program"]["exit_code"], 7);
    assert_eq!(told["program"]["signal"], Value::Null);
    assert_eq!(told["counts"]["opens"], 2);
    assert_eq!(told["counts"]["writes"], 3);
    assert_eq!(told["counts"]["bytes_written"], 15);
    assert_eq!(told["counts"]["flushes"], 1);
    assert_eq!(told["missed"], Value::Array(Vec::new()));
    let files: Vec<PathBuf> = told["files"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|file| file["path"].as_str().expect("a name").into())
        .collect();
    let watched = watched.canonicalize().expect("a folder");
    assert_eq!(files, [watched.join("a.txt"), watched.join("b.txt")]);
    let report = replay(&trace);
    assert_eq!(report["writes"], 3);
    assert_eq!(report["commits"], 1);
    assert_eq!(report["bytes_lost"], 0);
}

#[test]
fn people_are_told_on_the_standard_error_and_the_program_has_the_output() {
    let folder = tempfile::tempdir().expect("a folder");
    let trace = folder.path().join("t.tsv");
    let script = format!(
        "echo hello; echo > '{}/f'; kill -TERM $$",
        folder.path().display()
    );
    let output = daxctl(&["record", "-o", text(&trace), "--", "sh", "-c", &script]);
    assert_eq!(output.status.code(), Some(0), "{}", error(&output));
    assert_eq!(output.stdout, b"hello\n");
    let told = error(&output);
    for part in ["t.tsv", "1 open, 1 write (1 B)", "/f", "ended by signal 15"] {
        assert!(told.contains(part), "{told}");
    }
    assert!(
        fs::read_to_string(&trace)
            .expect("a trace")
            .contains("write\t0\t0\t1")
    );
}

#[test]
fn what_cannot_be_recorded_is_refused_and_leaves_no_trace() {
    let folder = tempfile::tempdir().expect("a folder");
    let trace = folder.path().join("t.tsv");
    let missing = folder.path().join("no/folder/t.tsv");
    for (arguments, reason) in [
        (
            &["-o", text(&trace), "--", "/no/such/program"][..],
            "no such program",
        ),
        (&["-o", text(&missing), "--", "true"], "no/folder/t.tsv"),
        (&["-o", text(&trace)], "PROGRAM"),
        (
            &["-o", text(&trace), "--seconds", "1", "--", "true"],
            "--seconds",
        ),
    ] {
        let output = daxctl(&[&["record"], arguments].concat());
        assert_eq!(output.status.code(), Some(2), "{}", error(&output));
        assert!(error(&output).contains(reason), "{}", error(&output));
        assert!(!trace.exists());
    }
}

/// A simulated machine that plays a trace again and again; killed when dropped.
struct Machine(Child);

impl Machine {
    fn start(socket: &Path) -> Self {
        let arguments = [
            "simulate",
            "--socket",
            text(socket),
            "--rate",
            "0",
            "--loop",
            "--trace",
        ];
        let mut machine = command(&arguments);
        machine.arg("tests/data/traces/sqlite-wal.tsv.gz");
        let machine = Self(
            machine
                .stdout(std::process::Stdio::null())
                .spawn()
                .expect("it runs"),
        );
        for _ in 0..200 {
            if socket.exists() {
                break;
            }
            sleep(Duration::from_millis(50));
        }
        machine
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_events_of_a_machine_become_a_trace_and_its_level_is_as_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let (socket, trace) = (folder.path().join("sim"), folder.path().join("t.tsv.gz"));
    let _machine = Machine::start(&socket);
    let level = || {
        let arguments = ["settings", "TraceLevel", "--json", "--sim", text(&socket)];
        parsed(&daxctl(&arguments))["value"].clone()
    };
    let before = level();
    assert_ne!(before, "5");
    let arguments = [
        "record",
        "--events",
        "--seconds",
        "2",
        "--json",
        "--sim",
        text(&socket),
        "-o",
        text(&trace),
    ];
    let told = parsed(&daxctl(&arguments));
    assert_ne!(told["counts"]["writes"], 0, "{told}");
    assert_eq!(told.get("program"), None);
    assert_eq!(level(), before);
    let report = replay(&trace);
    assert_eq!(report["bytes_lost"], 0);
    assert_eq!(report["writes"], told["counts"]["writes"]);
}

//! The INX that ships: its INFs keep every rule, by the library and by the program.

use inf_check::{check, parse::Inf, target::Architecture};
use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

mod common;

#[test]
fn both_architectures_keep_every_rule() {
    for architecture in [Architecture::Amd64, Architecture::Arm64] {
        let inf = Inf::parse(&common::stamped(common::INX, architecture));
        let broken: Vec<String> = check(&inf, architecture)
            .iter()
            .map(|finding| {
                format!(
                    "{}: {}: {}",
                    finding.line,
                    finding.rule.label(),
                    finding.advice
                )
            })
            .collect();
        assert_eq!(broken, [] as [String; 0]);
    }
}

/// An INF that is stamped for one architecture installs nothing on the other.
#[test]
fn each_architecture_has_its_own() {
    let inf = Inf::parse(&common::stamped(common::INX, Architecture::Arm64));
    let findings = check(&inf, Architecture::Amd64);
    let rules: Vec<&str> = findings.iter().map(|finding| finding.rule.name).collect();
    assert_eq!(rules, ["not-for-this-architecture"]);
}

fn gate(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_inf-gate"));
    command.args(arguments).output().expect("the program runs")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of characters")
}

#[test]
fn the_program_stamps_and_checks() {
    let folder = tempfile::tempdir().expect("a folder");
    let inx = folder.path().join("daxflush.inx");
    let inf = folder.path().join("daxflush.inf");
    fs::write(&inx, common::INX).expect("a file");

    let unstamped = gate(&["check", text(&inx)]);
    assert_eq!(unstamped.status.code(), Some(1));
    let lines = String::from_utf8(unstamped.stdout).expect("text");
    let line = format!("{}:", inx.display());
    assert!(lines.lines().all(|each| each.starts_with(&line)), "{lines}");
    assert!(
        lines.contains(": 1274 not-stamped: replace $ARCH$"),
        "{lines}"
    );

    for arch in ["amd64", "arm64"] {
        let stamp = ["stamp", text(&inx), "--arch", arch, "--date", "07/01/2025"];
        let rest = ["--version", "0.1.0.0", "--out", text(&inf)];
        let stamped = gate(&[stamp.as_slice(), &rest].concat());
        assert_eq!(stamped.status.code(), Some(0));
        let checked = gate(&["check", text(&inf), "--arch", arch]);
        assert_eq!(
            (checked.status.code(), checked.stdout),
            (Some(0), Vec::new())
        );
    }
}

#[test]
fn json_has_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let inx = folder.path().join("daxflush.inx");
    fs::write(&inx, common::INX).expect("a file");
    let checked = gate(&["check", text(&inx), "--json"]);
    assert_eq!(checked.status.code(), Some(1));
    let json: serde_json::Value = serde_json::from_slice(&checked.stdout).expect("JSON");
    let first = json.get(0).expect("a finding");
    assert_eq!(first.get("code").and_then(|code| code.as_u64()), Some(1234));
    assert_eq!(
        first.get("file").and_then(|file| file.as_str()),
        inx.to_str()
    );
    for field in ["line", "rule", "page", "advice"] {
        assert!(
            first.get(field).is_some_and(|value| !value.is_null()),
            "{field}"
        );
    }
}

#[test]
fn bad_usage_and_input_are_told_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = folder.path().join("missing.inf");
    let usages: [&[&str]; 4] = [
        &[],
        &["check", text(&missing)],
        &["check", text(&missing), "--arch", "ia64"],
        &[
            "stamp",
            text(&missing),
            "--arch",
            "amd64",
            "--date",
            "02/30/2025",
            "--version",
            "1.0.0.0",
            "--out",
            "x",
        ],
    ];
    for usage in usages {
        let output = gate(usage);
        assert_eq!(output.status.code(), Some(2), "{usage:?}");
        assert!(!output.stderr.is_empty(), "{usage:?}");
    }
}

//! Running the built daxctl.

use serde_json::Value;
use std::{
    path::Path,
    process::{Command, Output},
};

/// What the caller's environment may say, and tests must not depend on.
const VARIABLES: [&str; 6] = [
    "DAXFLUSH_SIM",
    "DAXFLUSH_SYS",
    "NO_COLOR",
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "CI",
];

/// daxctl, to be run at the top of the repository.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_daxctl"));
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."));
    VARIABLES.iter().for_each(|name| {
        command.env_remove(name);
    });
    command.args(arguments);
    command
}

/// Runs it.
pub fn daxctl(arguments: &[&str]) -> Output {
    command(arguments).output().expect("daxctl runs")
}

/// Runs it on a machine: `private`, or a socket.
pub fn on(machine: &str, arguments: &[&str]) -> Output {
    daxctl(&[&["--sim", machine], arguments].concat())
}

/// What it says, which is all right.
pub fn text(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", error(output));
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

/// Its complaints.
pub fn error(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The JSON answer of a command on a machine.
pub fn json(machine: &str, arguments: &[&str]) -> Value {
    let output = on(machine, &[arguments, &["--json"]].concat());
    serde_json::from_str(&text(&output)).expect("JSON")
}

/// Asserts that an object has these fields, and that they are numbers without a sign.
pub fn has_numbers(object: &Value, names: &[&str]) {
    for name in names {
        assert!(object[name].is_u64(), "{name} of {object}");
    }
}

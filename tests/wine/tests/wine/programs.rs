//! The package's daxctl.exe and the driver, through Wine's DeviceIoControl.

use daxflush_wine::{KEY, Machine, Ran};
use serde_json::Value;

fn json(ran: Ran) -> Value {
    serde_json::from_str(&ran.succeeded().out).expect("JSON")
}

#[test]
fn status_and_self_test_answer() {
    let machine = Machine::installed();
    machine.start();
    let status = json(machine.daxctl(&["status", "--json"]));
    assert_eq!(status["driver"], env!("CARGO_PKG_VERSION"));
    assert_eq!(
        (&status["volumes"], &status["line_size"]),
        (&0.into(), &64.into())
    );
    assert_eq!(status["refused_settings"], 0);
    let test = json(machine.daxctl(&["selftest", "--json"]));
    assert_eq!(test["passed"], true);
    assert!(test["lines"].as_u64() > Some(100), "{test}");
    for list in ["volumes", "streams"] {
        machine.daxctl(&[list]).succeeded();
    }
    machine.uninstall();
}

#[test]
fn settings_change_and_stay() {
    let machine = Machine::installed();
    machine.start();
    machine
        .daxctl(&["settings", "CleanupCommits", "0"])
        .succeeded();
    machine
        .daxctl(&["settings", "BatchRanges", "9", "--store"])
        .succeeded();
    machine
        .daxctl(&["settings", "BatchRanges", "65"])
        .failed(2, "64");
    machine
        .daxctl(&["settings", "FlushMethod", "clflush"])
        .failed(2, "next start");
    assert_eq!(setting(&machine, "CleanupCommits"), "0");
    machine.stop_driver();
    machine.start();
    assert_eq!(setting(&machine, "CleanupCommits"), "1");
    assert_eq!(setting(&machine, "BatchRanges"), "9");
    let registry = machine.registry(KEY);
    assert!(
        registry.contains(&r#""BatchRanges"=dword:00000009"#.to_owned()),
        "{registry:#?}"
    );
    machine.uninstall();
}

#[test]
fn a_setting_that_cannot_be_used_is_named_and_its_default_is_in_force() {
    let machine = Machine::installed();
    machine.set_parameter("BatchRanges", "REG_DWORD", "1000");
    machine.set_parameter("FlushMethod", "REG_SZ", "nonsense");
    machine.start();
    assert_eq!(setting(&machine, "BatchRanges"), "64");
    let status = json(machine.daxctl(&["status", "--json"]));
    assert_eq!(status["refused_settings"], 2, "{status}");
    machine.uninstall();
}

#[test]
fn each_flush_method_of_the_processor_passes_the_self_test() {
    let machine = Machine::installed();
    for method in ["clflush", "none"] {
        machine.set_parameter("FlushMethod", "REG_SZ", method);
        machine.start();
        let test = json(machine.daxctl(&["selftest", "--json"]));
        assert_eq!(test["passed"], true, "{test}");
        machine.stop_driver();
    }
    machine.uninstall();
}

/// Wine's volumes are no persistent memory: every request about a file is refused, clearly.
#[test]
fn a_file_on_an_ordinary_volume_is_refused() {
    let machine = Machine::installed();
    machine.start();
    std::fs::write(machine.path(r"C:\ordinary.db"), [1; 8192]).expect("a file");
    machine
        .daxctl(&["commit", r"C:\ordinary.db"])
        .failed(2, "ordinary.db");
    machine
        .daxctl(&["commit", r"C:\missing.db"])
        .failed(2, "missing.db");
    assert_eq!(machine.state(), "RUNNING");
    machine.uninstall();
}

fn setting(machine: &Machine, name: &str) -> String {
    let all = json(machine.daxctl(&["settings", "--json"]));
    let list = all
        .as_array()
        .or(all["settings"].as_array())
        .expect("a list");
    let found = list.iter().find(|setting| setting["name"] == name);
    let value = &found.expect("the setting")["value"];
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

//! Installed by its INF, started, stopped, upgraded, removed.

use daxflush_wine::{KEY, Machine, Package, SERVICE};
use std::fs;

const SERVICES: &str = r"HKLM\System\CurrentControlSet\Services";
const FILE: &str = r"C:\windows\system32\drivers\daxflush.sys";

fn has(registry: &[String], line: &str) -> bool {
    registry
        .iter()
        .any(|found| found.eq_ignore_ascii_case(line))
}

#[test]
fn it_installs_what_the_inf_says_and_leaves_nothing() {
    let machine = Machine::new();
    let (services, files) = (machine.registry(SERVICES), machine.files());
    machine.install();

    let shipped = fs::read(Package::x64().file("daxflush.sys")).expect("the driver");
    assert_eq!(
        fs::read(machine.path(FILE)).expect("the installed driver"),
        shipped
    );
    let registry = machine.registry(KEY);
    for line in [
        r#""Type"=dword:00000002"#,
        // On demand, and an error is no reason not to boot.
        r#""Start"=dword:00000003"#,
        r#""ErrorControl"=dword:00000001"#,
        r#""DefaultInstance"="daxflush Instance""#,
        r#""FlushMethod"="auto""#,
        r#""BatchRanges"=dword:00000040"#,
    ] {
        assert!(has(&registry, line), "{line} in {registry:#?}");
    }
    assert!(
        registry
            .iter()
            .any(|line| line.starts_with(r#""Altitude"="#)),
        "{registry:#?}"
    );

    machine.start();
    machine.stop_driver();
    machine.uninstall();
    assert_eq!(machine.registry(SERVICES), services);
    let left: Vec<_> = machine.files().difference(&files).cloned().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn it_starts_and_stops_over_and_over() {
    let machine = Machine::installed();
    for _ in 0..3 {
        machine.start();
        machine.daxctl(&["selftest"]).succeeded();
        machine.stop_driver();
        machine.daxctl(&["status"]).failed(2, "fltmc load daxflush");
    }
    machine.uninstall();
}

#[test]
fn an_upgrade_keeps_what_an_administrator_has_set() {
    let machine = Machine::installed();
    machine.set_parameter("BatchRanges", "REG_DWORD", "7");
    machine.set_parameter("MappedPolicy", "REG_SZ", "reported");
    machine.install();
    let registry = machine.registry(KEY);
    assert!(
        has(&registry, r#""BatchRanges"=dword:00000007"#),
        "{registry:#?}"
    );
    assert!(
        has(&registry, r#""MappedPolicy"="reported""#),
        "{registry:#?}"
    );
    machine.start();
    machine.uninstall();
}

/// An older version finds what a newer one has stored: names that it does not know, values that it
/// cannot use.
#[test]
fn a_downgrade_finds_settings_of_a_newer_version() {
    let machine = Machine::installed();
    machine.set_parameter("SomethingNew", "REG_DWORD", "3");
    machine.set_parameter("FlushMethod", "REG_SZ", "something-new");
    machine.set_parameter("TraceLevel", "REG_SZ", "no number any more");
    machine.start();
    let status = machine.daxctl(&["status", "--json"]).succeeded();
    assert!(
        status.out.contains(r#""refused_settings": 2"#),
        "{status:?}"
    );
    let registry = machine.registry(KEY);
    assert!(
        has(&registry, r#""FlushMethod"="something-new""#),
        "{registry:#?}"
    );
    machine.uninstall();
}

/// The power fails between the service's key and the file: the system starts without the driver, and
/// installing again repairs it.
#[test]
fn half_an_installation_is_repaired_by_another() {
    let machine = Machine::installed();
    machine.remove(FILE);
    let ran = machine.run("sc", &["start", SERVICE]);
    assert_ne!(ran.code, 0, "{ran:?}");
    assert_eq!(machine.state(), "STOPPED");
    machine.install();
    machine.start();
    machine.daxctl(&["selftest"]).succeeded();
    machine.uninstall();
}

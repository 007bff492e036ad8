//! The client library for C, as a DLL that Microsoft's calling convention and Windows' loader see.

use daxflush_wine::{Machine, test_program};
use std::{path::Path, process::Command};

#[test]
fn a_c_program_reaches_the_driver() {
    let machine = Machine::installed();
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../harness/c");
    let library = test_program("daxflush_client.dll");
    machine.copy_file(&library, r"C:\daxflush_client.dll");
    let status = Command::new("x86_64-w64-mingw32-gcc")
        .args(["-Wall", "-Wextra", "-Werror"])
        .arg("-I")
        .arg(sources.join("include"))
        .arg("-o")
        .arg(machine.path(r"C:\commit.exe"))
        .arg(sources.join("examples/commit.c"))
        .arg(library)
        .status();
    assert!(status.expect("the compiler").success());

    let commit = || machine.run(r"C:\commit.exe", &[r"C:\ordinary.db"]);
    commit().failed(1, "the device");
    machine.start();
    // ERROR_NOT_SUPPORTED: the device is there, and the file is on no volume of the filter's.
    commit().failed(1, "map").failed(1, "0x32");
    machine.uninstall();
}

//! The import gate on the shipped driver, and on small images with one thing wrong.

use daxflush_gates::imports::{Availability, check};
use std::{fs, path::Path, process::Command};

const LLVM: &str = "/usr/lib/llvm-19/bin";

fn run(tool: &str, arguments: &[&str], folder: &Path) {
    let path = Path::new(LLVM).join(tool);
    let status = Command::new(&path)
        .args(arguments)
        .current_dir(folder)
        .status();
    let status = status.unwrap_or_else(|error| {
        panic!(
            "{}: {error}; apt-get install clang-19 lld-19 llvm-19",
            path.display()
        )
    });
    assert!(status.success(), "{tool} {arguments:?}");
}

/// A driver that imports one routine from one library, linked with these options.
fn image(library: &str, routine: &str, options: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    fs::write(
        at.join("x.def"),
        format!("LIBRARY \"{library}\"\nEXPORTS\n{routine}\n"),
    )
    .expect("x");
    let code = format!("int {routine}(void); int DriverEntry(void) {{ return {routine}(); }}");
    fs::write(at.join("x.c"), code).expect("x");
    run(
        "llvm-dlltool",
        &["-m", "i386:x86-64", "-d", "x.def", "-l", "x.lib"],
        at,
    );
    run(
        "clang",
        &[
            "-target",
            "x86_64-pc-windows-msvc",
            "-c",
            "-o",
            "x.obj",
            "x.c",
        ],
        at,
    );
    let mut arguments = vec![
        "/OUT:x.sys",
        "/DRIVER",
        "/NODEFAULTLIB",
        "/ENTRY:DriverEntry",
    ];
    arguments.extend(["/SUBSYSTEM:NATIVE,10.00", "x.obj", "x.lib"]);
    arguments.extend(options);
    run("lld-link", &arguments, at);
    fs::read(at.join("x.sys")).expect("the image")
}

const GOOD: [&str; 3] = ["/NXCOMPAT", "/DYNAMICBASE", "/INTEGRITYCHECK"];

fn faults(library: &str, routine: &str, options: &[&str]) -> Vec<String> {
    check(
        &image(library, routine, options),
        &Availability::reference(),
    )
}

#[test]
fn the_shipped_driver_loads_on_1703() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/driver/daxflush.sys");
    let image = fs::read(&path).expect("target/driver/daxflush.sys: run scripts/build-driver");
    assert_eq!(
        check(&image, &Availability::reference()),
        Vec::<String>::new()
    );
}

#[test]
fn an_old_routine_of_the_kernel_passes() {
    assert_eq!(
        faults("ntoskrnl.exe", "KeGetCurrentIrql", &GOOD),
        Vec::<String>::new()
    );
}

#[test]
fn a_newer_routine_fails() {
    let faults = faults("ntoskrnl.exe", "ExAllocatePool2", &GOOD);
    assert!(faults[0].contains("since Windows 10-2004"), "{faults:?}");
}

#[test]
fn an_unknown_routine_fails() {
    let faults = faults("fltmgr.sys", "FltNoSuchRoutine", &GOOD);
    assert!(
        faults[0].contains("not in the driver reference"),
        "{faults:?}"
    );
}

#[test]
fn a_user_mode_library_fails() {
    let faults = faults("ntdll.dll", "KeGetCurrentIrql", &GOOD);
    assert!(faults[0].contains("ntdll.dll"), "{faults:?}");
}

#[test]
fn missing_marks_of_the_image_fail() {
    for missing in 0..GOOD.len() {
        let mut options = GOOD.to_vec();
        options.remove(missing);
        options.push(["/NXCOMPAT:NO", "/DYNAMICBASE:NO", "/INTEGRITYCHECK:NO"][missing]);
        let faults = faults("ntoskrnl.exe", "KeGetCurrentIrql", &options);
        assert_eq!(faults.len(), 1, "{options:?}: {faults:?}");
    }
}

#[test]
fn what_is_no_image_fails() {
    let faults = check(b"\x7fELF and more of it", &Availability::reference());
    assert!(
        faults[0].contains("not a 64-bit Windows image"),
        "{faults:?}"
    );
}

#[test]
fn a_routine_of_another_image_fails() {
    // Only since Windows 10 2004 does the kernel have what was in hal.dll.
    let faults = faults("ntoskrnl.exe", "KeQueryPerformanceCounter", &GOOD);
    assert!(faults[0].contains("Hal.dll has it"), "{faults:?}");
}

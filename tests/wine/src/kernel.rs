//! Puts what Wine's kernel lacks beside it.
//!
//! A kernel module of Wine that is found in the machine's own folders and that is no placeholder is
//! taken instead of Wine's, if the registry says so. Ours of that name has the routines of
//! `kernel/ntoskrnl.c`, and forwards all others to a copy of Wine's under another name.

use object::read::pe::PeFile64;
use std::{
    collections::BTreeSet,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const COMPILER: &str = "x86_64-w64-mingw32-gcc";
const LIBRARIAN: &str = "x86_64-w64-mingw32-dlltool";
const HEADERS: &str = "/usr/share/mingw-w64/include/ddk";
/// The copy's name; that of an export forwarder has no extension.
const COPY: &str = "ntwine";
/// Where distributions put the modules that Wine has for Windows programs.
const FOLDERS: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu/wine/x86_64-windows",
    "/usr/lib/wine/x86_64-windows",
    "/usr/lib64/wine/x86_64-windows",
];
/// What our two modules are taken for.
pub const MODULES: [&str; 2] = ["ntoskrnl.exe", "fltmgr.sys"];

/// Builds the modules and puts them into `system32`.
pub fn complete(system32: &Path) {
    let wine = find_kernel();
    let mut copy = fs::read(&wine).expect("Wine's kernel");
    let forwards = definitions(&copy);
    unmark(&mut copy);
    fs::write(system32.join(format!("{COPY}.dll")), copy).expect("it is copied");

    let folder = tempfile::tempdir().expect("a folder");
    let exports = folder.path().join("ntoskrnl.def");
    fs::write(&exports, forwards).expect("a file");
    let ours = source("ntoskrnl.c");
    let originals = import_library(folder.path());
    compile(
        &system32.join("ntoskrnl.exe"),
        &[&ours, &exports, &originals],
        &["-lkernel32", "-lntdll"],
    );
    compile(
        &system32.join("drivers/fltmgr.sys"),
        &[&source("fltmgr.c")],
        &["-lntoskrnl"],
    );
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("kernel")
        .join(name)
}

fn find_kernel() -> PathBuf {
    let known = FOLDERS.map(|folder| Path::new(folder).join("ntoskrnl.exe"));
    let found = known.into_iter().find(|path| path.exists());
    found.expect("Wine's ntoskrnl.exe is in none of the known folders: run scripts/setup")
}

/// Takes away the mark of a module that belongs to Wine and is found by its own name only.
fn unmark(module: &mut [u8]) {
    const MARK: &[u8] = b"Wine builtin DLL";
    const AT: usize = 0x40;
    let mark = &mut module[AT..AT + MARK.len()];
    assert_eq!(mark, MARK, "Wine's kernel is marked otherwise");
    mark.fill(0);
}

/// The routines that `kernel/ntoskrnl.c` has, by the mark of their definitions.
fn ours() -> Vec<String> {
    let text = fs::read_to_string(source("ntoskrnl.c")).expect("the source");
    let defined = |line: &str| {
        let (_, rest) = line.split_once(" WINAPI ")?;
        Some(rest.split_once('(')?.0.to_owned())
    };
    text.lines().filter_map(defined).collect()
}

/// A module definition file: our routines, and forwarders for Wine's others.
fn definitions(wine: &[u8]) -> String {
    let ours = ours();
    let file = PeFile64::parse(wine).expect("a PE file");
    let mut text = "LIBRARY ntoskrnl.exe\nEXPORTS\n".to_owned();
    for name in &ours {
        writeln!(text, "{name}").expect("a string takes it");
    }
    let table = file
        .export_table()
        .expect("its exports")
        .expect("it has some");
    for (pointer, _) in table.name_iter() {
        let name = table.name_from_pointer(pointer).expect("a name");
        let name = std::str::from_utf8(name).expect("a name in ASCII");
        if !ours.iter().any(|own| own == name) {
            writeln!(text, "\"{name}\" = \"{COPY}.{name}\"").expect("a string takes it");
        }
    }
    text
}

/// An import library with which our routines call Wine's of the same name.
fn import_library(folder: &Path) -> PathBuf {
    let text = fs::read_to_string(source("ntoskrnl.c")).expect("the source");
    let prefix = format!("{COPY}_");
    let words =
        text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    let originals: BTreeSet<&str> = words
        .filter_map(|word| word.strip_prefix(&prefix))
        .collect();
    let mut definitions = format!("LIBRARY {COPY}.dll\nEXPORTS\n");
    for name in originals {
        writeln!(definitions, "{prefix}{name} == {name}").expect("a string takes it");
    }
    let (from, to) = (folder.join("original.def"), folder.join("original.a"));
    fs::write(&from, definitions).expect("a file");
    run(Command::new(LIBRARIAN)
        .arg("-d")
        .arg(from)
        .arg("-l")
        .arg(&to));
    to
}

fn compile(out: &Path, inputs: &[&Path], libraries: &[&str]) {
    // A file of Wine's own may be a link to a shared one.
    let _ = fs::remove_file(out);
    run(Command::new(COMPILER)
        .arg(format!("-I{HEADERS}"))
        .args([
            "-Wall",
            "-Wextra",
            "-Wno-unused-parameter",
            "-Werror",
            "-O2",
        ])
        .args(["-shared", "-nostdlib", "-Wl,-e,0", "-o"])
        .arg(out)
        .args(inputs)
        .args(libraries));
}

fn run(command: &mut Command) {
    let output = command
        .output()
        .expect("gcc-mingw-w64-x86-64 is missing: run scripts/setup");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

//! Builds small kernel images with clang and lld-link.

#![allow(dead_code)] // each test file uses its part

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use ntsim_machine::image::{Image, LoadError};

/// Link options of a proper driver.
pub const DRIVER: &[&str] = &["/subsystem:native", "/driver", "/entry:DriverEntry"];

/// A source file of `tests/images`, compiled and linked; the image's bytes.
pub fn build(source: &str, target: &str, link: &[&str]) -> Vec<u8> {
    let dir = Scratch::new();
    let (object, image) = (dir.0.join("image.obj"), dir.0.join("image.sys"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/images")
        .join(source);
    let mut compile = tool("clang", "clang-19");
    compile.args([
        "-c",
        "-O2",
        "-ffreestanding",
        "-fno-stack-protector",
        "-mno-red-zone",
        "-funwind-tables",
    ]);
    compile.args(["-Wall", "-Werror", "-Wno-unused-command-line-argument"]);
    compile
        .args(["-target", target, "-o"])
        .arg(&object)
        .arg(source);
    run(&mut compile);
    let libraries = import_libraries(&dir.0);
    let mut linker = tool("lld-link", "lld-19");
    linker.args(["/nologo", "/nodefaultlib"]).args(link);
    linker.arg(format!("/out:{}", image.display())).arg(object);
    if target.starts_with("x86_64") {
        linker.args(libraries);
    }
    run(&mut linker);
    std::fs::read(image).expect("the linker's output")
}

/// A driver from a source file of `tests/images`, exporting its functions.
pub fn build_driver(source: &str, exports: &[&str]) -> Vec<u8> {
    let exports: Vec<String> = exports
        .iter()
        .map(|name| format!("/export:{name}"))
        .collect();
    let mut link = DRIVER.to_vec();
    link.extend(exports.iter().map(String::as_str));
    build(source, "x86_64-pc-windows-msvc", &link)
}

/// Loads a driver that imports nothing.
pub fn load(bytes: &[u8]) -> Result<Image, LoadError> {
    Image::from_bytes("test.sys", bytes, &mut |_, _| None)
}

/// Address of an exported function.
pub fn function(image: &Image, name: &str) -> usize {
    image
        .export(name)
        .unwrap_or_else(|| panic!("{name} is not exported"))
}

/// Import libraries for the DLLs that the sources mention.
fn import_libraries(dir: &Path) -> Vec<PathBuf> {
    let dlls = [
        ("ntoskrnl.exe", "KeTestAdd\nKeTestMissing"),
        (
            "fltmgr.sys",
            "FltTestStore\nFltTestMissing\nFltByOrdinal @7 NONAME",
        ),
    ];
    let make = |(dll, names): (&str, &str)| {
        let (def, lib) = (
            dir.join(format!("{dll}.def")),
            dir.join(format!("{dll}.lib")),
        );
        std::fs::write(&def, format!("LIBRARY {dll}\nEXPORTS\n{names}\n")).expect("write");
        let mut librarian = tool("lld-link", "lld-19");
        librarian.args(["/lib", "/machine:x64"]);
        librarian
            .arg(format!("/def:{}", def.display()))
            .arg(format!("/out:{}", lib.display()));
        run(&mut librarian);
        lib
    };
    dlls.into_iter().map(make).collect()
}

/// An LLVM tool: versioned on the path, plain on the path, or where Debian's packages put it.
fn tool(name: &str, package: &str) -> Command {
    let candidates = [
        PathBuf::from(format!("/usr/lib/llvm-19/bin/{name}")),
        PathBuf::from(format!("{name}-19")),
        PathBuf::from(name),
    ];
    let works = |path: &PathBuf| Command::new(path).arg("--version").output().is_ok();
    match candidates.iter().find(|path| works(path)) {
        Some(path) => Command::new(path),
        None => panic!(
            "{name} is missing: install the package {package} (Debian: apt-get install {package})"
        ),
    }
}

fn run(command: &mut Command) {
    let output = command.output().expect("the tool starts");
    let text = [output.stdout, output.stderr].map(|t| String::from_utf8_lossy(&t).into_owned());
    assert!(
        output.status.success(),
        "{command:?} failed:\n{}",
        text.concat()
    );
}

/// A directory of one test's own.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Scratch {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "image-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&dir).expect("a scratch directory");
        Scratch(dir)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays behind is in the target directory.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

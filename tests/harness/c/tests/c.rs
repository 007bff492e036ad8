//! The library as a C program uses it, with the shipped driver in the simulator.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use object::{Object, ObjectSymbol};
use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};
use tempfile::TempDir;

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// What cargo has built beside this test.
fn built(extension: &str) -> PathBuf {
    let this = env::current_exe().expect("this program");
    let folder = this.parent().expect("a folder");
    let mut found: Vec<_> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("libdaxflush_client") && name.ends_with(extension)
        })
        .collect();
    let made = |path: &PathBuf| path.metadata().and_then(|data| data.modified()).ok();
    found.sort_by_key(made);
    found.pop().expect("the library")
}

fn driver() -> PathBuf {
    env::var_os("DAXFLUSH_SYS").map_or_else(
        || source("../../../target/driver/daxflush.sys"),
        PathBuf::from,
    )
}

fn compiler() -> Option<&'static str> {
    let found = ["cc", "clang-19", "clang", "gcc"].into_iter().find(|name| {
        let asked = Command::new(name).arg("--version").output();
        asked.is_ok_and(|output| output.status.success())
    });
    if found.is_none() {
        eprintln!("SKIPPED: there is no C compiler (cc, clang-19, clang, gcc)");
    }
    found
}

/// Compiles the example with a library.
fn example(compiler: &str, library: &Path, more: &[&str]) -> (TempDir, PathBuf) {
    let folder = TempDir::new().expect("a folder");
    let program = folder.path().join("commit");
    let mut command = Command::new(compiler);
    command.args(["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]);
    command.arg("-I").arg(source("include"));
    command.arg(source("examples/commit.c")).arg(library);
    let output = command.args(more).arg("-o").arg(&program).output();
    let output = output.expect("the compiler");
    assert!(output.status.success(), "{}", error(&output));
    (folder, program)
}

fn error(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

const TOLD: &str = "view of 65536 bytes: stored by the library
durable: stored by the program, written
outside: 5, 1 bytes at 65536 are not mapped
close while in use: 9
done
";

#[test]
fn a_c_program_stores_and_commits() {
    let Some(compiler) = compiler() else { return };
    let libraries = ["-lpthread", "-ldl", "-lm", "-lrt", "-lgcc_s", "-lutil"];
    let shared = built(".so");
    let near = format!(
        "-Wl,-rpath,{}",
        shared.parent().expect("a folder").display()
    );
    for (library, more) in [(&shared, &[&near[..]][..]), (&built(".a"), &libraries)] {
        let (_folder, program) = example(compiler, library, more);
        let run = Command::new(&program)
            .arg(r"D:\c.db")
            .arg(driver())
            .output();
        let output = run.expect("it runs");
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            TOLD,
            "{}",
            error(&output)
        );
        assert_eq!(output.status.code(), Some(0), "{}", error(&output));
        assert_eq!(error(&output), "");
    }
}

#[test]
fn errors_have_a_text_and_a_number() {
    let Some(compiler) = compiler() else { return };
    let shared = built(".so");
    let near = format!(
        "-Wl,-rpath,{}",
        shared.parent().expect("a folder").display()
    );
    let (_folder, program) = example(compiler, &shared, &[&near]);
    let sys = driver();
    let sys = sys.to_str().expect("a path");
    for (arguments, told) in [
        (
            &["D:\\x"][..],
            "the device: error 8: there is no driver on Linux",
        ),
        (
            &["D:\\x", "/no/such.sys"],
            "the device: error 2: /no/such.sys is missing",
        ),
        (&["E:\\x", sys], "E:\\x: error 3: "),
    ] {
        let output = Command::new(&program)
            .args(arguments)
            .output()
            .expect("it runs");
        assert_eq!(output.status.code(), Some(1));
        assert!(error(&output).starts_with(told), "{}", error(&output));
    }
}

/// The names of the functions in the header.
fn declared() -> BTreeSet<String> {
    let header = fs::read_to_string(source("include/daxflush.h")).expect("the header");
    let mut parts = header.split('(').collect::<Vec<_>>();
    parts.pop();
    parts
        .into_iter()
        .filter_map(|before| {
            let name = before.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let name = name.into_iter().next()?;
            name.starts_with("daxflush_").then(|| name.to_owned())
        })
        .collect()
}

#[test]
fn the_header_and_the_library_have_the_same_functions() {
    let data = fs::read(built(".so")).expect("the library");
    let library = object::File::parse(&*data).expect("a shared library");
    let exported: BTreeSet<String> = library
        .dynamic_symbols()
        .filter(|symbol| symbol.is_definition())
        .filter_map(|symbol| symbol.name().ok().map(str::to_owned))
        .filter(|name| name.starts_with("daxflush_"))
        .collect();
    assert_eq!(exported, declared());
    assert!(exported.contains("daxflush_commit"), "{exported:?}");
}

mod null {
    //! NULL is an error everywhere, and harmless.

    use daxflush_client::*;
    use std::ptr::null_mut;

    const INVALID: i32 = 1;

    #[test]
    fn null_is_refused() {
        let (file, device) = (null_mut(), null_mut());
        // SAFETY: the header allows NULL.
        let results = unsafe {
            [
                daxflush_open(null_mut()),
                daxflush_simulate(null_mut(), null_mut()),
                daxflush_close(device),
                daxflush_drain(device),
                daxflush_open_file(device, null_mut(), 0, 0, null_mut()),
                daxflush_close_file(file),
                daxflush_set_size(file, 1),
                daxflush_map(file, 0, 1),
                daxflush_unmap(file),
                daxflush_view(file, null_mut(), null_mut()),
                daxflush_record(file, 0, 1),
                daxflush_store(file, 0, null_mut(), 1),
                daxflush_write(file, 0, null_mut(), 1),
                daxflush_commit(file),
                daxflush_commit_range(file, 0, 0),
                daxflush_begin_commit(file, 0, 0),
            ]
        };
        assert!(
            results.iter().all(|result| *result == INVALID),
            "{results:?}"
        );
        assert!(!daxflush_last_error().is_null());
        assert_eq!(daxflush_last_code(), 0);
    }
}

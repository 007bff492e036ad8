//! The driver's structure layouts against an independent C transcription, compiled by clang.

use daxflush_gates::layouts::{Layout, assertions, read_table, struct_members};
use std::{fs, path::Path, process::Command};

const TARGETS: [&str; 2] = ["x86_64-pc-windows-msvc", "aarch64-pc-windows-msvc"];

fn driver_source(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../driver/src/nt/flt")
        .join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn table() -> Vec<Layout> {
    read_table(&driver_source("layout.rs")).expect("the driver's table")
}

/// What clang says about the table, if it does not agree.
fn compile(layouts: &[Layout], target: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("assertions.c");
    fs::write(&file, assertions(layouts)).expect("a file");
    let headers = Path::new(env!("CARGO_MANIFEST_DIR")).join("layouts");
    let clang = ["clang-19", "/usr/lib/llvm-19/bin/clang", "clang"]
        .into_iter()
        .find_map(|name| {
            let mut command = Command::new(name);
            command.args([
                "-fsyntax-only",
                "-ffreestanding",
                "-fms-extensions",
                "-target",
                target,
            ]);
            command.arg("-I").arg(&headers).arg(&file).output().ok()
        });
    let output = clang.expect("clang is missing: apt-get install clang-19");
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn every_layout_is_the_documented_one() {
    for target in TARGETS {
        compile(&table(), target).unwrap_or_else(|error| panic!("{target}:\n{error}"));
    }
}

#[test]
fn a_wrong_offset_is_named() {
    let mut layouts = table();
    let write = layouts
        .iter_mut()
        .find(|layout| layout.name == "FLT_WRITE")
        .expect("FLT_WRITE");
    let offset = write
        .members
        .iter_mut()
        .find(|(name, _)| name == "ByteOffset");
    offset.expect("ByteOffset").1 = 8;
    let error = compile(&layouts, TARGETS[0]).expect_err("a wrong table");
    assert!(error.contains("FLT_WRITE.ByteOffset"), "{error}");
}

#[test]
fn every_single_mistake_is_found() {
    for (at, layout) in table().iter().enumerate() {
        let mut layouts = table();
        layouts[at].size += 1;
        let error = compile(&layouts, TARGETS[0]).expect_err("a wrong table");
        assert!(
            error.contains(&format!("sizeof({})", layout.name)),
            "{error}"
        );
        for member in 0..layout.members.len() {
            let mut layouts = table();
            layouts[at].members[member].1 += 1;
            let (name, _) = &layout.members[member];
            let error = compile(&layouts, TARGETS[0]).expect_err("a wrong table");
            assert!(
                error.contains(&format!("{}.{name}", layout.name)),
                "{error}"
            );
        }
    }
}

#[test]
fn the_table_has_every_member_of_every_structure() {
    let table = table();
    for file in ["parameters.rs", "registration.rs"] {
        let source = driver_source(file).replace("\npub union ", "\npub struct ");
        for (structure, members) in struct_members(&source) {
            let layout = table.iter().find(|layout| layout.name == structure);
            let layout = layout.unwrap_or_else(|| panic!("{structure} is not in the table"));
            for member in members {
                let listed = layout.members.iter().any(|(name, _)| *name == member);
                assert!(listed, "{structure}.{member} is not in the table");
            }
        }
    }
}

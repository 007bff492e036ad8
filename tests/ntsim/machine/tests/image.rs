//! Loading: what is refused and why, relocation and linking.

mod common;

use common::{DRIVER, build, build_driver, function, load};
use ntsim_machine::call::{call0, call1, call2};
use ntsim_machine::image::{Image, LoadError, symbolize};

const X64: &str = "x86_64-pc-windows-msvc";

fn plain() -> Vec<u8> {
    build("plain.c", X64, DRIVER)
}

fn error(bytes: &[u8]) -> LoadError {
    load(bytes).expect_err("the file must be refused")
}

/// File offset of the PE signature.
fn nt(bytes: &[u8]) -> usize {
    u32::from_le_bytes(bytes[0x3c..0x40].try_into().unwrap()) as usize
}

/// A copy with a 32-bit value at an offset from the PE signature replaced.
fn patched(bytes: &[u8], from_nt: usize, value: u32) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let at = nt(&bytes) + from_nt;
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    bytes
}

#[test]
fn a_driver_loads_and_runs() {
    let image = load(&plain()).unwrap();
    assert!(image.contains(image.entry_point()) && !image.contains(image.base() + image.size()));
    // SAFETY: DriverEntry takes nothing.
    assert_eq!(unsafe { call0(image.entry_point()) } as u32, 0);
}

#[test]
fn truncation_anywhere_is_found() {
    let bytes = build_driver("linked.c", &["call_table"]);
    for len in (0..bytes.len()).step_by(512) {
        match error(&bytes[..len]) {
            LoadError::NotPe { .. } if len == 0 => {}
            LoadError::Truncated { .. } if len > 0 => {}
            other => panic!("{len} of {} bytes: {other}", bytes.len()),
        }
    }
    for len in 1..1024 {
        error(&bytes[..len]);
    }
}

#[test]
fn damaged_headers_never_crash_the_loader() {
    let bytes = build_driver("linked.c", &["call_table"]);
    let mut refused = 0;
    for at in 0..1024 {
        for value in [0, 0x7f, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] = value;
            refused += u32::from(load(&damaged).is_err());
        }
    }
    assert!(refused > 100, "only {refused}");
}

#[test]
fn foreign_files_are_named() {
    let elf = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    assert!(error(&elf).to_string().contains("ELF"));
    let x86 = build(
        "plain.c",
        "i686-pc-windows-msvc",
        &["/subsystem:native", "/safeseh:no", "/entry:DriverEntry"],
    );
    assert!(matches!(
        error(&x86),
        LoadError::WrongMachine { machine: 0x14c }
    ));
    let arm64 = build("plain.c", "aarch64-pc-windows-msvc", DRIVER);
    assert!(matches!(
        error(&arm64),
        LoadError::WrongMachine { machine: 0xaa64 }
    ));
    let user = build(
        "plain.c",
        X64,
        &["/subsystem:console", "/entry:DriverEntry"],
    );
    assert!(matches!(
        error(&user),
        LoadError::NotNative { subsystem: 3 }
    ));
    assert!(matches!(
        error(b"not a driver at all"),
        LoadError::NotPe { .. }
    ));
}

#[test]
fn images_that_the_kernel_would_refuse() {
    let fixed = build(
        "plain.c",
        X64,
        &["/subsystem:native", "/entry:DriverEntry", "/fixed"],
    );
    assert!(matches!(error(&fixed), LoadError::RelocationsStripped));
    let no_entry = build(
        "plain.c",
        X64,
        &[
            "/subsystem:native",
            "/dll",
            "/noentry",
            "/include:DriverEntry",
        ],
    );
    assert!(matches!(error(&no_entry), LoadError::NoEntryPoint));
    let writable = build("plain.c", X64, &[DRIVER, &["/section:.text,erw"]].concat());
    let LoadError::WritableExecutable { section } = error(&writable) else {
        panic!("W^X")
    };
    assert_eq!(section, ".text");
}

#[test]
fn damage_that_is_named() {
    let bytes = plain();
    assert!(matches!(
        error(&patched(&bytes, 0, 0)),
        LoadError::NotPe { .. }
    ));
    assert!(matches!(
        error(&patched(&bytes, 24, 0x10b)),
        LoadError::NotPe32Plus { magic: 0x10b }
    ));
    // AddressOfEntryPoint, SizeOfImage, the first section's VirtualAddress, CheckSum.
    assert!(matches!(
        error(&patched(&bytes, 40, 4)),
        LoadError::EntryPointOutsideCode { rva: 4 }
    ));
    assert!(matches!(
        error(&patched(&bytes, 80, 0x1000)),
        LoadError::SectionOutsideImage { .. }
    ));
    let sections = 24 + 0xf0;
    let moved = patched(&bytes, sections + 12, 0x1010);
    assert!(matches!(
        error(&moved),
        LoadError::SectionNotPageAligned { .. }
    ));
    let sum = patched(&bytes, 88, 0x1234_5678);
    assert!(matches!(
        error(&sum),
        LoadError::ChecksumMismatch {
            stored: 0x1234_5678,
            ..
        }
    ));
}

#[test]
fn a_right_checksum_is_accepted_and_one_changed_byte_is_not() {
    let bytes = plain();
    let LoadError::ChecksumMismatch { computed, .. } = error(&patched(&bytes, 88, 1)) else {
        panic!("checksum")
    };
    let mut summed = patched(&bytes, 88, computed);
    assert!(load(&summed).is_ok());
    *summed.last_mut().unwrap() ^= 1;
    assert!(matches!(error(&summed), LoadError::ChecksumMismatch { .. }));
}

#[test]
fn malformed_directories() {
    let bytes = build_driver("linked.c", &[]);
    let directory = |index: usize| 24 + 112 + 8 * index;
    let outside = patched(&bytes, directory(1), 0x00ff_0000);
    assert!(matches!(
        error(&outside),
        LoadError::MalformedImports { .. }
    ));
    // A directory that points at code: descriptors made of instructions.
    assert!(matches!(
        error(&patched(&bytes, directory(1), 0x1000)),
        LoadError::MalformedImports { .. }
    ));
    assert!(matches!(
        error(&patched(&bytes, directory(5), 0x1000)),
        LoadError::MalformedRelocations { .. }
    ));
    assert!(matches!(
        error(&patched(&bytes, directory(5) + 4, 0xff_ffff)),
        LoadError::MalformedRelocations { .. }
    ));
}

extern "win64" fn add(a: i32, b: i32) -> i32 {
    a + b
}

extern "win64" fn store(to: *mut i32, value: i32) -> i32 {
    // SAFETY: the image passes a pointer to a variable of its own.
    unsafe { to.write(value) };
    0
}

extern "win64" fn ordinal() -> i32 {
    100_000
}

fn resolve(dll: &str, name: &str) -> Option<usize> {
    match (dll, name) {
        ("ntoskrnl.exe", "KeTestAdd") => Some(add as *const () as usize),
        ("fltmgr.sys", "FltTestStore") => Some(store as *const () as usize),
        ("fltmgr.sys", "#7") => Some(ordinal as *const () as usize),
        _ => None,
    }
}

#[test]
fn imports_are_linked_by_name_and_by_ordinal() {
    let bytes = build_driver("linked.c", &[]);
    let image = Image::from_bytes("linked.sys", &bytes, &mut resolve).unwrap();
    // SAFETY: DriverEntry takes two numbers.
    assert_eq!(unsafe { call2(image.entry_point(), 20, 3) }, 101_023);
}

#[test]
fn unresolved_imports_are_listed_together() {
    let bytes = build_driver("unresolved.c", &[]);
    let error = Image::from_bytes("u.sys", &bytes, &mut resolve).expect_err("unresolved");
    let LoadError::Unresolved { mut imports } = error else {
        panic!("{error}")
    };
    imports.sort();
    assert_eq!(
        imports,
        ["fltmgr.sys!FltTestMissing", "ntoskrnl.exe!KeTestMissing"]
    );
}

#[test]
fn relocations_make_two_copies_independent() {
    let bytes = build_driver("linked.c", &["call_table", "read_pointer"]);
    let copies = [(); 2].map(|()| Image::from_bytes("linked.sys", &bytes, &mut resolve).unwrap());
    assert_ne!(copies[0].base(), copies[1].base());
    for image in &copies {
        for i in 0..2 {
            // SAFETY: `call_table` takes an index below two; `read_pointer` takes nothing.
            unsafe {
                assert_eq!(call1(function(image, "call_table"), i), i + 1);
                assert_eq!(call0(function(image, "read_pointer")), 40 + i);
            }
        }
    }
}

#[test]
fn the_security_cookie_is_set() {
    let image = load(&build_driver("cookie.c", &["read_cookie"])).unwrap();
    // SAFETY: the function takes nothing.
    let cookie = unsafe { call0(function(&image, "read_cookie")) };
    assert_ne!(cookie, 0x2b99_2ddf_a232, "the linker's default");
    assert!(cookie != 0 && cookie >> 48 == 0, "{cookie:x}");
}

#[test]
fn addresses_are_named_also_after_unloading() {
    let image = Image::from_bytes("gone.sys", &plain(), &mut |_, _| None).unwrap();
    let at = image.base() + 0x1234;
    assert_eq!(image.symbolize(at), "gone.sys+0x1234");
    assert_eq!(image.symbolize(7), "0x7");
    assert_eq!(symbolize(at).as_deref(), Some("gone.sys+0x1234"));
    drop(image);
    assert_eq!(symbolize(at).as_deref(), Some("gone.sys (unloaded)+0x1234"));
}

#[test]
fn no_page_is_both_writable_and_executable() {
    let image = load(&plain()).unwrap();
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let mut seen = String::new();
    for line in maps.lines() {
        let (range, rest) = line.split_once(' ').unwrap();
        let start = usize::from_str_radix(range.split_once('-').unwrap().0, 16).unwrap();
        if image.contains(start) {
            assert!(
                !rest.starts_with("rwx") && !rest.starts_with("-wx"),
                "{line}"
            );
            seen.push_str(&rest[..3]);
        }
    }
    assert!(seen.contains("r-x") && seen.contains("rw-"), "{seen}");
}

#[test]
fn a_missing_file_is_named() {
    let path = std::path::Path::new("/nonexistent/daxflush.sys");
    let error = Image::load(path, &mut |_, _| None).expect_err("no such file");
    assert!(
        error.to_string().contains("/nonexistent/daxflush.sys"),
        "{error}"
    );
}

/// From the PE signature: entry `n` of the data directory.
fn directory(n: usize) -> usize {
    24 + 112 + 8 * n
}

#[test]
fn a_small_file_cannot_ask_for_any_number_of_imports() {
    let bytes = build_driver("many.s", &["descriptors"]);
    let table = {
        let image = load(&bytes).unwrap();
        function(&image, "descriptors") - image.base()
    };
    let bytes = patched(&bytes, directory(1), table as u32);
    let mut asked = 0;
    let mut resolve = |_: &str, _: &str| {
        asked += 1;
        None
    };
    match Image::check(&bytes, &mut resolve) {
        Err(LoadError::MalformedImports { what }) => assert!(what.contains("more than"), "{what}"),
        other => panic!("{other:?}"),
    }
    assert!(asked <= 1 << 16, "{asked}");
}

#[test]
fn an_endless_exception_directory_is_read_as_far_as_the_image_goes() {
    let bytes = build_driver("linked.c", &["call_table"]);
    let bytes = patched(&bytes, directory(3) + 4, u32::MAX);
    let mut resolve = |_: &str, _: &str| Some(0x1000);
    Image::from_bytes("test.sys", &bytes, &mut resolve).expect("an image");
}

#[test]
fn a_check_says_what_loading_says() {
    let bytes = build_driver("linked.c", &["call_table"]);
    let mut nothing = |_: &str, _: &str| None;
    let checked = Image::check(&bytes, &mut nothing).expect_err("imports are missing");
    let loaded = Image::from_bytes("test.sys", &bytes, &mut nothing).expect_err("as before");
    assert_eq!(checked.to_string(), loaded.to_string());
    let mut everything = |_: &str, _: &str| Some(0x1000);
    Image::check(&bytes, &mut everything).expect("it could be loaded");
}

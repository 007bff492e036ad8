//! An image does not depend on where it was built, and has the right checksum.

mod support;

use daxflush_package::checksum::checksum;
use daxflush_package::image::{FORBIDDEN, finish};
use daxflush_package::pdb;
use proptest::prelude::*;
use std::{collections::BTreeSet, fs, path::Path};
use support::{
    CERTIFICATES, CHECKSUM, DEBUG, GUID, HASH, HEADERS, Image, PDB_HEADER, Repro, STAMP, refuse,
    run, succeed, tool,
};

fn word(image: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(image[at..at + 4].try_into().unwrap())
}

/// The same image out of another folder.
fn elsewhere(image: &Image) -> Image {
    let repro = match image.repro {
        Repro::Empty => Repro::Empty,
        Repro::Hash(_) => Repro::Hash([9; 32]),
    };
    Image {
        stamp: 0x7654_3210,
        checksum: 77,
        guid: *b"another GUID....",
        repro,
        ..image.clone()
    }
}

#[test]
fn images_that_differ_in_guid_and_stamps_become_the_same() {
    for repro in [Repro::Empty, Repro::Hash([5; 32])] {
        let image = Image {
            repro,
            ..Image::default()
        };
        let (here, there) = (image.build(), elsewhere(&image).build());
        assert_ne!(here, there);
        let finished = finish(&here, &FORBIDDEN).unwrap();
        assert_eq!(finished.image, finish(&there, &FORBIDDEN).unwrap().image);
        assert_eq!(
            finished.image,
            finish(&finished.image, &FORBIDDEN).unwrap().image,
            "finishing it again"
        );
    }
}

#[test]
fn other_code_gives_another_guid_and_stamp() {
    let one = finish(&Image::default().build(), &FORBIDDEN).unwrap();
    let two = finish(
        &Image {
            code: vec![0x90; 16],
            ..Image::default()
        }
        .build(),
        &FORBIDDEN,
    )
    .unwrap();
    assert_ne!(one.image[GUID..GUID + 16], two.image[GUID..GUID + 16]);
    assert_ne!(one.stamp, two.stamp);
}

#[test]
fn only_the_fields_that_depend_on_the_folder_change() {
    let linked = Image {
        repro: Repro::Hash([5; 32]),
        ..Image::default()
    }
    .build();
    let finished = finish(&linked, &FORBIDDEN).unwrap();
    let mut expected = linked.clone();
    let fields = [
        (STAMP, 4),
        (CHECKSUM, 4),
        (DEBUG + 4, 4),
        (DEBUG + 32, 4),
        (GUID, 16),
        (HASH, 32),
    ];
    for (at, length) in fields {
        expected[at..at + length].copy_from_slice(&finished.image[at..at + length]);
        assert_ne!(
            linked[at..at + length],
            finished.image[at..at + length],
            "{at:#x} is as before"
        );
    }
    assert_eq!(finished.image, expected);
    for at in [STAMP, DEBUG + 4, DEBUG + 32] {
        assert_eq!(word(&finished.image, at), finished.stamp);
    }
    assert_eq!(word(&finished.image, HASH - 4), 32);
}

#[test]
fn the_guid_is_a_uuid_of_version_8() {
    let finished = finish(&Image::default().build(), &FORBIDDEN).unwrap();
    let (before, after) = finished.symbols.unwrap();
    assert_eq!(before.guid.0, [0x22; 16]);
    assert_eq!(after.guid.0, finished.image[GUID..GUID + 16]);
    let text = after.guid.to_string();
    let parts: Vec<_> = text.split('-').collect();
    assert_eq!(
        parts.iter().map(|part| part.len()).collect::<Vec<_>>(),
        [8, 4, 4, 4, 12],
        "{text}"
    );
    assert!(
        parts[2].starts_with('8') && parts[3].starts_with(['8', '9', 'A', 'B']),
        "{text}"
    );
    let first = u32::from_le_bytes(after.guid.0[..4].try_into().unwrap());
    assert_eq!(parts[0], format!("{first:08X}"));
}

#[test]
fn the_checksum_is_the_one_that_others_compute() {
    let finished = finish(&Image::default().build(), &FORBIDDEN).unwrap();
    let mut without = finished.image.clone();
    without[CHECKSUM..CHECKSUM + 4].fill(0);
    assert_eq!(word(&finished.image, CHECKSUM), support::checksum(&without));

    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("x.sys"), &finished.image).unwrap();
    let right = format!("{:08X}", finished.checksum);
    assert_eq!(
        checksums_seen(folder.path()),
        BTreeSet::from([right.clone()])
    );
    let mut wrong = finished.image;
    wrong[CHECKSUM] ^= 1;
    fs::write(folder.path().join("x.sys"), &wrong).unwrap();
    let wrong = format!("{:08X}", finished.checksum ^ 1);
    assert_eq!(
        checksums_seen(folder.path()),
        BTreeSet::from([right, wrong])
    );
}

/// The checksum in `x.sys` and the one that osslsigncode computes, which newer versions tell only if it
/// is another.
fn checksums_seen(folder: &Path) -> BTreeSet<String> {
    let (_, said) = tool(folder, "osslsigncode", &["verify", "-in", "x.sys"]);
    let lines = said.lines().filter(|line| line.contains("PE checksum"));
    let words = lines.filter_map(|line| line.split(':').nth(1)?.split_whitespace().next());
    let numbers = words.filter(|word| u32::from_str_radix(word, 16).is_ok());
    numbers.map(str::to_owned).collect()
}

proptest! {
    #[test]
    fn checksums_of_any_bytes(mut bytes in prop::collection::vec(any::<u8>(), 4..700), at in any::<prop::sample::Index>()) {
        let field = at.index(bytes.len() - 3);
        let found = checksum(&bytes, field);
        bytes[field..field + 4].fill(0);
        prop_assert_eq!(found, support::checksum(&bytes));
    }
}

#[test]
fn the_pdb_file_follows() {
    let image = Image::default();
    let finished = finish(&image.build(), &FORBIDDEN).unwrap();
    let (before, after) = finished.symbols.unwrap();
    for old in [0, 1, 512, 700, u32::MAX] {
        let linked = support::pdb(image.guid, 1, old);
        let mut renamed = linked.clone();
        pdb::rename(&mut renamed, before, after, finished.stamp).unwrap();
        assert_eq!(
            renamed[PDB_HEADER + 12..PDB_HEADER + 28],
            finished.image[GUID..GUID + 16]
        );
        assert_eq!(word(&renamed, PDB_HEADER + 4), finished.stamp);
        assert_eq!(word(&renamed, PDB_HEADER + 8), 1);
        renamed[PDB_HEADER + 4..PDB_HEADER + 28]
            .copy_from_slice(&linked[PDB_HEADER + 4..PDB_HEADER + 28]);
        assert_eq!(renamed, linked, "nothing else is changed");
    }
    for (pdb, said) in [
        (support::pdb([1; 16], 1, 0), "not the image's"),
        (support::pdb(image.guid, 2, 0), "not the image's"),
        (
            b"Microsoft C/C++ MSF 7.00\r\n\x1aDS\0\0\0".to_vec(),
            "not a PDB file",
        ),
        (Vec::new(), "not a PDB file"),
    ] {
        let error = pdb::rename(&mut pdb.clone(), before, after, 0)
            .unwrap_err()
            .to_string();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn the_command_writes_both_files() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let image = Image::default();
    fs::create_dir(here.join("out")).unwrap();
    fs::write(here.join("linked.sys"), image.build()).unwrap();
    fs::write(here.join("daxflush.pdb"), support::pdb(image.guid, 1, 0)).unwrap();
    let said = succeed(
        here,
        &[
            "image",
            "linked.sys",
            "--pdb",
            "daxflush.pdb",
            "--out",
            "out/daxflush.sys",
        ],
    );
    let finished = fs::read(here.join("out/daxflush.sys")).unwrap();
    let renamed = fs::read(here.join("out/daxflush.pdb")).unwrap();
    assert_eq!(
        finished[GUID..GUID + 16],
        renamed[PDB_HEADER + 12..PDB_HEADER + 28]
    );
    assert!(
        said.contains(&format!("checksum {:#010x}", word(&finished, CHECKSUM))),
        "{said}"
    );
    assert_eq!(fs::read(here.join("linked.sys")).unwrap(), image.build());

    // In place.
    let arguments = [
        "image",
        "linked.sys",
        "--pdb",
        "daxflush.pdb",
        "--pdb-out",
        "daxflush.pdb",
        "--out",
        "linked.sys",
    ];
    succeed(here, &arguments);
    assert_eq!(fs::read(here.join("linked.sys")).unwrap(), finished);
    assert_eq!(fs::read(here.join("daxflush.pdb")).unwrap(), renamed);
    succeed(here, &arguments);

    // Nothing is written if the PDB file is another's.
    fs::write(here.join("daxflush.pdb"), support::pdb([1; 16], 1, 0)).unwrap();
    let said = refuse(
        here,
        &[
            "image",
            "linked.sys",
            "--pdb",
            "daxflush.pdb",
            "--out",
            "new.sys",
        ],
    );
    assert!(
        said.contains("daxflush.pdb: the PDB file is not the image's"),
        "{said}"
    );
    assert!(!here.join("new.sys").exists());
}

#[test]
fn paths_of_the_machine_that_built_it_are_refused() {
    let with = |text: &[u8]| {
        Image {
            code: text.to_vec(),
            ..Image::default()
        }
        .build()
    };
    let wide: Vec<u8> = "/home/me/daxflush"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    for (image, path) in [
        (
            with(b"x /home/me/daxflush/lib.rs"),
            "/home/me/daxflush/lib.rs",
        ),
        (with(b"/root/.cargo/x.rs"), "/root/.cargo/x.rs"),
        (with(b"/tmp/x.o"), "/tmp/x.o"),
        (with(br"c:\users\me"), r":\\users\\me"),
        (with(&wide), "/home/me/daxflush"),
    ] {
        let error = finish(&image, &FORBIDDEN).unwrap_err().to_string();
        assert!(
            error.contains(path) && error.contains("--remap-path-prefix"),
            "{error}"
        );
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("x.sys"), with(b"/builds/7/daxflush")).unwrap();
    let arguments = ["image", "x.sys", "--out", "y.sys"];
    assert!(run(folder.path(), &arguments).status.success());
    let said = refuse(
        folder.path(),
        &[
            &arguments[..],
            &["--forbid", "/srv/", "--forbid", "/builds/"],
        ]
        .concat(),
    );
    assert!(said.contains("/builds/7/daxflush"), "{said}");
    let said = refuse(folder.path(), &[&arguments[..], &["--forbid", ""]].concat());
    assert!(said.contains("give --forbid a string"), "{said}");
}

#[test]
fn what_is_no_linked_driver_is_refused() {
    let good = Image::default().build();
    let mut pe32 = good.clone();
    pe32[HEADERS + 24..HEADERS + 26].copy_from_slice(&0x10bu16.to_le_bytes());
    let mut signed = good.clone();
    signed.extend([0; 16]);
    signed[CERTIFICATES..CERTIFICATES + 4].copy_from_slice(&(good.len() as u32).to_le_bytes());
    signed[CERTIFICATES + 4] = 16;
    let mut beyond = signed.clone();
    beyond[CERTIFICATES + 4] = 17;
    let mut old = good.clone();
    old[GUID - 1] = b'0';
    let mut overlapping = good.clone();
    let over = CHECKSUM - 8;
    overlapping[DEBUG + 24..DEBUG + 28].copy_from_slice(&(over as u32).to_le_bytes());
    overlapping[over..over + 4].copy_from_slice(b"RSDS");
    for (image, said) in [
        (pe32, "not a 64-bit Windows image"),
        (b"\x7fELF".to_vec(), "not a 64-bit Windows image"),
        (signed, "signed already"),
        (beyond, "certificate table is not within"),
        (old, "other than RSDS"),
        (overlapping, "lies over other fields"),
    ] {
        let error = finish(&image, &FORBIDDEN).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
}

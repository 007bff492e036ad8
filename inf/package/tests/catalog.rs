//! osslsigncode and openssl take the catalog, and find files in it as they are and in no other form.

mod support;

use daxflush_package::catalog::member::{Kind, Member};
use daxflush_package::catalog::read::Catalog;
use sha1::{Digest, Sha1};
use std::fs;
use std::path::Path;
use support::{Image, inf, make_certificate, refuse, sign, succeed, tool};

const ARGUMENTS: [&str; 9] = [
    "catalog",
    "--out",
    "unsigned.cat",
    "--os",
    "10_RS2_X64,10_GE_X64",
    "--date",
    "2026-11-25",
    "daxflush.sys",
    "daxflush.inf",
];

fn package(folder: &Path) {
    fs::write(folder.join("daxflush.sys"), Image::default().build()).unwrap();
    fs::write(folder.join("daxflush.inf"), inf("amd64", "0.1.0.7")).unwrap();
    succeed(folder, &ARGUMENTS);
}

fn listed(folder: &Path, file: &str) -> (bool, String) {
    tool(
        folder,
        "osslsigncode",
        &[
            "verify",
            "-catalog",
            "daxflush.cat",
            "-in",
            file,
            "-CAfile",
            "test.pem",
        ],
    )
}

#[test]
fn osslsigncode_signs_it_and_finds_the_driver_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    package(here);
    make_certificate(here);
    sign(here, "unsigned.cat", "daxflush.cat");
    let (ok, said) = listed(here, "daxflush.sys");
    assert!(ok && said.contains("Signature verification: ok"), "{said}");

    let mut tampered = fs::read(here.join("daxflush.sys")).unwrap();
    *tampered.last_mut().unwrap() ^= 1;
    fs::write(here.join("tampered.sys"), &tampered).unwrap();
    let (ok, said) = listed(here, "tampered.sys");
    assert!(
        !ok && !said.contains("Signature verification: ok"),
        "{said}"
    );

    // A signature in the driver itself does not take it out of the catalog.
    sign(here, "daxflush.sys", "signed.sys");
    let (ok, said) = listed(here, "signed.sys");
    assert!(ok, "{said}");
    let member = |name: &str| Member::read(&here.join(name)).unwrap();
    assert_eq!(member("daxflush.sys").sha256, member("signed.sys").sha256);

    // What this crate reads in the signed one is what was written.
    let read = |name: &str| Catalog::parse(&fs::read(here.join(name)).unwrap()).unwrap();
    let (unsigned, signed) = (read("unsigned.cat"), read("daxflush.cat"));
    assert_eq!(unsigned.signers, [] as [bool; 0]);
    assert_eq!(signed.signers, [true]);
    for catalog in [unsigned, signed] {
        assert!(catalog.version2);
        assert_eq!(
            catalog.attributes,
            [("OS".to_owned(), "_v100_X64_RS2,_v100_X64_24H2".to_owned())]
        );
        assert_eq!(catalog.entries.len(), 4);
        assert!(catalog.entries.is_sorted_by_key(|entry| &entry.tag));
        for (name, kind) in [("daxflush.sys", Kind::Image), ("daxflush.inf", Kind::Flat)] {
            let member = member(name);
            for (tag, hash) in [
                (&member.sha1, None),
                (&member.sha256, Some((kind, member.sha256.clone()))),
            ] {
                let entry = catalog
                    .entries
                    .iter()
                    .find(|entry| entry.tag == *tag)
                    .unwrap();
                assert_eq!(entry.hash, hash);
                assert_eq!(entry.kind, Some(kind));
                assert_eq!(entry.attribute("File"), Some(name));
                assert_eq!(entry.attribute("OSAttr"), Some("2:10.0"));
            }
        }
    }
}

#[test]
fn a_list_that_was_changed_after_signing_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    package(here);
    make_certificate(here);
    sign(here, "unsigned.cat", "daxflush.cat");
    let mut catalog = fs::read(here.join("daxflush.cat")).unwrap();
    let tag = Member::read(&here.join("daxflush.inf")).unwrap().sha1;
    let at = catalog
        .windows(20)
        .position(|window| window == tag)
        .unwrap();
    catalog[at] ^= 1;
    assert_eq!(Catalog::parse(&catalog).unwrap().signers, [false]);
}

#[test]
fn openssl_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    package(folder.path());
    let (ok, said) = tool(
        folder.path(),
        "openssl",
        &["asn1parse", "-inform", "DER", "-in", "unsigned.cat"],
    );
    assert!(ok && !said.contains("error"), "{said}");
    assert!(
        said.contains("1.3.6.1.4.1.311.12.1.3") && said.contains("261125000000Z"),
        "{said}"
    );
    let (ok, said) = tool(
        folder.path(),
        "openssl",
        &["pkcs7", "-inform", "DER", "-in", "unsigned.cat", "-noout"],
    );
    assert!(ok, "{said}");
}

#[test]
fn the_same_files_give_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    package(here);
    let first = fs::read(here.join("unsigned.cat")).unwrap();
    let mut arguments = ARGUMENTS;
    arguments.swap(7, 8);
    succeed(here, &arguments);
    assert_eq!(
        fs::read(here.join("unsigned.cat")).unwrap(),
        first,
        "whatever the order"
    );
    succeed(
        here,
        &[&ARGUMENTS[..], &["--hwid", r"ROOT\DaxFlush"]].concat(),
    );
    let other = fs::read(here.join("unsigned.cat")).unwrap();
    assert_ne!(other, first);
    assert_eq!(
        Catalog::parse(&other).unwrap().attribute("HWID1"),
        Some(r"root\daxflush")
    );
}

#[test]
fn images_are_known_by_their_authenticode_hash_and_others_by_all_bytes() {
    let image = Image::default().build();
    let mut other = image.clone();
    other[support::CHECKSUM] ^= 1;
    let known = |name: &str, data: &[u8]| Member::new(name, data).unwrap();
    assert_eq!(
        known("a.sys", &image),
        known("a.sys", &other),
        "the checksum does not count"
    );
    other[support::STAMP] ^= 1;
    assert_ne!(known("a.sys", &image), known("a.sys", &other));
    assert_eq!(known("a.inf", b"abc").sha1, Sha1::digest(b"abc").to_vec());
    assert_eq!(known("a.inf", b"abc").kind, Kind::Flat);
    for (name, data, said) in [
        ("a.sys", &b"abc"[..], "not a 64-bit Windows image"),
        ("a.bin", &image, "rename it"),
        ("a.CAB", b"MSCF", "cannot hash .cab"),
    ] {
        let error = Member::new(name, data).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn what_cannot_be_catalogued_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    package(here);
    fs::create_dir(here.join("sub")).unwrap();
    fs::write(here.join("sub/DAXFLUSH.INF"), "x").unwrap();
    let said = refuse(here, &[&ARGUMENTS[..], &["sub/DAXFLUSH.INF"]].concat());
    assert!(said.contains("two files are called daxflush.inf"), "{said}");
    let said = refuse(here, &[&ARGUMENTS[..], &["absent.inf"]].concat());
    assert!(said.contains("absent.inf"), "{said}");
    for (index, value, expected) in [(4, "7_X64", "10_RS2_X64"), (6, "2026-02-29", "YYYY-MM-DD")] {
        let mut arguments = ARGUMENTS;
        arguments[index] = value;
        let said = refuse(here, &arguments);
        assert!(said.contains(expected), "{said}");
    }
    refuse(here, &ARGUMENTS[..7]);
}

//! Damaged files are errors, or are read; they never end the program.

mod support;

use daxflush_package::catalog::member::Member;
use daxflush_package::catalog::read::Catalog;
use daxflush_package::catalog::write::{Contents, write};
use daxflush_package::image::finish;
use daxflush_package::inf::Inf;
use daxflush_package::pe::Pe;
use daxflush_package::{pdb, version};
use proptest::prelude::*;
use proptest::sample::Index;
use std::sync::LazyLock;
use support::{HEADERS, Image, Repro};

/// What happens to a file: some bytes become others, or it ends early.
#[derive(Debug, Clone)]
struct Damage {
    bytes: Vec<(Index, u8)>,
    end: Option<Index>,
}

fn damage() -> impl Strategy<Value = Damage> {
    let bytes = prop::collection::vec(
        (
            any::<Index>(),
            prop_oneof![Just(0xff), Just(0), any::<u8>()],
        ),
        0..6,
    );
    (bytes, prop::option::weighted(0.3, any::<Index>()))
        .prop_map(|(bytes, end)| Damage { bytes, end })
}

impl Damage {
    /// Does it to the part of `file` from `start` on.
    fn to(&self, mut file: Vec<u8>, start: usize) -> Vec<u8> {
        for (index, byte) in &self.bytes {
            let at = start + index.index(file.len() - start);
            file[at] = *byte;
        }
        if let Some(end) = &self.end {
            file.truncate(end.index(file.len()));
        }
        file
    }
}

fn image() -> Vec<u8> {
    Image {
        repro: Repro::Hash([5; 32]),
        ..Image::default()
    }
    .build()
}

fn try_image(image: &[u8]) {
    let _ = Member::new("a.sys", image);
    if let Ok(pe) = Pe::parse(image) {
        let _ = version::of(&pe);
        let _ = pe.debug_entries();
    }
    let _ = finish(image, &["/home/"]);
}

fn catalog() -> Vec<u8> {
    let members = vec![
        Member::new("a.sys", &image()).unwrap(),
        Member::new("a.inf", b"[Version]").unwrap(),
    ];
    let systems = vec!["10_RS2_X64".parse().unwrap()];
    write(&Contents {
        members,
        systems,
        hardware: vec!["x".into()],
        date: "2026-11-25".parse().unwrap(),
    })
    .unwrap()
}

/// The same catalog, signed.
fn signed() -> Vec<u8> {
    static SIGNED: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("unsigned.cat"), catalog()).unwrap();
        support::make_certificate(folder.path());
        support::sign(folder.path(), "unsigned.cat", "signed.cat");
        std::fs::read(folder.path().join("signed.cat")).unwrap()
    });
    SIGNED.clone()
}

#[test]
fn every_truncation_is_survived() {
    let (image, catalog, pdb) = (image(), catalog(), support::pdb([0x22; 16], 1, 700));
    let (before, after) = finish(&image, &["/home/"]).unwrap().symbols.unwrap();
    for end in 0..image.len() {
        try_image(&image[..end]);
    }
    for catalog in [catalog, signed()] {
        assert!(Catalog::parse(&catalog).is_ok());
        for end in 0..catalog.len() {
            assert!(Catalog::parse(&catalog[..end]).is_err(), "{end}");
        }
    }
    for end in 0..pdb.len() {
        let _ = pdb::rename(&mut pdb[..end].to_vec(), before, after, 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn images(damage in damage(), start in prop::sample::select(vec![0, HEADERS, support::DATA])) {
        try_image(&damage.to(image(), start));
    }

    #[test]
    fn catalogs(damage in damage()) {
        let _ = Catalog::parse(&damage.to(catalog(), 0));
        let _ = Catalog::parse(&damage.to(signed(), 0));
    }

    #[test]
    fn pdb_files(damage in damage(), start in prop::sample::select(vec![0, 32, 3 * 512, 4 * 512])) {
        let (before, after) = finish(&image(), &["/home/"]).unwrap().symbols.unwrap();
        let mut pdb = damage.to(support::pdb([0x22; 16], 1, 700), start);
        let _ = pdb::rename(&mut pdb, before, after, 0);
    }

    #[test]
    fn inf_files(bytes in prop::collection::vec(any::<u8>(), 0..200), damage in damage()) {
        for file in [bytes, damage.to(support::inf("amd64", "0.1.0.7").into_bytes(), 0)] {
            if let Ok(inf) = Inf::parse(&file) {
                let _ = (inf.catalog().is_ok(), inf.driver_version(), inf.architectures());
            }
        }
    }
}

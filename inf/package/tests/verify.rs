//! What verify finds in good and in bad packages.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use support::{ARM64, CHECKSUM, Image, inf, make_certificate, refuse, run, sign, succeed, text};
use tempfile::TempDir;

/// A package that is as it should be, in `package` beside the signer's key.
struct Package(TempDir);

impl Package {
    fn new() -> Self {
        let package = Self(tempfile::tempdir().unwrap());
        fs::create_dir(package.file("")).unwrap();
        fs::write(package.file("daxflush.inf"), inf("amd64", "0.1.0.7")).unwrap();
        package.put("daxflush.sys", &Image::default());
        package.put(
            "daxctl.exe",
            &Image {
                code: b"daxctl".to_vec(),
                ..Image::default()
            },
        );
        make_certificate(package.here());
        package.sign();
        package
    }

    fn here(&self) -> &Path {
        self.0.path()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.here().join("package").join(name)
    }

    fn put(&self, name: &str, image: &Image) {
        fs::write(self.here().join("linked"), image.build()).unwrap();
        succeed(
            self.here(),
            &["image", "linked", "--out", &format!("package/{name}")],
        );
    }

    fn catalog(&self, out: &str, more: &[&str]) {
        let arguments = [
            "catalog",
            "--out",
            out,
            "--os",
            "10_RS2_X64",
            "--date",
            "2026-11-25",
            "package/daxflush.sys",
        ];
        succeed(self.here(), &[&arguments[..], more].concat());
    }

    fn sign(&self) {
        self.catalog("unsigned.cat", &["package/daxflush.inf"]);
        let _ = fs::remove_file(self.file("daxflush.cat"));
        sign(self.here(), "unsigned.cat", "package/daxflush.cat");
    }

    /// The names of the checks that fail, and all that is printed.
    fn failed(&self) -> (Vec<String>, String) {
        let output = run(self.here(), &["verify", "package"]);
        let said = text(&output);
        let failed: Vec<String> = said
            .lines()
            .filter_map(|line| Some(line.strip_prefix("FAILED ")?.split_once(':')?.0.to_owned()))
            .collect();
        assert_eq!(
            output.status.code(),
            Some(i32::from(!failed.is_empty())),
            "{said}"
        );
        (failed, said)
    }

    /// That these checks fail, and that this is said.
    fn fails(&self, checks: &[&str], message: &str) {
        let (failed, said) = self.failed();
        assert_eq!(failed, checks, "{said}");
        assert!(said.contains(message), "{said}");
    }
}

#[test]
fn a_good_package_passes() {
    let package = Package::new();
    let (failed, said) = package.failed();
    assert!(failed.is_empty(), "{said}");
    assert_eq!(said.lines().count(), 12, "{said}");
    assert!(
        said.contains("ok     driver's version: 0.1.0.7, of 2026-11-25\n"),
        "{said}"
    );
    assert!(
        said.contains("ok     catalog's systems: _v100_X64_RS2\n"),
        "{said}"
    );
}

#[test]
fn json_says_the_same() {
    let package = Package::new();
    let read = || -> serde_json::Value {
        let output = run(package.here(), &["verify", "--json", "package"]);
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let report = read();
    assert_eq!(report["ok"], true);
    assert_eq!(report["checks"].as_array().unwrap().len(), 12);
    fs::write(package.file("daxflush.cat"), "x").unwrap();
    let report = read();
    assert_eq!(report["ok"], false);
    let failed = report["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["ok"] == false);
    assert!(
        failed
            .clone()
            .all(|check| check["detail"].as_str().unwrap().contains("not a catalog")),
        "{report}"
    );
    assert_eq!(failed.count(), 5);
}

#[test]
fn changed_files_are_found() {
    let package = Package::new();
    let good = fs::read(package.file("daxflush.sys")).unwrap();
    let mut changed = good.clone();
    *changed.last_mut().unwrap() ^= 1;
    fs::write(package.file("daxflush.sys"), &changed).unwrap();
    package.fails(
        &["driver's checksum", "driver in catalog"],
        "changed since the catalog was made",
    );

    changed = good.clone();
    changed[CHECKSUM] ^= 1;
    fs::write(package.file("daxflush.sys"), &changed).unwrap();
    package.fails(&["driver's checksum"], "the header says");

    changed = good.clone();
    changed[CHECKSUM..CHECKSUM + 4].fill(0);
    fs::write(package.file("daxflush.sys"), &changed).unwrap();
    package.fails(&["driver's checksum"], "the header says 0x00000000");

    fs::write(package.file("daxflush.sys"), &good).unwrap();
    fs::write(package.file("daxflush.inf"), inf("amd64", "0.1.0.7") + " ").unwrap();
    package.fails(&["INF in catalog"], "changed since the catalog was made");
}

#[test]
fn parts_that_do_not_belong_together_are_found() {
    let package = Package::new();
    let rewrite = |text: &str| {
        fs::write(package.file("daxflush.inf"), text).unwrap();
        package.sign();
    };
    rewrite(&inf("arm64", "0.1.0.7"));
    package.fails(
        &["driver's architecture", "daxctl's architecture"],
        "the image is for amd64, the INF for arm64",
    );
    rewrite(&inf("amd64", "0.1.0.8"));
    package.fails(
        &["driver's version", "daxctl's version"],
        "the image is 0.1.0.7, DriverVer is 0.1.0.8",
    );
    rewrite(&inf("amd64", "0.1.0.7").replace("daxflush.cat", "other.cat"));
    package.fails(&["INF's catalog"], "the INF names other.cat");
    rewrite(&inf("amd64", "0.1.0.7"));
    package.put(
        "daxctl.exe",
        &Image {
            machine: ARM64,
            version: None,
            ..Image::default()
        },
    );
    package.fails(
        &["daxctl's architecture"],
        "the image is for arm64, the INF for amd64",
    );
}

#[test]
fn a_driver_without_a_version_resource_is_found() {
    let package = Package::new();
    package.put(
        "daxflush.sys",
        &Image {
            version: None,
            ..Image::default()
        },
    );
    package.put(
        "daxctl.exe",
        &Image {
            version: None,
            ..Image::default()
        },
    );
    package.sign();
    package.fails(
        &["driver's version"],
        "FAILED driver's version: has no version resource\n",
    );
}

#[test]
fn catalogs_of_other_files_are_found() {
    let package = Package::new();
    let sign_list = |more: &[&str]| {
        package.catalog("unsigned.cat", more);
        let _ = fs::remove_file(package.file("daxflush.cat"));
        sign(package.here(), "unsigned.cat", "package/daxflush.cat");
    };
    sign_list(&[]);
    package.fails(&["INF in catalog"], "does not list it");
    fs::write(package.here().join("readme.txt"), "x").unwrap();
    sign_list(&["package/daxflush.inf", "readme.txt"]);
    package.fails(&["catalog's other files"], "lists readme.txt");
    fs::copy(
        package.file("daxflush.inf"),
        package.here().join("other.inf"),
    )
    .unwrap();
    sign_list(&["other.inf"]);
    package.fails(
        &["INF in catalog", "catalog's other files"],
        "calls it other.inf",
    );
}

#[test]
fn a_catalog_that_nobody_signed_is_taken_only_if_so_said() {
    let package = Package::new();
    fs::copy(
        package.here().join("unsigned.cat"),
        package.file("daxflush.cat"),
    )
    .unwrap();
    package.fails(&["catalog's signature"], "--unsigned");
    succeed(package.here(), &["verify", "--unsigned", "package"]);
}

#[test]
fn a_folder_that_is_no_package_is_refused() {
    let package = Package::new();
    fs::remove_file(package.file("daxctl.exe")).unwrap();
    let said = refuse(package.here(), &["verify", "package"]);
    assert!(said.contains("daxctl.exe: No such file"), "{said}");
    refuse(package.here(), &["verify"]);
}

//! A folder's archive does not depend on when, and in what order, its files were written.

mod support;

use std::fs;
use std::io::{Cursor, Read};
use std::os::unix::fs::{PermissionsExt, symlink};
use support::{refuse, succeed};

const FILES: [(&str, &str); 4] = [
    ("daxflush.sys", "driver"),
    ("daxctl.exe", "tool"),
    ("docs/b.md", "bb"),
    ("docs/a.md", "a"),
];

#[test]
fn twice_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    for (copy, mode) in [("one", 0o600), ("two", 0o755)] {
        fs::create_dir_all(here.join(copy).join("docs")).unwrap();
        let mut files = FILES;
        if copy == "two" {
            files.reverse();
        }
        for (name, text) in files {
            let path = here.join(copy).join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        }
        succeed(
            here,
            &[
                "zip",
                copy,
                "--out",
                &format!("{copy}.zip"),
                "--date",
                "2026-11-25",
                "--prefix",
                "daxflush",
            ],
        );
    }
    let one = fs::read(here.join("one.zip")).unwrap();
    assert_eq!(one, fs::read(here.join("two.zip")).unwrap());

    let mut archive = zip::ZipArchive::new(Cursor::new(one)).unwrap();
    let names: Vec<_> = archive
        .file_names()
        .map(|name| name.unwrap().into_owned())
        .collect();
    assert_eq!(
        names,
        [
            "daxflush/daxctl.exe",
            "daxflush/daxflush.sys",
            "daxflush/docs/a.md",
            "daxflush/docs/b.md"
        ]
    );
    for (name, expected) in FILES {
        let mut file = archive.by_name(&format!("daxflush/{name}")).unwrap();
        assert_eq!(file.unix_mode(), Some(0o100_644));
        let time = file.last_modified().unwrap();
        assert_eq!(
            (
                time.year(),
                time.month(),
                time.day(),
                time.hour(),
                time.second()
            ),
            (2026, 11, 25, 0, 0)
        );
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, expected);
    }
}

#[test]
fn what_does_not_belong_into_a_package_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    fs::create_dir(here.join("package")).unwrap();
    let zip =
        |out: &str, date: &str| refuse(here, &["zip", "package", "--out", out, "--date", date]);
    assert!(zip("x.zip", "2026-11-25").contains("no file in this folder"));
    fs::write(here.join("package/a"), "a").unwrap();
    assert!(zip("package/x.zip", "2026-11-25").contains("write the archive elsewhere"));
    assert!(zip("x.zip", "1979-12-31").contains("from 1980 to 2049"));
    assert!(zip("x.zip", "11/25/2026").contains("YYYY-MM-DD"));
    symlink("a", here.join("package/b")).unwrap();
    assert!(zip("x.zip", "2026-11-25").contains("package/b: is neither a file nor a folder"));
    assert!(!here.join("x.zip").exists());
    let said = refuse(
        here,
        &["zip", "absent", "--out", "x.zip", "--date", "2026-11-25"],
    );
    assert!(said.contains("absent: "), "{said}");
}

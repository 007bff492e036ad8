//! The deliberately broken drivers, each of which the corpus must find.

use daxflush_fuzz::target::Target;
use std::{env, fs, path::Path, process::Command};

/// Runs in a process of its own, with the driver that the environment names.
#[test]
#[ignore = "a part of the other test"]
fn the_corpus() {
    let target = Target::named("ioctl").expect("a target");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/ioctl");
    for file in fs::read_dir(folder).expect("a corpus") {
        let input = fs::read(file.expect("an entry").path()).expect("an input");
        target.run(&input);
    }
}

#[test]
fn every_broken_driver_is_found() {
    let drivers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/driver");
    for fault in [
        "skip-line",
        "omit-drain",
        "mark-before-write",
        "write-layout",
    ] {
        let driver = drivers.join(format!("fault-{fault}/daxflush.sys"));
        assert!(
            driver.exists(),
            "run scripts/build-driver --features fault-{fault}"
        );
        let mut corpus = Command::new(env::current_exe().expect("this program"));
        corpus.args(["--exact", "the_corpus", "--ignored", "--nocapture"]);
        let done = corpus.env("DAXFLUSH_SYS", driver).output();
        let done = done.expect("the corpus runs");
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(!done.status.success(), "{fault} was not found");
        assert!(said.contains("P1: "), "{fault}: {said}");
    }
}

//! Fuzzing: what is done with an input, for libFuzzer (`fuzz_targets`, scripts/fuzz) and for a plain
//! test that goes through the corpus (`tests`).

mod bits;
pub mod dirty_map;
pub mod failure;
pub mod inf;
pub mod ioctl;
pub mod loader;
pub mod program;
pub mod protocol;
pub mod target;
pub mod trace_text;

#[path = "../../harness/src/trace/mod.rs"]
#[allow(missing_docs, reason = "another crate's")]
pub mod trace;

use std::path::PathBuf;

/// The shipped driver, or the one that `DAXFLUSH_SYS` names.
///
/// # Panics
/// It was not built.
pub(crate) fn driver() -> PathBuf {
    if let Some(path) = std::env::var_os("DAXFLUSH_SYS") {
        return path.into();
    }
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/driver/daxflush.sys");
    let shown = path.display();
    assert!(
        path.exists(),
        "{shown} is missing: run scripts/build-driver"
    );
    path
}

//! What libFuzzer's programs share.

use crate::target::Target;

/// Does what a target does with an input.
///
/// # Panics
/// Something is wrong.
pub fn run(name: &str, input: &[u8]) {
    let target = Target::named(name);
    target.expect("a target").run(input);
}

/// Tells scripts/fuzz how many blocks of the driver were reached, in the file that
/// `DAXFLUSH_FUZZ_BLOCKS` names.
///
/// # Panics
/// The file cannot be written.
pub fn reached(reached: usize, blocks: usize) {
    if let Some(path) = std::env::var_os("DAXFLUSH_FUZZ_BLOCKS") {
        std::fs::write(path, format!("{reached} {blocks}\n")).expect("the file of blocks");
    }
}

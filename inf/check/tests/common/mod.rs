//! The real INX, stamped.

use inf_check::{stamp::Stamp, target::Architecture};

/// The INX that ships.
pub const INX: &str = include_str!("../../../daxflush.inx");

/// An INF of an INX.
pub fn stamped(inx: &str, architecture: Architecture) -> Vec<u8> {
    let stamp = Stamp::new(architecture, "07/01/2025", "0.1.0.0").expect("a date and a version");
    stamp.apply(inx.as_bytes()).expect("a [Version] section")
}

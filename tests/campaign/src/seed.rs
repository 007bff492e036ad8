//! Seeds on the command line.

use std::num::ParseIntError;

/// A number, decimal or with 0x, as the page of a failure has it.
///
/// # Errors
/// It is none.
pub fn parse(text: &str) -> Result<u64, ParseIntError> {
    text.strip_prefix("0x")
        .map_or_else(|| text.parse(), |digits| u64::from_str_radix(digits, 16))
}

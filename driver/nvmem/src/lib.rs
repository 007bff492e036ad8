//! The Rtl*NonVolatile* family: tokens, flushes and drains of persistent memory.
//!
//! [`NvMemory`] is the whole interface. It is made for a `static`, chooses the flush method once,
//! and hands out tokens for mapped regions. Every range of a flush is checked against its token's
//! region before the first cache line is touched: a refused call flushes nothing.
//!
//! | job | file |
//! |---|---|
//! | the routines | `flush.rs` |
//! | the chosen method and the tokens | `memory.rs`, `guard.rs` |
//! | how the bytes of a write or fill travel | `copy.rs` |
//! | tokens, and the table that validates them | `token.rs`, `slot.rs`, `table.rs`, `siphash.rs` |
//! | ranges, cache lines, bounds | `range.rs` |
//! | choosing the method | `method.rs` |
//! | instruction loops, C entry points, and all unsafe code | `arch/` |
//! | why each fence is where it is | [`ordering`] |
//!
//! Differences from Windows are in the strict direction only: a forged, freed, truncated or
//! foreign token and a range outside the token's region are refused.

#![no_std]

#[cfg(test)]
extern crate std;

#[cfg(not(target_pointer_width = "64"))]
compile_error!("the non-volatile memory routines exist on 64-bit Windows only");

mod arch;
mod copy;
mod error;
mod flags;
mod flush;
mod guard;
mod memory;
mod method;
mod range;
mod siphash;
mod slot;
mod table;
mod token;

#[cfg(test)]
mod tests;

#[cfg(feature = "c-abi")]
pub use arch::exports;

#[doc = include_str!("arch/ordering.md")]
pub mod ordering {}

pub use error::Error;
pub use flags::{FlushFlags, WriteFlags};
pub use guard::TokenGuard;
pub use memory::NvMemory;
pub use method::{Features, Method};
pub use range::NvMemoryRange;
pub use token::NvToken;

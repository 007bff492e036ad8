//! The client library for C. `include/daxflush.h` says what each function does.
#![deny(unsafe_code)]
#![cfg(any(windows, all(target_os = "linux", target_arch = "x86_64")))]

#[allow(
    unsafe_code,
    reason = "pointers of C programs and exported names, and nothing else"
)]
mod exports;
mod failure;
mod machine;

pub use exports::*;
pub use machine::Machine;

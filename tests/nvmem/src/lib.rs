//! What the nvmem routines execute, seen and judged.
//!
//! - [`oracle`] makes every flush, fence and non-temporal store of this process trap, and records
//!   it. It sees what is executed, whoever's code that is, and knows nothing of nvmem.
//! - [`arena`] is memory with guard pages around it and a 4 GiB boundary in the middle.
//! - [`cases`] are random calls, [`model`] says what each must have done, from the documentation
//!   alone, and [`run`] plays cases against an [`api::Api`]: the Rust API or, through C, the
//!   exported routines.
//!
//! x86-64 and AArch64 Linux; the latter also under qemu's user mode.

#[cfg(not(target_os = "linux"))]
compile_error!("the oracle uses Linux signals");

pub mod api;
pub mod arena;
pub mod cases;
pub mod model;
pub mod oracle;
pub mod run;

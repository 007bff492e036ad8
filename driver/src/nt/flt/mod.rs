//! The part of fltkernel.h that the driver uses, written from the driver reference: `wdk-sys` has
//! no Filter Manager. Every offset below is asserted against [`layout`], and that table against an
//! independent C transcription by tests/gates.

#![allow(
    non_camel_case_types,
    non_snake_case,
    reason = "Windows names keep Windows spelling"
)]

mod constants;
mod imports;
#[macro_use]
mod layout;
mod parameters;
mod registration;

pub use constants::*;
pub use imports::*;
pub use parameters::*;
pub use registration::*;

use core::ffi::c_void;

/// An opaque filter.
pub type PFLT_FILTER = *mut c_void;
/// An opaque volume.
pub type PFLT_VOLUME = *mut c_void;
/// An opaque instance.
pub type PFLT_INSTANCE = *mut c_void;
/// A context's memory.
pub type PFLT_CONTEXT = *mut c_void;
/// An opaque deferred work item.
pub type PFLT_DEFERRED_IO_WORKITEM = *mut c_void;

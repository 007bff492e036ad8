//! A simulated NT kernel that loads the shipped daxflush.sys into a Linux process.
//!
//! [`Sim`] boots a machine with persistent memory, mounts volumes on it, loads a minifilter and
//! offers what a user-mode program would call. The kernel's routines follow the public driver
//! reference, whose pages they name; structures are written from it byte by byte (`nt.rs`) and
//! shared with no driver. Every flush instruction the driver executes is seen by [`ntsim_machine`].

mod contexts;
mod dispatch;
mod files;
mod filter;
mod imports;
mod io;
mod kernel;
mod nt;
mod objects;
mod pool;
mod power;
mod push_locks;
mod registry;
mod sections;
mod status;
mod thread;
mod user;

pub use kernel::{Sim, SimError, SimOptions, Violation, VolumeOptions};
pub use ntsim_machine::oracle::{AuditReport, Event, EventKind, Observed};
pub use objects::Handle;
pub use power::{CutPolicy, PowerCut};
pub use status::NtStatus;
pub use user::{Access, Disposition, FileId, FsEvent, MappedView};

//! A simulated NT kernel that loads the shipped daxflush.sys into a Linux process.
//!
//! [`Sim`] boots a machine with persistent memory, mounts volumes on it, loads a minifilter and
//! offers what a user-mode program would call. The kernel's routines follow the public driver
//! reference, whose pages they name; structures are written from it byte by byte (`nt.rs`) and
//! shared with no driver. Every flush instruction the driver executes is seen by [`ntsim_machine`].

mod call_hook;
mod callback_data;
mod calls;
mod clock;
mod completion;
mod contexts;
mod count;
mod deferred;
mod device_open;
mod device_requests;
mod dispatch;
mod error_log;
mod etw;
mod failures;
mod files;
mod filter;
mod held;
mod imports;
mod instance;
mod io;
mod irps;
mod kernel;
mod lock_order;
mod locks;
mod names;
mod nt;
mod objects;
mod outstanding;
mod pnp;
mod pool;
mod power;
mod process;
mod push_locks;
mod registry;
mod schedule;
mod sections;
mod security;
mod service;
mod status;
#[cfg(test)]
mod tests;
mod thread;
mod user;
mod violation;

pub use count::Count;
pub use error_log::ErrorLogEntry;
pub use etw::{TraceEvent, TraceValue};
pub use failures::FailingPoint;
pub use held::Held;
pub use kernel::{Sim, SimError, SimOptions, VolumeOptions};
pub use ntsim_machine::coverage::Coverage;
pub use ntsim_machine::oracle::{AuditReport, Event, EventKind, Observed};
pub use objects::Handle;
pub use power::{CutPolicy, JournalEntry, Journaled, PowerCut};
pub use registry::ParameterValue;
pub use schedule::{
    NoSchedule, Policy, Preemptions, Program, ScheduleOptions, SchedulePoint, ScheduleReport,
    Switches, scheduling_point,
};
pub use sections::SharedView;
pub use security::User;
pub use status::NtStatus;
pub use thread::as_user;
pub use user::{
    Access, CreateFileOptions, Disposition, FileId, FlushKind, FsEvent, MappedView, MdlWrite,
    WriteOptions,
};
pub use violation::Violation;

//! A client of daxflush: files that are stored to through mapped views and committed.
//!
//! [`DaxFile`] is the whole of it for most programs; how the driver learns what was stored is its
//! [`Recording`]. What differs between the simulator and a Windows machine is a [`Platform`].

mod code;
mod device;
mod error;
mod file;
mod first_writes;
mod recorder;
mod ring;
#[allow(
    unsafe_code,
    reason = "addresses, faults and system calls, and nothing else"
)]
mod sys;
mod word;

pub use code::{Code, Coded};
pub use device::{Device, Scope};
pub use error::ClientError;
pub use file::DaxFile;
pub use first_writes::{FirstWrites, Pages};
pub use recorder::Recording;
pub use ring::{Append, BadRing, Ring};
pub use sys::{
    DeviceAccess, FaultHandler, MAX_REGIONS, Mapping, PAGE, Platform, Tracked, View, store,
};
#[cfg(target_os = "linux")]
pub use sys::{NoView, Remote, RemoteHandle, Simulated};
#[cfg(windows)]
pub use sys::{Session, Windows};
pub use word::Word;

//! daxflush.sys: a minifilter that makes commits on DAX volumes cost what was changed.
//!
//! Operation callbacks record which cache lines of a stream were dirtied ([`filter`]); commit
//! points flush exactly those through a mapped view. [`control`] is the door for programs, and
//! [`nt`] the only place that talks to the kernel.
#![no_std]

extern crate alloc;
extern crate wdk_panic;

mod control;
mod filter;
mod nt;
mod settings;

use control::Daxctl;
use daxflush_protocol as protocol;
use filter::{Daxflush, Watched};
use nt::{name::Name, registry::ServiceKey, status::NtStatus};
use settings::SETTINGS;
use wdk_alloc::WdkAllocator;

#[global_allocator]
static ALLOCATOR: WdkAllocator = WdkAllocator;

const DEVICE_NAME: Name<{ protocol::DEVICE_NAME.len() }> = Name::ascii(protocol::DEVICE_NAME);
const LINK_NAME: Name<{ protocol::LINK_NAME.len() }> = Name::ascii(protocol::LINK_NAME);

/// Starts the driver: everything is in place when it returns, or nothing is.
fn start(driver: &mut wdk_sys::DRIVER_OBJECT, service: ServiceKey) -> Result<(), NtStatus> {
    settings::read(service);
    filter::prepare();
    nt::prepare_memory(driver, &SETTINGS)
        .and_then(|()| nt::register::<Daxflush, Watched, Daxctl>(driver))
        .inspect_err(|_| filter::discard())
}

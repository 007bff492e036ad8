//! Who asks and what may be done: users with their identifiers, and access checks of devices.

mod access;
mod exports;
mod native;
mod sid;

pub use access::User;
pub(crate) use access::{Acl, Security, WRITE_DAC, map_generic};
pub(crate) use exports::SeExports;
pub(crate) use native::{
    add_allowed, create_acl, create_descriptor, length_of_sid, read_dacl, set_dacl,
};
pub(crate) use sid::Sid;

//! The control device's door: every request, valid and not, by everybody.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod access;
mod capabilities;
mod closing;
mod handles;
mod lengths;
mod limits;

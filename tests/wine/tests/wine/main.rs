//! One machine is made for all, and each test has a copy of it.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod battery;
mod c_client;
mod install;
mod programs;

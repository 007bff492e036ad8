//! A machine with the shipped driver whose files are modelled: at each commit the power is cut, after
//! it and at each instruction of it, and what survives is compared with what must.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod control;
pub mod costs;
mod lists;
pub mod mixed;
mod power;
pub mod scene;
mod settings;
mod tokens;
mod world;

pub use control::Client;
pub use lists::Page;
pub use world::{Scope, World, driver, whole};

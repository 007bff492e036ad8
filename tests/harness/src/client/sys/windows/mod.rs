//! A Windows machine as a platform, and its faults.

mod fault;
mod platform;

pub use fault::{change_protection, install};
pub use platform::Windows;

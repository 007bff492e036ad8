//! A Windows machine as a platform, and its faults.

mod etw;
mod fault;
mod platform;
mod tdh;

pub use etw::Session;
pub use fault::{change_protection, install};
pub use platform::Windows;

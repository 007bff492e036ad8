//! daxctl's commands, as a person or a script uses them.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod run;

mod answers;
mod bench;
mod colors;
mod exit;
mod machine;
mod parse;
mod prometheus;
mod socket;
mod stress;

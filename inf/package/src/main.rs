//! daxflush-package: steps of packaging the driver on Linux.
#![forbid(unsafe_code)]

use clap::Parser;
use daxflush_package::cli::Arguments;
use std::process::ExitCode;

fn main() -> ExitCode {
    match Arguments::parse().run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("daxflush-package: {error}");
            ExitCode::from(2)
        }
    }
}

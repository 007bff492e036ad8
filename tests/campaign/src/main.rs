//! `campaign`: runs campaigns on the shipped driver and prints their figures.

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Long searches for lost durability and broken rules in the shipped driver.
///
/// Exit status: 0 all is well; 1 something failed, and a page for each failure was written; 2 bad
/// usage, or the driver is not built.
#[derive(Parser)]
#[command(name = "campaign")]
struct Arguments {
    /// Prints the figures as JSON.
    #[arg(long, global = true)]
    json: bool,
    /// Where a page for each failure goes.
    #[arg(
        long,
        global = true,
        default_value = "target/campaign",
        value_name = "FOLDER"
    )]
    pages: std::path::PathBuf,
    #[command(subcommand)]
    campaign: Campaign,
}

#[derive(Subcommand)]
enum Campaign {}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.campaign {}
}

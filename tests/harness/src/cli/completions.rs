//! `daxctl completions`.

use super::failure::Outcome;
use clap::CommandFactory;
use clap_complete::Shell;
use std::process::ExitCode;

/// What it takes.
#[derive(clap::Args)]
pub struct Arguments {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Writes the script to the standard output.
pub fn write(arguments: &Arguments) -> Outcome {
    let mut command = super::Arguments::command();
    clap_complete::generate(
        arguments.shell,
        &mut command,
        "daxctl",
        &mut std::io::stdout(),
    );
    Ok(ExitCode::SUCCESS)
}

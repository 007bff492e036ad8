//! `daxflush-campaign`: runs campaigns on the shipped driver and prints their figures.

use clap::{Parser, Subcommand};
use daxflush_campaign::{Figures, crash, failures, report, schedules};
use std::process::ExitCode;

/// Long searches for lost durability and broken rules in the shipped driver.
///
/// Exit status: 0 all is well; 1 something failed, and a page for each failure was written; 2 bad
/// usage, or the driver is not built.
#[derive(Parser)]
#[command(name = "daxflush-campaign")]
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
enum Campaign {
    Crashes(crash::Arguments),
    Failures(failures::Arguments),
    Schedules(schedules::Arguments),
}

/// Pages that are named; the others are beside them.
const TOLD: usize = 10;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let figures = match &arguments.campaign {
        Campaign::Crashes(crashes) if crashes.list => {
            print!("{}", crash::list());
            return ExitCode::SUCCESS;
        }
        Campaign::Failures(failing) if failing.list => {
            print!("{}", failures::list());
            return ExitCode::SUCCESS;
        }
        Campaign::Failures(failing) => failures::run(failing),
        Campaign::Crashes(crashes) => crash::run(crashes).map_err(|error| error.to_string()),
        Campaign::Schedules(schedules) if schedules.list => {
            print!("{}", schedules::list());
            return ExitCode::SUCCESS;
        }
        Campaign::Schedules(arguments) => {
            schedules::run(arguments).map_err(|error| error.to_string())
        }
    };
    match figures.and_then(|figures| tell(&figures, &arguments)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// Prints the figures, and writes a page for each failure.
fn tell(figures: &Figures, arguments: &Arguments) -> Result<ExitCode, String> {
    if arguments.json {
        println!("{}", figures.json());
    } else {
        print!("{figures}");
    }
    let pages = report::write_pages(&arguments.pages, figures);
    let pages = pages.map_err(|error| format!("{}: {error}", arguments.pages.display()))?;
    for page in pages.iter().take(TOLD) {
        eprintln!("a failure: {}", page.display());
    }
    if pages.len() > TOLD {
        eprintln!("and {} more beside them", pages.len() - TOLD);
    }
    Ok(if pages.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

//! `inf-gate`: stamps and checks the driver's INF.

use clap::{Parser, Subcommand, ValueEnum};
use inf_check::{
    check,
    finding::{Finding, Rule},
    parse::Inf,
    stamp::Stamp,
    target::Architecture,
};
use serde_json::json;
use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Stamps the driver's INX and checks the INF against the documented rules.
///
/// Exit status: 0 fine, 1 rules are broken, 2 bad usage or input.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Tells each broken rule: file:line: rule: what to do.
    Check {
        /// The INF, after stamping.
        file: PathBuf,
        /// The architecture that it is for.
        #[arg(long, value_enum, default_value_t = Arch::Amd64)]
        arch: Arch,
        /// JSON instead of lines: file, line, code, rule, page and advice of each.
        #[arg(long)]
        json: bool,
    },
    /// Makes an INF for one architecture, as stampinf does.
    Stamp {
        /// The INX.
        input: PathBuf,
        /// What $ARCH$ becomes.
        #[arg(long, value_enum)]
        arch: Arch,
        /// The date for DriverVer: MM/DD/YYYY.
        #[arg(long)]
        date: String,
        /// The version for DriverVer: W.X.Y.Z.
        #[arg(long)]
        version: String,
        /// Where the INF goes.
        #[arg(long)]
        out: PathBuf,
    },
    /// Lists the rules with their pages of the documentation.
    Rules,
}

#[derive(Clone, Copy, ValueEnum)]
enum Arch {
    Amd64,
    Arm64,
}

impl From<Arch> for Architecture {
    fn from(arch: Arch) -> Self {
        match arch {
            Arch::Amd64 => Self::Amd64,
            Arch::Arm64 => Self::Arm64,
        }
    }
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Check { file, arch, json } => check_file(&file, arch.into(), json),
        Command::Stamp {
            input,
            arch,
            date,
            version,
            out,
        } => stamp(&input, arch.into(), &date, &version, &out),
        Command::Rules => list_rules(),
    };
    done.unwrap_or_else(|message| {
        eprintln!("inf-gate: {message}");
        ExitCode::from(2)
    })
}

fn check_file(file: &Path, architecture: Architecture, json: bool) -> Result<ExitCode, String> {
    let inf = Inf::parse(&read(file)?);
    let findings = check(&inf, architecture);
    if json {
        let findings: Vec<_> = findings
            .iter()
            .map(|finding| record(file, finding))
            .collect();
        print(&format!("{:#}\n", json!(findings)))?;
    } else {
        let lines: String = findings.iter().map(|finding| line(file, finding)).collect();
        print(&lines)?;
    }
    Ok(if findings.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn line(file: &Path, finding: &Finding) -> String {
    let rule = finding.rule.label();
    format!(
        "{}:{}: {rule}: {}\n",
        file.display(),
        finding.line,
        finding.advice
    )
}

fn record(file: &Path, finding: &Finding) -> serde_json::Value {
    json!({
        "file": file.display().to_string(),
        "line": finding.line,
        "code": finding.rule.code,
        "rule": finding.rule.name,
        "page": finding.rule.page,
        "advice": finding.advice,
    })
}

fn stamp(
    input: &Path,
    architecture: Architecture,
    date: &str,
    version: &str,
    out: &Path,
) -> Result<ExitCode, String> {
    let stamp = Stamp::new(architecture, date, version).map_err(|error| error.to_string())?;
    let inf = stamp
        .apply(&read(input)?)
        .map_err(|error| format!("{}: {error}", input.display()))?;
    fs::write(out, inf).map_err(|error| format!("{}: {error}", out.display()))?;
    Ok(ExitCode::SUCCESS)
}

fn list_rules() -> Result<ExitCode, String> {
    let line = |rule: &Rule| format!("{}\t{}\n", rule.label(), rule.page);
    let lines: String = inf_check::rules::all().map(line).collect();
    print(&lines)?;
    Ok(ExitCode::SUCCESS)
}

/// Whoever reads may stop reading.
fn print(text: &str) -> Result<(), String> {
    let mut output = io::stdout().lock();
    output
        .write_all(text.as_bytes())
        .map_err(|error| error.to_string())
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    fs::read(file).map_err(|error| format!("{}: {error}", file.display()))
}

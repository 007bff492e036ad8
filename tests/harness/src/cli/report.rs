//! `daxctl report`.

use super::{
    Common,
    failure::{Failure, Outcome},
    files::OpenFile,
    number,
    output::{json, say},
    progress,
    site::{self, Site, Visit},
};
use crate::{
    client::{Coded, Platform},
    html::{DeviceFile, DirtyCells, LiveOptions, ReportData, collect_live, page},
    watch::DeviceSource,
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

/// What it takes.
#[derive(clap::Args)]
pub struct Arguments {
    /// A storage trace to replay in a simulated machine; without one, the driver is looked at for a while
    #[arg(conflicts_with_all = ["from", "seconds", "file"])]
    trace: Option<PathBuf>,
    /// Where the page goes
    #[arg(
        long,
        short,
        value_name = "FILE",
        default_value = "daxflush-report.html"
    )]
    output: PathBuf,
    /// Keep what the page shows as JSON, too
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Make the page of what --data has kept
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seconds", "file"])]
    from: Option<PathBuf>,
    /// How often the replay cuts the power
    #[arg(long, value_name = "N", default_value_t = 0)]
    power_cuts: u64,
    /// Chooses where the power is cut and what survives
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// How the replay's driver learns what is stored through mapped views
    #[arg(long, value_name = "WAY", value_enum, default_value_t)]
    mapped: crate::mapped::Mapped,
    /// For how long to look at the driver
    #[arg(long, value_name = "S", default_value_t = 30)]
    seconds: u64,
    /// A file whose dirty lines are shown as a map, which you may write
    #[arg(long, value_name = "FILE")]
    file: Option<String>,
    /// Its size, or how much of it is shown
    #[arg(long, value_name = "SIZE", value_parser = number::size, default_value = "16M")]
    bytes: u64,
}

/// Collects what the page shows, and writes it.
pub fn run(common: &Common, arguments: Arguments) -> Outcome {
    if let Some(from) = &arguments.from {
        let text = fs::read_to_string(from).map_err(|error| unusable(from, &error))?;
        let data = serde_json::from_str(&text).map_err(|error| unusable(from, &error))?;
        return write(&data, &arguments, common.json);
    }
    match &arguments.trace {
        Some(trace) => {
            let data = replayed(trace, common, &arguments)?;
            write(&data, &arguments, common.json)
        }
        None => site::visit(common, arguments),
    }
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(format_args!("{}: {error}", path.display()))
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn replayed(trace: &Path, common: &Common, arguments: &Arguments) -> Result<ReportData, Failure> {
    use crate::{html::collect_replay, replay::Options, trace};
    let read = trace::read(trace)?;
    let bar = progress::operations(read.steps.len());
    let options = Options {
        driver: common.driver.clone(),
        power_cuts: arguments.power_cuts,
        seed: arguments.seed,
        interleave: 0,
        mapped: arguments.mapped,
        log_entries: daxflush_protocol::MAX_LOG_ENTRIES,
    };
    let collected = collect_replay(&read, &options, &mut |done| bar.set_position(done as u64));
    bar.finish_and_clear();
    Ok(collected?.data)
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn replayed(trace: &Path, _: &Common, _: &Arguments) -> Result<ReportData, Failure> {
    Err(unusable(
        trace,
        &"cannot be replayed here: the simulator runs on Linux on x86-64",
    ))
}

impl Visit for Arguments {
    fn on<P: Platform>(self, site: &Site<'_, P>) -> Outcome
    where
        P::Error: Coded,
    {
        let source = DeviceSource::open(site.platform.clone());
        let mut source = source.map_err(|error| Failure::of("the control device", &error))?;
        let device = site.device()?;
        let open = self.file.as_deref();
        let open = open.map(|path| OpenFile::new(&site.platform, path));
        let open = open.transpose()?;
        let mut map = open.as_ref().map(|file| DeviceFile {
            device: &device,
            file: file.handle(),
            name: self.file.clone().unwrap_or_default(),
            bytes: self.bytes,
        });
        let options = LiveOptions {
            duration: Duration::from_secs(self.seconds.max(1)),
            interval: Duration::from_millis((self.seconds.max(1) * 10).clamp(100, 1000)),
        };
        let bar = progress::seconds(self.seconds);
        let map = map.as_mut().map(|map| map as &mut dyn DirtyCells);
        let data = collect_live(&mut source, map, &options, &mut |wait| {
            std::thread::sleep(wait);
            bar.tick();
            bar.set_position(bar.elapsed().as_secs());
            true
        });
        bar.finish_and_clear();
        write(&data?, &self, site.json)
    }
}

/// Writes the page, and the data if asked for. 1 if something is wrong with what was run.
fn write(data: &ReportData, arguments: &Arguments, as_json: bool) -> Outcome {
    let html = page(data)?;
    let output = &arguments.output;
    fs::write(output, html).map_err(|error| unusable(output, &error))?;
    if let Some(path) = &arguments.data {
        let text = serde_json::to_string_pretty(data)?;
        fs::write(path, text).map_err(|error| unusable(path, &error))?;
    }
    if as_json {
        json(data)?;
    } else {
        say!("{}: open it in a browser", output.display());
    }
    data.faults
        .iter()
        .for_each(|fault| anstream::eprintln!("daxctl: {fault}"));
    Ok(if data.faults.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

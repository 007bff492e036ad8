//! Recording from the driver's events.

use super::summary::{Missed, Summary};
use crate::{
    cli::{
        failure::{Failure, Outcome},
        site::{Site, Visit},
    },
    client::{Coded, Device, Platform},
    events::Events,
    from_events::FromEvents,
    trace::TraceWriter,
};
use daxflush_protocol::Setting;
use std::{
    path::PathBuf,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// What it takes.
#[derive(clap::Args)]
pub struct Arguments {
    /// The trace to write; gzip if it ends in .gz
    #[arg(long, short, value_name = "FILE")]
    pub output: PathBuf,
    /// Record only files whose names begin so, as in \Device\HarddiskVolume3\folder; may be given
    /// several times. Files are known from when they are opened
    #[arg(long, value_name = "PREFIX")]
    pub watch: Vec<String>,
    /// End after so many seconds; else with ctrl-C
    #[arg(long, value_name = "S")]
    pub seconds: Option<u64>,
}

/// The level at which the driver tells of every write.
const EVERYTHING: u32 = 5;
/// How long one look for events waits.
const WAIT: Duration = Duration::from_millis(200);

impl Visit for Arguments {
    fn on<P: Platform>(self, site: &Site<'_, P>) -> Outcome
    where
        P::Error: Coded,
    {
        let mut writer = TraceWriter::create(&self.output)?;
        let end = Arc::new(AtomicBool::new(false));
        let asked = end.clone();
        ctrlc::set_handler(move || asked.store(true, Relaxed))?;
        let device = site.administration()?;
        // Listened to first, so that the first open is not missed.
        let mut source = site.events()?;
        let level = Level::raise(&device)?;
        let mut from = FromEvents::watching(&self.watch);
        let over = |begun: Instant| {
            let seconds = self.seconds;
            end.load(Relaxed) || seconds.is_some_and(|most| begun.elapsed().as_secs() >= most)
        };
        let begun = Instant::now();
        while !over(begun) {
            take(&mut *source, WAIT, &mut from, &mut writer)?;
        }
        // What was told until now; a source that tells on must not keep it from ending.
        take(&mut *source, WAIT, &mut from, &mut writer)?;
        let lost = source.lost();
        drop(source);
        level.restore()?;
        let written = writer.finish()?;
        let missed = [
            (lost, "events that were lost, because there were too many"),
            (
                from.unknown(),
                "operations on files that were open before the recording",
            ),
        ];
        let missed = missed.into_iter().filter(|(times, _)| *times != 0);
        let summary = Summary {
            trace: self.output,
            program: None,
            operations: written.counts.operations(),
            counts: written.counts,
            files: Vec::new(),
            missed: missed
                .map(|(times, what)| Missed {
                    what: what.into(),
                    times,
                })
                .collect(),
            changes: written.changes,
            interrupted: end.load(Relaxed),
        };
        summary.show(site.json)?;
        Ok(ExitCode::SUCCESS)
    }
}

fn take(
    source: &mut dyn Events,
    wait: Duration,
    from: &mut FromEvents,
    writer: &mut TraceWriter,
) -> Result<(), Failure> {
    for event in source.next(wait)? {
        from.take(&event, writer);
    }
    Ok(())
}

/// The trace level, raised until it is restored or dropped.
struct Level<'a, P: Platform> {
    device: &'a Device<P>,
    before: Option<u32>,
}

impl<'a, P: Platform> Level<'a, P>
where
    P::Error: Coded,
{
    fn raise(device: &'a Device<P>) -> Result<Self, Failure> {
        let failed = |error| Failure::of("the trace level", &error);
        let settings = device.settings().map_err(failed)?;
        let mut settings = settings.iter();
        let level = settings.find(|record| record.setting == Setting::TraceLevel as u32);
        device.trace(EVERYTHING).map_err(failed)?;
        Ok(Self {
            device,
            before: level.map(|record| record.value),
        })
    }

    fn restore(mut self) -> Result<(), Failure> {
        let Some(before) = self.before.take() else {
            return Ok(());
        };
        let set = self.device.trace(before);
        set.map_err(|error| Failure::of("the trace level", &error))?;
        Ok(())
    }
}

impl<P: Platform> Drop for Level<'_, P> {
    fn drop(&mut self) {
        if let Some(before) = self.before {
            // The failure that has ended the recording is told, not this one.
            let _ = self.device.trace(before);
        }
    }
}

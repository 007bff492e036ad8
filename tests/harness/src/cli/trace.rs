//! `daxctl trace`.

use super::{
    failure::{Failure, Outcome},
    output::{BAD, HEAD, WARN, say},
    site::{Site, Visit},
};
use crate::{
    client::{Coded, Platform},
    events::Event,
};
use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

/// What it takes.
#[derive(clap::Args)]
pub struct Arguments {
    /// Which events the driver writes: 0 none, 1 critical, 2 errors, 3 warnings, 4 commits and volumes, 5
    /// every write too. Stays so when this command has ended; for administrators
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=5))]
    level: Option<u32>,
    /// End after so many seconds; else with ctrl-C
    #[arg(long, value_name = "S")]
    seconds: Option<u64>,
    /// End after so many events
    #[arg(long, value_name = "N")]
    events: Option<u64>,
    /// Only events with these names
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<String>,
}

/// How long one look for events waits.
const WAIT: Duration = Duration::from_millis(200);

impl Visit for Arguments {
    fn on<P: Platform>(self, site: &Site<'_, P>) -> Outcome
    where
        P::Error: Coded,
    {
        if let Some(level) = self.level {
            let set = site.administration()?.trace(level);
            set.map_err(|error| Failure::of("the trace level", &error))?;
            if level == 0 {
                return Ok(ExitCode::SUCCESS);
            }
        }
        let mut source = site.events()?;
        let begun = Instant::now();
        let (mut shown, mut lost) = (0, 0);
        loop {
            for event in source.next(WAIT)? {
                let wanted = self.only.is_empty()
                    || self
                        .only
                        .iter()
                        .any(|name| name.eq_ignore_ascii_case(&event.name));
                if !wanted || self.events.is_some_and(|most| shown >= most) {
                    continue;
                }
                show(&event, site.json)?;
                shown += 1;
            }
            let missed = source.lost() - lost;
            if missed != 0 {
                lost += missed;
                anstream::eprintln!("daxctl: {missed} events were lost");
            }
            let over = self
                .seconds
                .is_some_and(|most| begun.elapsed().as_secs() >= most);
            if over || self.events.is_some_and(|most| shown >= most) {
                return Ok(ExitCode::SUCCESS);
            }
        }
    }
}

/// A line for each, as JSON or for people.
fn show(event: &Event, json: bool) -> Result<(), Failure> {
    if json {
        let fields = event.fields.iter();
        let fields: serde_json::Map<_, _> = fields
            .map(|(name, value)| (name.clone(), value.to_json()))
            .collect();
        let line = serde_json::json!({
            "name": event.name,
            "level": event.level,
            "keyword": event.keyword,
            "time_100ns": event.time,
            "fields": fields,
        });
        say!("{line}");
        return Ok(());
    }
    let style = match event.level {
        0..=2 => BAD,
        3 => WARN,
        _ => HEAD,
    };
    let fields = event.fields.iter();
    let fields: Vec<_> = fields
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let seconds = event.time as f64 / 1e7;
    say!(
        "{seconds:>12.6} {style}{:<12}{style:#} {}",
        event.name,
        fields.join(" ")
    );
    Ok(())
}

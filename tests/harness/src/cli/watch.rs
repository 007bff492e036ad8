//! `daxctl watch`.

use super::{
    failure::{Failure, Outcome},
    progress,
    site::{Site, Visit},
};
use crate::{
    client::{Coded, Platform},
    watch::{DeviceSource, Sort, Source, State, WatchOptions, Window, draw, screenshot_svg, watch},
};
use ratatui::{Terminal, backend::TestBackend};
use std::{path::PathBuf, process::ExitCode, time::Duration};

/// What it takes.
#[derive(clap::Args)]
pub struct Arguments {
    /// Seconds between two looks
    #[arg(long, value_name = "S", default_value_t = 1.0)]
    interval: f64,
    /// Which files come first
    #[arg(long, value_enum, default_value_t = Key::Dirty)]
    sort: Key,
    /// Show the times of all commits since the driver's start, and not of those since the last look
    #[arg(long)]
    since_start: bool,
    /// Write what the screen shows after so many looks as a picture (SVG), without a terminal
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
    /// The looks before the picture
    #[arg(long, value_name = "N", default_value_t = 30, requires = "picture")]
    looks: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Key {
    /// Most dirty lines
    Dirty,
    /// Most lines flushed a second
    Lines,
    /// Most commits a second
    Commits,
}

impl Visit for Arguments {
    fn on<P: Platform>(self, site: &Site<'_, P>) -> Outcome
    where
        P::Error: Coded,
    {
        if site.json {
            return Err(Failure::new(
                "a screen is no JSON: `daxctl status --json` is",
            ));
        }
        let interval = Duration::try_from_secs_f64(self.interval);
        let interval = interval
            .ok()
            .filter(|interval| *interval >= Duration::from_millis(100));
        let source = DeviceSource::open(site.platform.clone());
        let mut source = source.map_err(|error| Failure::of("the control device", &error))?;
        let options = WatchOptions {
            interval: interval.ok_or_else(|| Failure::new("--interval is at least 0.1 seconds"))?,
            sort: match self.sort {
                Key::Dirty => Sort::Dirty,
                Key::Lines => Sort::Lines,
                Key::Commits => Sort::Commits,
            },
            window: if self.since_start {
                Window::Start
            } else {
                Window::Interval
            },
            ..WatchOptions::default()
        };
        match &self.picture {
            None => watch(&mut source, &options)?,
            Some(path) => {
                let svg = picture(&mut source, &options, self.looks)?;
                std::fs::write(path, svg)
                    .map_err(|error| Failure::new(format_args!("{}: {error}", path.display())))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Columns and rows of a picture.
const PICTURE: (u16, u16) = (100, 32);

fn picture(source: &mut dyn Source, options: &WatchOptions, looks: u32) -> Result<String, Failure> {
    let mut state = State::new(options);
    let bar = progress::operations(looks as usize);
    for _ in 0..looks {
        std::thread::sleep(options.interval);
        state.take(source.sample());
        bar.inc(1);
    }
    bar.finish_and_clear();
    let mut terminal = Terminal::new(TestBackend::new(PICTURE.0, PICTURE.1))?;
    terminal.draw(|frame| draw(frame, &state))?;
    Ok(screenshot_svg(terminal.backend().buffer()))
}

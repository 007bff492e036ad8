//! A command that runs for a given time: how far it is, and ctrl-C.

use indicatif::{ProgressBar, ProgressStyle};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// Shorter ones need no bar.
const SHORT: Duration = Duration::from_secs(1);
/// Exit status after ctrl-C, as of a shell.
const INTERRUPTED: i32 = 130;

/// The time that is left, shown on a terminal.
pub struct Progress {
    begun: Instant,
    length: Duration,
    bar: ProgressBar,
    stopped: Arc<AtomicBool>,
}

impl Progress {
    /// Begins; ctrl-C ends it before its time, a second one the process.
    pub fn begin(length: Duration) -> Result<Self, super::Failure> {
        let stopped = Arc::new(AtomicBool::new(false));
        let stop = stopped.clone();
        ctrlc::set_handler(move || {
            if stop.swap(true, Relaxed) {
                std::process::exit(INTERRUPTED);
            }
        })?;
        let bar = if length > SHORT {
            // Hidden by itself when the standard error output is no terminal.
            let style = ProgressStyle::with_template("{elapsed} [{bar:40}] {msg}, {eta} left")?;
            let millis = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
            ProgressBar::new(millis).with_style(style.progress_chars("=> "))
        } else {
            ProgressBar::hidden()
        };
        Ok(Self {
            begun: Instant::now(),
            length,
            bar,
            stopped,
        })
    }

    /// Whether it goes on; says what was done so far.
    pub fn goes_on(&self, done: impl FnOnce() -> String) -> bool {
        let elapsed = self.begun.elapsed();
        let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        if !self.bar.is_hidden() {
            self.bar.set_position(millis);
            self.bar.set_message(done());
        }
        elapsed < self.length && !self.stopped.load(Relaxed)
    }

    /// Removes the bar.
    pub fn end(self) {
        self.bar.finish_and_clear();
    }
}

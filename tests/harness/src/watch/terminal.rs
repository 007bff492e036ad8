//! The terminal: samples and keys in, the screen out.

use super::{Flow, Source, SourceError, State, WatchOptions, draw};
use ratatui::{
    DefaultTerminal,
    crossterm::event::{self, Event, KeyEventKind},
};
use std::{
    io::{IsTerminal, stdout},
    time::{Duration, Instant},
};

/// Why there is no screen.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The output is a file or a pipe.
    #[error(
        "the standard output is no terminal; `daxctl status --json` prints the same numbers once"
    )]
    NoTerminal,
    /// The driver does not answer.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The terminal fails.
    #[error("the terminal: {0}")]
    Terminal(#[from] std::io::Error),
}

/// Shows what a source says until the user has had enough.
///
/// # Errors
/// There is no terminal, it fails, or there is not even a first sample.
pub fn watch(source: &mut dyn Source, options: &WatchOptions) -> Result<(), WatchError> {
    if !stdout().is_terminal() {
        return Err(WatchError::NoTerminal);
    }
    let mut state = State::new(options);
    state.take(Ok(source.sample()?));
    let mut sampled = Instant::now();
    let mut screen = Screen::open()?;
    loop {
        screen.terminal.draw(|frame| draw(frame, &state))?;
        // Keys end a wait, so that a pause needs no end of its own.
        let wait = if state.paused() {
            Duration::from_secs(3600)
        } else {
            state.every().saturating_sub(sampled.elapsed())
        };
        if event::poll(wait)?
            && let Event::Key(key) = event::read()?
            && key.kind != KeyEventKind::Release
            && state.key(key) == Flow::Quit
        {
            return Ok(());
        }
        if !state.paused() && sampled.elapsed() >= state.every() {
            sampled = Instant::now();
            state.take(source.sample());
        }
    }
}

/// The terminal as long as it is ours: given back when dropped, and when the program panics.
struct Screen {
    terminal: DefaultTerminal,
}

impl Screen {
    fn open() -> std::io::Result<Self> {
        match ratatui::try_init() {
            Ok(terminal) => Ok(Self { terminal }),
            Err(error) => {
                // It may have got half-way.
                ratatui::restore();
                Err(error)
            }
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

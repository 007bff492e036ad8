//! What the screen shows, and how keys change it.

use super::{
    Sample, SourceError, Stream, WatchOptions,
    interval::{Interval, StreamRates},
    theme::Theme,
};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::{collections::VecDeque, time::Duration};

/// How many samples are remembered: more than any screen is wide.
const REMEMBERED: usize = 1024;
/// What + and - step through, in milliseconds.
const INTERVALS: [u64; 8] = [100, 250, 500, 1000, 2000, 5000, 10_000, 30_000];

/// Which streams are shown first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Those with the most dirty lines.
    #[default]
    Dirty,
    /// Those with the most lines flushed in a second.
    Lines,
    /// Those with the most commits in a second.
    Commits,
}

/// Whose commits the latency histogram shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Window {
    /// Those of the last interval.
    #[default]
    Interval,
    /// All since the driver was loaded.
    Start,
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Yes.
    Continue,
    /// No.
    Quit,
}

/// What is remembered of an interval.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    pub time: Duration,
    pub writes: f64,
    pub commits: f64,
    pub lines: f64,
    pub dirty: u64,
}

/// All that the screen shows.
pub struct State {
    pub(super) sample: Option<Sample>,
    pub(super) interval: Option<Interval>,
    pub(super) history: VecDeque<Point>,
    pub(super) error: Option<String>,
    pub(super) sort: Sort,
    pub(super) window: Window,
    pub(super) every: Duration,
    pub(super) paused: bool,
    pub(super) help: bool,
    pub(super) scrolled: usize,
    pub(super) theme: Theme,
}

impl State {
    /// A screen without a sample yet.
    pub fn new(options: &WatchOptions) -> Self {
        Self {
            sample: None,
            interval: None,
            history: VecDeque::new(),
            error: None,
            sort: options.sort,
            window: options.window,
            every: options.interval,
            paused: false,
            help: false,
            scrolled: 0,
            theme: Theme {
                color: options.color,
            },
        }
    }

    /// Whether no more samples are to be taken for now.
    pub fn paused(&self) -> bool {
        self.paused
    }

    /// The time from one sample to the next.
    pub fn every(&self) -> Duration {
        self.every
    }

    /// Takes in the next sample, or that there was none.
    pub fn take(&mut self, sample: Result<Sample, SourceError>) {
        let sample = match sample {
            Ok(sample) => sample,
            Err(error) => {
                self.error = Some(error.to_string());
                return;
            }
        };
        self.error = None;
        let before = self.sample.take();
        // A driver that was loaded anew counts from 0.
        let before = before.filter(|old| old.information.uptime <= sample.information.uptime);
        self.interval = before.map(|before| Interval::between(&before, &sample));
        if self.interval.is_none() {
            self.history.clear();
        }
        self.remember(&sample);
        let streams = sample.streams.known().len();
        self.scrolled = self.scrolled.min(streams.saturating_sub(1));
        self.sample = Some(sample);
    }

    fn remember(&mut self, sample: &Sample) {
        if self.history.len() == REMEMBERED {
            self.history.pop_front();
        }
        let interval = self.interval.clone().unwrap_or_default();
        let counters = &interval.counters;
        self.history.push_back(Point {
            time: sample.time,
            writes: interval.rate(counters.writes),
            commits: interval.rate(counters.commits),
            lines: interval.rate(counters.lines),
            dirty: sample.statistics.counters.dirty_lines,
        });
    }

    /// Does what a key is for.
    pub fn key(&mut self, key: KeyEvent) -> Flow {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c' | 'd') if control => return Flow::Quit,
            KeyCode::Esc if self.help => self.help = false,
            KeyCode::Char('q') | KeyCode::Esc => return Flow::Quit,
            KeyCode::Char('s') | KeyCode::Right => self.sort = self.sort.next(),
            KeyCode::Left => self.sort = self.sort.next().next(),
            KeyCode::Char('p' | ' ') => self.paused = !self.paused,
            KeyCode::Char('+' | '=') => self.slower(),
            KeyCode::Char('-') => self.faster(),
            KeyCode::Char('h') => self.window = self.window.other(),
            KeyCode::Char('?') => self.help = !self.help,
            KeyCode::Down => self.scroll(1),
            KeyCode::Up => self.scroll(-1),
            KeyCode::PageDown => self.scroll(10),
            KeyCode::PageUp => self.scroll(-10),
            KeyCode::Home => self.scrolled = 0,
            _ => {}
        }
        Flow::Continue
    }

    fn slower(&mut self) {
        let mut longer = INTERVALS.map(Duration::from_millis).into_iter();
        if let Some(next) = longer.find(|next| *next > self.every) {
            self.every = next;
        }
    }

    fn faster(&mut self) {
        let mut shorter = INTERVALS.map(Duration::from_millis).into_iter().rev();
        if let Some(next) = shorter.find(|next| *next < self.every) {
            self.every = next;
        }
    }

    fn scroll(&mut self, by: isize) {
        let streams = self.sample.as_ref().map_or(0, |s| s.streams.known().len());
        let last = streams.saturating_sub(1);
        self.scrolled = self.scrolled.saturating_add_signed(by).min(last);
    }

    /// The streams with their rates, in the order in which they are shown.
    pub(super) fn sorted(&self) -> Vec<(&Stream, StreamRates)> {
        let known = self
            .sample
            .as_ref()
            .map_or(&[][..], |sample| sample.streams.known());
        let rates = |stream: &Stream| {
            let interval = self.interval.as_ref();
            interval.map(|interval| interval.stream(stream.volume, stream.record.id))
        };
        let mut streams: Vec<_> = known
            .iter()
            .map(|stream| (stream, rates(stream).unwrap_or_default()))
            .collect();
        let weight = |(stream, rates): &(&Stream, StreamRates)| match self.sort {
            Sort::Dirty => stream.record.dirty_lines as f64,
            Sort::Lines => rates.lines,
            Sort::Commits => rates.commits,
        };
        // By name where there is nothing to choose, so that rows keep their places.
        streams.sort_by(|left, right| {
            let order = weight(right).total_cmp(&weight(left));
            order.then_with(|| left.0.name.cmp(&right.0.name))
        });
        streams
    }
}

impl Sort {
    fn next(self) -> Self {
        match self {
            Self::Dirty => Self::Lines,
            Self::Lines => Self::Commits,
            Self::Commits => Self::Dirty,
        }
    }
}

impl Window {
    fn other(self) -> Self {
        match self {
            Self::Interval => Self::Start,
            Self::Start => Self::Interval,
        }
    }
}

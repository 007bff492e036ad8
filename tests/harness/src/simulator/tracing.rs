//! The simulated machine's events.

use crate::events::{Event, Value};
use ntsim::{Sim, TraceEvent, TraceValue};
use std::collections::VecDeque;

/// The most events that are kept for who comes to ask.
const KEPT: usize = 1 << 16;

/// Lets the driver's events be kept from now on, of every level and keyword.
pub fn listen(sim: &Sim) {
    const ALL: (u8, u64) = (5, u64::MAX);
    sim.set_tracing(Some(ALL));
}

impl From<TraceEvent> for Event {
    fn from(event: TraceEvent) -> Self {
        let value = |value| match value {
            TraceValue::Number(number) => Value::Unsigned(number),
            TraceValue::Signed(number) => Value::Signed(number),
            TraceValue::Text(text) => Value::Text(text),
            TraceValue::Bytes(bytes) => Value::Bytes(bytes),
        };
        let fields = event.fields.into_iter();
        Self {
            provider: event.provider,
            name: event.name,
            level: event.level,
            keyword: event.keyword,
            time: event.time_100ns,
            fields: fields.map(|(name, field)| (name, value(field))).collect(),
        }
    }
}

/// Events by number, for any number of listeners.
#[derive(Default)]
pub struct Journal {
    events: VecDeque<Event>,
    /// Number of the oldest that is kept.
    first: u64,
}

impl Journal {
    /// The events from a number on, and the number of the first of them; see
    /// [`Machine::events`](crate::remote::Machine::events).
    pub fn since(&mut self, sim: &Sim, from: u64, most: usize) -> (u64, Vec<Event>) {
        self.add(sim.trace_events());
        let end = self.first + self.events.len() as u64;
        let from = from.clamp(self.first, end);
        let skipped = usize::try_from(from - self.first).unwrap_or(usize::MAX);
        let events = self.events.iter().skip(skipped).take(most);
        (from, events.cloned().collect())
    }

    fn add(&mut self, events: Vec<TraceEvent>) {
        self.events.extend(events.into_iter().map(Event::from));
        let extra = self.events.len().saturating_sub(KEPT);
        self.events.drain(..extra);
        self.first += extra as u64;
    }
}

//! A processor that only takes notes.

use crate::{Method, NvMemoryRange, arch::Arch, range::Admitted};
use std::{cell::RefCell, vec::Vec};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Flush(Method, usize),
    Fence,
}

#[derive(Debug, Default)]
pub struct Recorder {
    events: RefCell<Vec<Event>>,
}

impl Recorder {
    /// What was executed since the last call.
    pub fn take(&self) -> Vec<Event> {
        self.events.take()
    }
}

impl Arch for Recorder {
    unsafe fn flush(&self, method: Method, line_size: usize, ranges: Admitted<'_>) {
        for lines in ranges.lines(line_size) {
            let mut line = lines.first;
            loop {
                self.events.borrow_mut().push(Event::Flush(method, line));
                if line == lines.last {
                    break;
                }
                line = line
                    .checked_add(lines.step)
                    .expect("lines end before the addresses do");
            }
        }
    }

    fn fence(&self, _: Method) {
        self.events.borrow_mut().push(Event::Fence);
    }
}

/// What Windows documents: the start is rounded down to the line, and lines are flushed while the
/// line's address is below the end.
pub fn expected(
    method: Method,
    line_size: usize,
    ranges: &[NvMemoryRange],
    drain: bool,
) -> Vec<Event> {
    let mut events = Vec::new();
    for range in ranges {
        let start = range.base_address as u128;
        let end = start + range.length as u128;
        let mut line = start - start % line_size as u128;
        while line < end && range.length > 0 && method != Method::NoFlush {
            events.push(Event::Flush(method, line as usize));
            line += line_size as u128;
        }
    }
    if drain {
        events.push(Event::Fence);
    }
    events
}

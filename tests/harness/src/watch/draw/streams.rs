//! The streams with the most of something.

use super::{part, volume_name};
use crate::watch::{Sample, Sort, State, Stream, Streams, interval::StreamRates, text};
use daxflush_protocol::stream_flag;
use ratatui::{
    Frame,
    layout::{Constraint, Rect},
    text::{Line, Span},
    widgets::{Cell, Paragraph, Row, Table, Wrap},
};

/// From so many columns on there is room for all of the flags.
const WIDE: u16 = 100;

pub fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, sample: &Sample) {
    let theme = state.theme;
    let count = sample.statistics.counters.streams;
    let title = Line::from(vec![
        Span::styled("streams ", theme.title()),
        Span::styled(text::grouped(count), theme.value()),
        Span::styled(format!(" by {} ", sorted_by(state.sort)), theme.dim()),
    ]);
    let block = part(theme, title);
    if let Streams::Unavailable(reason) = &sample.streams {
        let words = format!("Their names are for administrators to see: {reason}");
        let words = Paragraph::new(words).wrap(Wrap { trim: true });
        frame.render_widget(words.style(theme.dim()).block(block), area);
        return;
    }
    let wide = area.width >= WIDE;
    let widths = [7, 7, 9, 6, 7, 8, if wide { 20 } else { 10 }];
    let names = area.width.saturating_sub(widths.iter().sum::<u16>() + 7);
    let shown = usize::from(area.height).saturating_sub(2);
    let streams = state.sorted();
    // As far as the last screenful.
    let skipped = state.scrolled.min(streams.len().saturating_sub(shown));
    let rows = streams.into_iter().skip(skipped).take(shown);
    let rows = rows.map(|(stream, rates)| row(state, sample, stream, rates, names.into(), wide));
    let columns = std::iter::once(names).chain(widths);
    let table = Table::new(rows, columns.map(Constraint::Length))
        .column_spacing(1)
        .header(header(state))
        .block(block);
    frame.render_widget(table, area);
}

fn sorted_by(sort: Sort) -> &'static str {
    match sort {
        Sort::Dirty => "dirty lines",
        Sort::Lines => "lines flushed/s",
        Sort::Commits => "commits/s",
    }
}

fn header(state: &State) -> Row<'static> {
    let theme = state.theme;
    let sorted = match state.sort {
        Sort::Dirty => 1,
        Sort::Lines => 2,
        Sort::Commits => 3,
    };
    let names = [
        "name",
        "dirty",
        "lines/s",
        "commits/s",
        "last",
        "took",
        "status",
        "",
    ];
    let cells = names.into_iter().enumerate().map(|(place, name)| {
        let style = if place == sorted {
            theme.value()
        } else {
            theme.dim()
        };
        let line = Line::styled(name, style);
        match place {
            1..=5 => line.right_aligned(),
            _ => line,
        }
    });
    Row::new(cells)
}

fn row(
    state: &State,
    sample: &Sample,
    stream: &Stream,
    rates: StreamRates,
    width: usize,
    wide: bool,
) -> Row<'static> {
    let theme = state.theme;
    let record = &stream.record;
    let name = name(sample, stream);
    let never = record.last_commit_age == daxflush_protocol::NEVER;
    let (took, status) = if never {
        (String::new(), String::new())
    } else {
        let took = text::time(record.last_commit_time as f64);
        (took, text::status(record.last_status))
    };
    let style = if record.last_status < 0 {
        theme.bad()
    } else {
        theme.good()
    };
    let right = |text: String| Cell::from(Line::from(text).right_aligned());
    Row::new([
        Cell::from(text::middle(&name, width)),
        right(text::short(record.dirty_lines as f64)),
        right(text::short(rates.lines)),
        right(text::short(rates.commits)),
        right(text::age(record.last_commit_age)),
        right(took),
        Cell::from(Span::styled(status, style)),
        Cell::from(flags(state, record.flags, wide)),
    ])
}

/// The stream's name; without the volume's, if there is only one.
fn name(sample: &Sample, stream: &Stream) -> String {
    if stream.name.is_empty() {
        let volume = volume_name(sample, stream.volume);
        return format!("stream {:x} of {volume}", stream.record.id);
    }
    let within = match sample.volumes.as_slice() {
        [volume] if !volume.name.is_empty() => stream.name.strip_prefix(&volume.name),
        _ => None,
    };
    within.unwrap_or(&stream.name).to_owned()
}

/// The flags in words; where room is short, the one that costs the most.
fn flags(state: &State, flags: u32, wide: bool) -> Line<'static> {
    let theme = state.theme;
    let words = [
        (stream_flag::UNREPORTED, "unreported", theme.warning()),
        (stream_flag::ALL_DIRTY, "all dirty", theme.warning()),
        (stream_flag::DELETE_PENDING, "deleted", theme.dim()),
        (stream_flag::MAPPED, "mapped", theme.dim()),
    ];
    let set = words.into_iter().filter(|(flag, ..)| flags & flag != 0);
    let mut spans = Vec::new();
    for (_, word, style) in set.take(if wide { words.len() } else { 1 }) {
        if !spans.is_empty() {
            spans.push(Span::raw(", "));
        }
        spans.push(Span::styled(word, style));
    }
    Line::from(spans)
}

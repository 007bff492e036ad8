//! How long commits took: a bar for each power of two.

use super::part;
use crate::watch::{
    Sample, State, Window, latency,
    text::{self, plural},
};
use daxflush_protocol::Histogram;
use ratatui::{
    Frame,
    layout::Rect,
    style::Style,
    symbols::bar::NINE_LEVELS,
    text::{Line, Span},
};

/// Columns of a label, with what keeps it from the next.
const LABEL: u16 = 8;

pub fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, sample: &Sample) {
    let (histogram, whose) = match (state.window, &state.interval) {
        (Window::Start, _) => (sample.statistics.commit_time, "since start".to_owned()),
        (Window::Interval, None) => (Histogram::default(), "last interval".to_owned()),
        (Window::Interval, Some(interval)) => (
            interval.commit_time,
            format!("last {} s", rounded(interval.seconds)),
        ),
    };
    let block = part(state.theme, title(state, &histogram, &whose));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    match latency::used(&histogram) {
        Some(range) => bars(frame, inner, state, &histogram, range),
        None => frame.render_widget(Span::styled("no commits", state.theme.dim()), inner),
    }
}

fn rounded(seconds: f64) -> f64 {
    (seconds * 10.0).round() / 10.0
}

fn title(state: &State, histogram: &Histogram, whose: &str) -> Line<'static> {
    let theme = state.theme;
    let mut spans = vec![Span::styled("commit time ", theme.title())];
    let at = |fraction| latency::percentile(histogram, fraction).map(text::time);
    if let (Some(half), Some(most)) = (at(0.5), at(0.99)) {
        spans.extend([
            Span::raw("p50 "),
            Span::styled(half, theme.good()),
            Span::raw(" p99 "),
            Span::styled(most, theme.warning()),
            Span::raw(" "),
        ]);
    }
    spans.push(Span::styled(format!("{whose} "), theme.dim()));
    Line::from(spans)
}

fn bars(
    frame: &mut Frame<'_>,
    area: Rect,
    state: &State,
    histogram: &Histogram,
    (first, last): (usize, usize),
) {
    // With a bucket on either side, so that a single bar is seen to be one of many.
    let (first, last) = (
        first.saturating_sub(1),
        (last + 1).min(histogram.buckets.len() - 1),
    );
    let count = u16::try_from(last - first + 1).unwrap_or(1);
    let width = (area.width / count).clamp(1, 8);
    let Some(rows) = area.height.checked_sub(1).filter(|rows| *rows != 0) else {
        let commits = plural(histogram.count(), "commit");
        return frame.render_widget(commits, area);
    };
    let most = histogram.buckets.iter().copied().max().unwrap_or(1).max(1);
    let labelled = LABEL.div_ceil(width);
    for (place, bucket) in (0..count).zip(first..=last) {
        let x = area.x + place * width;
        if x + width > area.right() {
            break;
        }
        let value = histogram.buckets[bucket];
        let bar = Rect::new(x, area.y, width.max(2) - 1, rows);
        column(frame, bar, value, most, style(state, histogram, bucket));
        let room = area.right() - x;
        if place % labelled == 0 && room >= LABEL - 2 {
            let label = text::time(Histogram::least(bucket) as f64);
            let label = Span::styled(label, state.theme.dim());
            frame.render_widget(label, Rect::new(x, area.y + rows, room.min(LABEL), 1));
        }
    }
}

fn style(state: &State, histogram: &Histogram, bucket: usize) -> Style {
    let is = |fraction| latency::percentile_bucket(histogram, fraction) == Some(bucket);
    if is(0.5) {
        state.theme.good()
    } else if is(0.99) {
        state.theme.warning()
    } else {
        state.theme.plot()
    }
}

/// A bar in eighths of a row; one that is not 0 is seen.
fn column(frame: &mut Frame<'_>, area: Rect, value: u64, most: u64, style: Style) {
    let eighths = u64::from(area.height) * 8;
    let height = (value as f64 / most as f64 * eighths as f64).round() as u64;
    let mut height = height.max(u64::from(value != 0));
    const SYMBOLS: [&str; 9] = [
        NINE_LEVELS.empty,
        NINE_LEVELS.one_eighth,
        NINE_LEVELS.one_quarter,
        NINE_LEVELS.three_eighths,
        NINE_LEVELS.half,
        NINE_LEVELS.five_eighths,
        NINE_LEVELS.three_quarters,
        NINE_LEVELS.seven_eighths,
        NINE_LEVELS.full,
    ];
    for y in (area.top()..area.bottom()).rev() {
        let here = height.min(8);
        height -= here;
        let symbol = SYMBOLS[here as usize].repeat(area.width.into());
        frame.render_widget(
            Span::styled(symbol, style),
            Rect::new(area.x, y, area.width, 1),
        );
    }
}

//! How many lines are dirty, over time.

use super::part;
use crate::watch::{Sample, State, text};
use ratatui::{
    Frame,
    layout::Rect,
    symbols::Marker,
    text::{Line, Span},
    widgets::{Axis, Chart, Dataset, GraphType},
};

/// Bytes of a line.
const LINE: u64 = 64;

pub fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, sample: &Sample) {
    let theme = state.theme;
    let now = sample.statistics.counters.dirty_lines;
    let title = Line::from(vec![
        Span::styled("dirty lines ", theme.title()),
        Span::styled(text::short(now as f64), theme.value()),
        Span::raw(format!(", {} ", text::bytes(now.saturating_mul(LINE)))),
    ]);
    // As many samples as there are dots beside the axis.
    let dots = usize::from(area.width).saturating_sub(8) * 2;
    let skipped = state.history.len().saturating_sub(dots);
    let ages: Vec<(f64, f64)> = state
        .history
        .iter()
        .skip(skipped)
        .map(|point| {
            let ago = sample.time.saturating_sub(point.time);
            (-ago.as_secs_f64(), point.dirty as f64)
        })
        .collect();
    let oldest = ages.first().map_or(0.0, |(ago, _)| -ago);
    let span = oldest.max(dots as f64 / 2.0 * state.every.as_secs_f64());
    let most = ages.iter().map(|(_, dirty)| *dirty).fold(1.0, f64::max);
    let data = Dataset::default()
        .marker(Marker::Braille)
        .graph_type(GraphType::Line)
        .style(theme.plot())
        .data(&ages);
    let ago = Span::raw(format!("{} ago", text::age((span * 1e7) as u64)));
    let chart = Chart::new(vec![data])
        .block(part(theme, title))
        .x_axis(
            Axis::default()
                .style(theme.dim())
                .bounds([-span, 0.0])
                .labels([ago, Span::raw("now")]),
        )
        .y_axis(
            Axis::default()
                .style(theme.dim())
                .bounds([0.0, most])
                .labels([Span::raw("0"), Span::raw(text::short(most))]),
        );
    frame.render_widget(chart, area);
}

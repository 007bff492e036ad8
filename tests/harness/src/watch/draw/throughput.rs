//! How much is written, committed and flushed, now and before.

use super::part;
use crate::watch::{State, state::Point, text};
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    text::{Line, Span},
    widgets::Sparkline,
};

type Rate = fn(&Point) -> f64;

const RATES: [(&str, Rate); 3] = [
    ("writes/s", |point| point.writes),
    ("commits/s", |point| point.commits),
    ("lines flushed/s", |point| point.lines),
];

pub fn draw(frame: &mut Frame<'_>, area: Rect, state: &State) {
    let thirds = [Constraint::Fill(1); 3];
    let areas: [Rect; 3] = Layout::horizontal(thirds).spacing(2).areas(area);
    for ((name, rate), area) in RATES.iter().zip(areas) {
        let now = state.history.back().map_or(0.0, rate);
        let theme = state.theme;
        let title = Line::from(vec![
            Span::styled(format!("{name} "), theme.title()),
            Span::styled(text::short(now), theme.value()),
            Span::raw(" "),
        ]);
        let skipped = state.history.len().saturating_sub(area.width.into());
        // In tenths, so that less than one in a second is seen.
        let values = state.history.iter().skip(skipped);
        let values = values.map(|point| (rate(point) * 10.0).round() as u64);
        let line = Sparkline::default()
            .data(values)
            .style(theme.plot())
            .block(part(theme, title));
        frame.render_widget(line, area);
    }
}

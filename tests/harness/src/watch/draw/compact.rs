//! A few numbers, where there is no room for more.

use super::header::situation;
use crate::watch::{Sample, State, alerts::ALERTS, latency, text};
use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
    widgets::Paragraph,
};

pub fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, sample: &Sample) {
    let theme = state.theme;
    let point = state.history.back();
    let rate = |read: fn(&crate::watch::state::Point) -> f64| text::short(point.map_or(0.0, read));
    let number = |name: &str, value: String| {
        Line::from(vec![
            Span::styled(value, theme.value()),
            Span::raw(format!(" {name}")),
        ])
    };
    let counters = &sample.statistics.counters;
    let mut lines = vec![situation(state, area.width)];
    for alert in ALERTS.iter().filter(|alert| alert.grave) {
        let count = alert.count(counters);
        if count != 0 {
            lines.push(Line::styled(
                format!("{} {}", text::short(count as f64), alert.name),
                theme.bad(),
            ));
        }
    }
    lines.push(number("commits/s", rate(|point| point.commits)));
    lines.push(number(
        "dirty lines",
        text::short(counters.dirty_lines as f64),
    ));
    lines.push(number("lines flushed/s", rate(|point| point.lines)));
    lines.push(number("writes/s", rate(|point| point.writes)));
    if let Some(time) = latency::percentile(&sample.statistics.commit_time, 0.99) {
        lines.push(number("p99 commit time", text::time(time)));
    }
    frame.render_widget(Paragraph::new(lines), area);
}

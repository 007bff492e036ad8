//! What is watched, and whether it answers.

use crate::watch::{Sample, State, text};
use daxflush_protocol::method_name;
use ratatui::{
    Frame,
    layout::{Alignment, Constraint, Layout, Rect},
    text::{Line, Span},
};

pub fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, sample: &Sample) {
    let theme = state.theme;
    let information = &sample.information;
    let [major, minor, patch] = information.driver;
    let method = match method_name(information.method) {
        "none" => Span::styled("no flushing", theme.warning()),
        name => Span::raw(name),
    };
    let left = Line::from(vec![
        Span::styled(format!("daxflush {major}.{minor}.{patch}"), theme.value()),
        Span::raw("  "),
        method,
        Span::raw(format!("  up {}", text::uptime(information.uptime))),
    ]);
    let right = situation(state, area.width);
    let width = u16::try_from(right.width()).unwrap_or(area.width);
    let parts = [Constraint::Fill(1), Constraint::Length(width)];
    let [left_area, right_area] = Layout::horizontal(parts).spacing(1).areas(area);
    frame.render_widget(left, left_area);
    frame.render_widget(right.alignment(Alignment::Right), right_area);
}

/// Whether numbers come in, and how often.
pub fn situation(state: &State, width: u16) -> Line<'static> {
    let theme = state.theme;
    if let Some(error) = &state.error {
        let room = usize::from(width / 2);
        let text = text::middle(&format!("no answer: {error}"), room);
        return Line::styled(text, theme.bad());
    }
    if state.paused {
        return Line::styled("paused", theme.warning());
    }
    Line::from(vec![
        Span::styled("running", theme.good()),
        Span::raw(format!(", every {} s", state.every.as_secs_f64())),
    ])
}

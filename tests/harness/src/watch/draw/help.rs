//! The keys, in a line and in full.

use crate::watch::{State, Window, alerts::ALERTS};
use ratatui::{
    Frame,
    layout::{Constraint, Flex, Layout, Rect},
    text::{Line, Span},
    widgets::{Block, Clear, Paragraph},
};

const KEYS: [(&str, &str); 8] = [
    ("q, Esc, Ctrl-C", "quit"),
    ("s, left, right", "sort the streams by another column"),
    ("up, down, pages", "scroll the streams"),
    ("p, space", "pause: the screen stands still"),
    ("+ and -", "longer or shorter intervals"),
    ("h", "commit times of the last interval, or since start"),
    ("?", "this help"),
    ("Home", "back to the first stream"),
];

pub fn keys(frame: &mut Frame<'_>, area: Rect, state: &State) {
    let window = match state.window {
        Window::Interval => "since start",
        Window::Start => "last interval",
    };
    let pause = if state.paused { "go on" } else { "pause" };
    let text = format!(
        " q quit  s sort  p {pause}  +/- interval  h times {window}  \u{2191}\u{2193} scroll  ? help"
    );
    let line = Line::styled(text, state.theme.bar());
    frame.buffer_mut().set_style(area, state.theme.bar());
    frame.render_widget(line, area);
}

/// A box over the middle of the screen.
pub fn draw(frame: &mut Frame<'_>, area: Rect, state: &State) {
    let theme = state.theme;
    let mut lines: Vec<Line> = KEYS
        .iter()
        .map(|(key, what)| {
            Line::from(vec![
                Span::styled(format!("{key:16}"), theme.value()),
                Span::raw(*what),
            ])
        })
        .collect();
    lines.push(Line::raw(""));
    lines.extend(ALERTS.iter().map(|alert| {
        Line::from(vec![
            Span::styled(format!("{:18}", alert.name), theme.value()),
            Span::raw(alert.meaning),
        ])
    }));
    let height = u16::try_from(lines.len() + 2).unwrap_or(area.height);
    let [area] = Layout::vertical([Constraint::Length(height)])
        .flex(Flex::Center)
        .areas(area);
    let [area] = Layout::horizontal([Constraint::Length(76)])
        .flex(Flex::Center)
        .areas(area);
    frame.render_widget(Clear, area);
    let block = Block::bordered()
        .border_style(theme.title())
        .title(" daxctl watch ");
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

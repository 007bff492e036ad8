//! What went wrong: all counters, and what those that rose mean.

use crate::watch::{
    Sample, State,
    alerts::{ALERTS, Alert},
    text,
};
use daxflush_protocol::Statistics;
use ratatui::{
    Frame,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::Paragraph,
};

pub fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, sample: &Sample) {
    let theme = state.theme;
    let nothing = Statistics::default();
    let rises = state.interval.as_ref().map_or(&nothing, |i| &i.counters);
    let counters = &sample.statistics.counters;
    let risen: Vec<&Alert> = ALERTS
        .iter()
        .filter(|alert| alert.count(rises) != 0)
        .collect();
    let mut lines = vec![counts(state, counters, rises, area.width)];
    let room = usize::from(area.height).saturating_sub(1);
    for (place, alert) in risen.iter().enumerate().take(room) {
        let rise = text::grouped(alert.count(rises));
        let mut line = Line::from(Span::styled(
            format!("! {} +{rise}", alert.name),
            style(state, alert),
        ));
        let hidden = risen.len() - room.min(risen.len());
        if place + 1 == room && hidden != 0 {
            line.push_span(Span::raw(format!(" (and {hidden} more)")));
        }
        line.push_span(Span::raw(format!(": {}", alert.meaning)));
        lines.push(line);
    }
    let refused = sample.information.refused_settings;
    if risen.is_empty() && refused != 0 {
        let words = format!(
            "{} refused: defaults are in force",
            text::plural(refused.into(), "setting")
        );
        lines.push(Line::styled(words, theme.warning()));
    }
    frame.render_widget(Paragraph::new(lines), area);
}

fn style(state: &State, alert: &Alert) -> Style {
    if alert.grave {
        state.theme.bad()
    } else {
        state.theme.warning()
    }
}

/// All counters; where room is short, those that are not 0.
fn counts(state: &State, counters: &Statistics, rises: &Statistics, width: u16) -> Line<'static> {
    let theme = state.theme;
    let line = |all: bool| {
        let mut spans = Vec::new();
        for alert in ALERTS {
            let count = alert.count(counters);
            if count == 0 && !all {
                continue;
            }
            let style = if alert.count(rises) != 0 {
                style(state, &alert)
            } else if count == 0 {
                theme.dim()
            } else {
                Style::new()
            };
            if !spans.is_empty() {
                spans.push(Span::raw("  "));
            }
            let text = format!("{} {}", alert.name, text::short(count as f64));
            spans.push(Span::styled(text, style));
        }
        Line::from(spans)
    };
    let all = line(true);
    if all.width() <= width.into() {
        return all;
    }
    let some = line(false);
    if some.width() == 0 {
        return Line::styled("nothing failed, nothing refused", theme.dim());
    }
    some
}

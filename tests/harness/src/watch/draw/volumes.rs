//! A line for each volume, and one for all of those that have none.

use crate::watch::{
    Sample, State, Volume,
    text::{self, plural},
};
use daxflush_protocol::volume_flag;
use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
};

pub fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, sample: &Sample) {
    let theme = state.theme;
    if sample.volumes.is_empty() {
        let words = "no volumes: none with DAX is mounted";
        return frame.render_widget(Line::styled(words, theme.dim()), area);
    }
    let rows = usize::from(area.height);
    let hidden = sample.volumes.len().saturating_sub(rows);
    for (place, (y, volume)) in (area.top()..area.bottom()).zip(&sample.volumes).enumerate() {
        let mut line = describe(state, volume, area.width);
        if place + 1 == rows && hidden != 0 {
            line.push_span(Span::styled(format!(" +{hidden} more"), theme.dim()));
        }
        frame.render_widget(line, Rect::new(area.x, y, area.width, 1));
    }
}

fn describe(state: &State, volume: &Volume, width: u16) -> Line<'static> {
    let theme = state.theme;
    let record = &volume.record;
    let name = text::middle(&volume.name, usize::from(width / 3));
    let mut line = Line::from(vec![
        Span::styled(name, theme.title()),
        Span::raw(format!(
            " {} in {}, tracking {} of {}",
            plural(record.dirty_lines, "dirty line"),
            plural(record.streams.into(), "stream"),
            text::bytes(record.tracking_bytes),
            text::bytes(record.tracking_limit),
        )),
    ]);
    let warnings = [
        (volume_flag::REMOVED, "removed", theme.bad()),
        (volume_flag::ATTACHED_LATE, "attached late", theme.warning()),
    ];
    for (flag, word, style) in warnings {
        if record.flags & flag != 0 {
            line.extend([Span::raw(", "), Span::styled(word, style)]);
        }
    }
    line
}

//! The screen, from top to bottom.

mod alerts;
mod compact;
mod dirty;
mod header;
mod help;
mod latency;
mod streams;
mod throughput;
mod volumes;

use super::{Sample, State, theme::Theme};
use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    text::Line,
    widgets::{Block, Borders},
};

/// Fewer columns or rows than these have room for a few numbers only.
const LEAST: (u16, u16) = (56, 12);

/// Draws all of the screen. What is drawn depends on nothing but the state and the frame's size.
pub fn draw(frame: &mut Frame<'_>, state: &State) {
    let area = frame.area();
    if area.is_empty() {
        return;
    }
    let Some(sample) = &state.sample else {
        frame.render_widget("no sample yet", area);
        return;
    };
    if area.width < LEAST.0 || area.height < LEAST.1 {
        compact::draw(frame, area, state, sample);
        return;
    }
    let rows = Rows::of(area, sample.volumes.len());
    header::draw(frame, rows.header, state, sample);
    throughput::draw(frame, rows.throughput, state);
    if !rows.plots.is_empty() {
        let halves = [Constraint::Fill(2), Constraint::Fill(3)];
        let [left, right] = Layout::horizontal(halves).spacing(2).areas(rows.plots);
        dirty::draw(frame, left, state, sample);
        latency::draw(frame, right, state, sample);
    }
    streams::draw(frame, rows.streams, state, sample);
    volumes::draw(frame, rows.volumes, state, sample);
    alerts::draw(frame, rows.alerts, state, sample);
    help::keys(frame, rows.keys, state);
    if state.help {
        help::draw(frame, area, state);
    }
}

/// Where the parts are.
struct Rows {
    header: Rect,
    throughput: Rect,
    plots: Rect,
    streams: Rect,
    volumes: Rect,
    alerts: Rect,
    keys: Rect,
}

impl Rows {
    fn of(area: Rect, volumes: usize) -> Self {
        let tall = area.height >= 32;
        let throughput = if tall { 4 } else { 3 };
        let alerts = if tall { 3 } else { 2 };
        let most = if tall { 4 } else { 1 };
        let volumes = u16::try_from(volumes).map_or(most, |count| count.clamp(1, most));
        let rest = area.height - (2 + throughput + alerts + volumes);
        let plots = match rest {
            ..11 => 0,
            // At 24 rows: as many lines for the streams as for the plots.
            _ => (rest * 2 / 5).clamp(6, 16),
        };
        let heights = [1, throughput, plots, rest - plots, volumes, alerts, 1];
        let [header, throughput, plots, streams, volumes, alerts, keys] =
            Layout::vertical(heights.map(Constraint::Length)).areas(area);
        Self {
            header,
            throughput,
            plots,
            streams,
            volumes,
            alerts,
            keys,
        }
    }
}

/// A part under a line with its name.
fn part<'a>(theme: Theme, title: impl Into<Line<'a>>) -> Block<'a> {
    Block::new()
        .borders(Borders::TOP)
        .border_style(theme.dim())
        .title(title)
}

/// The volume's name, or its number if it has none.
fn volume_name(sample: &Sample, id: u64) -> String {
    let volume = sample.volumes.iter().find(|volume| volume.record.id == id);
    match volume {
        Some(volume) if !volume.name.is_empty() => volume.name.clone(),
        _ => format!("volume {id}"),
    }
}

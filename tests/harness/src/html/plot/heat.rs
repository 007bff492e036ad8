//! Where in a file lines were dirty, over time.

use super::{
    axis::Axis,
    picture::{About, Area, HEAT, PlotError, chart, legend, svg},
};
use crate::{
    html::data::HeatMap,
    watch::text::{bytes, grouped},
};
use plotters::prelude::*;

/// Steps of the colour scale; a step means a multiple, not a difference.
const LEVELS: u32 = 6;

/// A map; `id` names it within its page.
pub fn heat_map(map: &HeatMap, id: &str, live: bool) -> Result<Option<String>, PlotError> {
    let most = map.rows.iter().flatten().copied().max().unwrap_or(0);
    let whole = map.columns != 0 && map.cell_bytes != 0;
    if most == 0 || !whole || map.times.len() != map.rows.len() + 1 {
        return Ok(None);
    }
    let title = format!("Dirty lines of {}", map.file);
    let description = format!(
        "A map: from left to right the file's {} in parts of {}, upwards {}; the darker a cell, the \
         more dirty lines, up to {}.",
        bytes(map.columns.saturating_mul(map.cell_bytes)),
        bytes(map.cell_bytes),
        if live { "time" } else { "commits" },
        grouped(most),
    );
    let about = About {
        id,
        title: &title,
        description: &description,
        size: (960, 420),
        crisp: true,
    };
    svg(&about, |area| draw(area, map, most, live)).map(Some)
}

fn draw(area: &Area<'_>, map: &HeatMap, most: u64, live: bool) -> Result<(), PlotError> {
    let (from, to) = match (map.times.first(), map.times.last()) {
        (Some(from), Some(to)) => (*from, *to),
        _ => return Ok(()),
    };
    let y = if live {
        Axis::round("seconds", from, to, 8, |value| format!("{value}"))
    } else {
        Axis::round("commit", from, to, 8, |value| grouped(value as u64))
    };
    let mut chart = chart(area, (offsets(map), y), 0)?;
    for (row, times) in map.rows.iter().zip(map.times.windows(2)) {
        let levels = row
            .iter()
            .map(|count| level(*count, most))
            .collect::<Vec<_>>();
        let mut column = 0;
        for run in levels.chunk_by(|left, right| left == right) {
            let next = column + run.len();
            if run[0] != 0 {
                let x = |column: usize| column as f64 * map.cell_bytes as f64;
                let corners = [(x(column), times[0]), (x(next), times[1])];
                let cell = Rectangle::new(corners, color(run[0]).filled());
                chart.draw_series(std::iter::once(cell))?;
            }
            column = next;
        }
    }
    let names: Vec<(u32, String)> = scale(most);
    let entries: Vec<_> = names
        .iter()
        .map(|(level, name)| (color(*level), name.as_str()))
        .collect();
    legend(area, &entries)
}

/// Ticks at multiples of a power of two of bytes.
fn offsets(map: &HeatMap) -> Axis {
    let end = map.columns.saturating_mul(map.cell_bytes);
    let mut step = map.cell_bytes;
    while end / step > 8 {
        step *= 2;
    }
    let ticks = (0..=end / step).map(|count| {
        let offset = count * step;
        let label = if offset == 0 {
            "0".into()
        } else {
            bytes(offset)
        };
        (offset as f64, label)
    });
    Axis::new("offset in the file", 0.0..end as f64, ticks.collect())
}

fn level(count: u64, most: u64) -> u32 {
    if count == 0 {
        return 0;
    }
    let part = (count as f64).ln_1p() / (most as f64).ln_1p();
    ((part * f64::from(LEVELS)).ceil() as u32).clamp(1, LEVELS)
}

fn color(level: u32) -> RGBAColor {
    HEAT.mix(0.12 + 0.88 * (f64::from(level) / f64::from(LEVELS)).powf(1.4))
}

/// The levels that counts can have, each with its counts.
fn scale(most: u64) -> Vec<(u32, String)> {
    let mut scale = Vec::new();
    let mut least = 1;
    for step in 1..=LEVELS {
        let part = f64::from(step) / f64::from(LEVELS);
        let bound = ((most as f64).ln_1p() * part).exp_m1();
        let last = if step == LEVELS {
            most
        } else {
            (bound + 1e-9).floor() as u64
        };
        if last < least {
            continue;
        }
        let unit = match (scale.is_empty(), last == 1) {
            (true, true) => " line",
            (true, false) => " lines",
            (false, _) => "",
        };
        let name = if last == least {
            format!("{}{unit}", grouped(least))
        } else {
            format!("{}–{}{unit}", grouped(least), grouped(last))
        };
        scale.push((step, name));
        least = last + 1;
    }
    scale
}

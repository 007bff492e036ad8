//! Bars in groups.

use super::{Area, COLOURS, base, label, span};
use crate::results::{Bar, Panel, Scale};
use plotters::{
    prelude::{ChartBuilder, Color, IntoFont, IntoLogRange, Rectangle, Text, WHITE},
    style::{
        TextStyle,
        text_anchor::{HPos, Pos, VPos},
    },
};
use std::error::Error;

/// The part of a group that its bars take.
const FILLED: f64 = 0.84;
/// Series in a row of the legend, and how high and wide it is.
const LEGEND_COLUMNS: usize = 4;
const LEGEND_ROW: i32 = 18;
const LEGEND_WIDTH: i32 = 138;
/// Where the plot begins.
const LEFT: i32 = 66;

pub fn draw(
    area: &Area<'_>,
    root: &Area<'_>,
    panel: &Panel,
    groups: &[String],
    series: &[Bar],
) -> Result<(), Box<dyn Error>> {
    let values = series.iter().flat_map(|bar| bar.values.iter().flatten());
    let Some((low, high)) = span(values.copied()) else {
        return Ok(());
    };
    let titled = area.titled(&panel.title, ("sans-serif", 16))?;
    let rows = series.len().div_ceil(LEGEND_COLUMNS) as i32;
    let (legend, plot) = titled.split_vertically(rows * LEGEND_ROW + 4);
    draw_legend(&legend, series)?;
    let (bottom, top) = (low / 2.0, high * 1.3);
    let mut chart = ChartBuilder::on(&plot)
        .margin(12)
        .x_label_area_size(24)
        .y_label_area_size(64)
        .build_cartesian_2d(
            0.0..groups.len() as f64,
            (bottom..top)
                .log_scale()
                .base(base(bottom, top, Scale::Decimal)),
        )?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .x_labels(0)
        .y_desc(&panel.unit)
        .y_label_formatter(&|value| label(*value, Scale::Decimal))
        .light_line_style(WHITE)
        .draw()?;
    let width = FILLED / series.len().max(1) as f64;
    for (index, bar) in series.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let rectangles = bar.values.iter().enumerate().filter_map(|(group, value)| {
            let left = group as f64 + (1.0 - FILLED) / 2.0 + width * index as f64;
            let value = value.filter(|value| *value > 0.0)?;
            let corners = [(left, bottom), (left + width * 0.94, value)];
            Some(Rectangle::new(corners, colour.filled()))
        });
        chart.draw_series(rectangles)?;
    }
    for (group, name) in groups.iter().enumerate() {
        let (x, y) = chart.backend_coord(&(group as f64 + 0.5, bottom));
        let style = text().pos(Pos::new(HPos::Center, VPos::Top));
        root.draw(&Text::new(name.as_str(), (x, y + 6), style))?;
    }
    Ok(())
}

fn text() -> TextStyle<'static> {
    TextStyle::from(("sans-serif", 12).into_font())
}

fn draw_legend(area: &Area<'_>, series: &[Bar]) -> Result<(), Box<dyn Error>> {
    for (index, bar) in series.iter().enumerate() {
        let (row, column) = (index / LEGEND_COLUMNS, index % LEGEND_COLUMNS);
        let x = LEFT + column as i32 * LEGEND_WIDTH;
        let y = row as i32 * LEGEND_ROW + 8;
        let colour = COLOURS[index % COLOURS.len()].filled();
        area.draw(&Rectangle::new([(x, y), (x + 14, y + 10)], colour))?;
        let style = text().pos(Pos::new(HPos::Left, VPos::Center));
        area.draw(&Text::new(bar.name.as_str(), (x + 19, y + 5), style))?;
    }
    Ok(())
}

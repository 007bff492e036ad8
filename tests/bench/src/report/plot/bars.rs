//! Bars in groups.

use super::{Area, COLOURS, label, span};
use crate::results::{Bar, Panel, Scale};
use plotters::{
    prelude::{
        ChartBuilder, Color, IntoFont, IntoLogRange, RGBColor, Rectangle, SeriesLabelPosition,
        Text, WHITE,
    },
    style::text_anchor::{HPos, Pos, VPos},
};
use std::error::Error;

/// The part of a group that its bars take.
const FILLED: f64 = 0.84;
/// A series' line in the legend, as tall as so much of the plot.
const LEGEND_LINE: f64 = 0.055;

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
    let bottom = low / 2.0;
    // Room for the legend above the bars.
    let room = 1.0 - LEGEND_LINE * (series.len() as f64 + 1.0);
    let top = bottom * (high / bottom).powf(1.0 / room.max(0.3));
    let mut chart = ChartBuilder::on(area)
        .caption(&panel.title, ("sans-serif", 16))
        .margin(12)
        .x_label_area_size(24)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..groups.len() as f64, (bottom..top).log_scale())?;
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
            Some(Rectangle::new(
                [(left, bottom), (left + width * 0.94, value)],
                colour.filled(),
            ))
        });
        chart
            .draw_series(rectangles)?
            .label(&bar.name)
            .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 16, y + 5)], colour.filled()));
    }
    for (group, name) in groups.iter().enumerate() {
        let (x, y) = chart.backend_coord(&(group as f64 + 0.5, bottom));
        let style = ("sans-serif", 12).into_font();
        let style = plotters::style::TextStyle::from(style).pos(Pos::new(HPos::Center, VPos::Top));
        root.draw(&Text::new(name.as_str(), (x, y + 6), style))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.8))
        .border_style(RGBColor(200, 200, 200))
        .draw()?;
    Ok(())
}

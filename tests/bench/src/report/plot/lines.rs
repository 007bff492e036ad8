//! Curves over a size.

use super::{Area, COLOURS, base, label, span};
use crate::results::{Axis, Line, Panel, Scale};
use plotters::{
    prelude::{
        ChartBuilder, Circle, Color, EmptyElement, IntoLogRange, LineSeries, PathElement, RGBColor,
        SeriesLabelPosition, ShapeStyle, WHITE,
    },
    series::PointSeries,
};
use std::error::Error;

pub fn draw(
    area: &Area<'_>,
    panel: &Panel,
    x: Axis,
    series: &[Line],
) -> Result<(), Box<dyn Error>> {
    let points = || series.iter().flat_map(|line| &line.points);
    let spans = (
        span(points().map(|point| point.0)),
        span(points().map(|point| point.1)),
    );
    let (Some((first, last)), Some((low, high))) = spans else {
        return Ok(());
    };
    let (bottom, top) = (low * 0.6, high * 1.7);
    let mut chart = ChartBuilder::on(area)
        .caption(&panel.title, ("sans-serif", 16))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(64)
        .build_cartesian_2d(
            (first..last * 1.2)
                .log_scale()
                .base(base(first, last, x.scale)),
            (bottom..top)
                .log_scale()
                .base(base(bottom, top, Scale::Decimal)),
        )?;
    chart
        .configure_mesh()
        .x_desc(x.name)
        .y_desc(&panel.unit)
        .x_label_formatter(&|value| label(*value, x.scale))
        .y_label_formatter(&|value| label(*value, Scale::Decimal))
        .light_line_style(WHITE)
        .draw()?;
    for (index, line) in series.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let points = line.points.iter().copied().filter(|point| point.1 > 0.0);
        // What lies on top is thinner, so that equal lines all show.
        let width = 2 + 2 * (series.len() - 1 - index).min(3) as u32;
        let style = ShapeStyle::from(&colour).stroke_width(width);
        chart
            .draw_series(LineSeries::new(points.clone(), style))?
            .label(&line.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
        chart.draw_series(PointSeries::of_element(
            points,
            3,
            colour.filled(),
            &|place, size, style| EmptyElement::at(place) + Circle::new((0, 0), size, style),
        ))?;
    }
    chart
        .configure_series_labels()
        .position(emptiest(series, (low, high)))
        .background_style(WHITE.mix(0.8))
        .border_style(RGBColor(200, 200, 200))
        .draw()?;
    Ok(())
}

/// The corner on the side where the curves leave more room.
fn emptiest(series: &[Line], (low, high): (f64, f64)) -> SeriesLabelPosition {
    let height = |value: f64| (value / low).ln() / (high / low).ln().max(f64::MIN_POSITIVE);
    let ends = |end: fn(&Line) -> Option<&(f64, f64)>| {
        let heights = series.iter().filter_map(end).map(|point| height(point.1));
        let span = heights.fold((1.0_f64, 0.0_f64), |(low, high), height| {
            (low.min(height), high.max(height))
        });
        (span.0, 1.0 - span.1)
    };
    let (left, right) = (
        ends(|line| line.points.first()),
        ends(|line| line.points.last()),
    );
    let corners = [
        (left.1, SeriesLabelPosition::UpperLeft),
        (right.1, SeriesLabelPosition::UpperRight),
        (left.0, SeriesLabelPosition::LowerLeft),
        (right.0, SeriesLabelPosition::LowerRight),
    ];
    let best = corners
        .into_iter()
        .max_by(|one, other| one.0.total_cmp(&other.0));
    best.map_or(SeriesLabelPosition::UpperRight, |(_, position)| position)
}

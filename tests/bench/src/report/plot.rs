//! One picture of all workloads with sizes.

use super::figure;
use crate::nvmem::{Measurement, Results, Workload};
use plotters::{
    coord::Shift,
    prelude::{
        ChartBuilder, Circle, Color, DrawingArea, EmptyElement, IntoDrawingArea, IntoLogRange,
        LineSeries, PathElement, RGBColor, SVGBackend, SeriesLabelPosition, ShapeStyle, WHITE,
    },
    series::PointSeries,
};
use std::{error::Error, path::Path};

const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 90, 181),
    RGBColor(86, 180, 233),
    RGBColor(120, 120, 120),
    RGBColor(220, 50, 32),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
];

type Panel<'a> = DrawingArea<SVGBackend<'a>, Shift>;

pub fn draw(path: &Path, results: &Results) -> Result<(), Box<dyn Error>> {
    let root = SVGBackend::new(path, (1280, 900)).into_drawing_area();
    root.fill(&WHITE)?;
    let titled = root.titled(
        &format!(
            "{} ({}): lower is better, except for the copy",
            results.processor, results.method
        ),
        ("sans-serif", 20),
    )?;
    let panels = titled.split_evenly((2, 2));
    let kinds = [
        (Workload::Dirty, "Dirty range, flush + drain", "ns a line"),
        (Workload::Clean, "Clean range, flush + drain", "ns a line"),
        (
            Workload::Stores,
            "Scattered stores made durable",
            "ns a store",
        ),
        (
            Workload::Write,
            "Copy made durable (higher is better)",
            "GB/s",
        ),
    ];
    for (panel, (workload, title, unit)) in panels.iter().zip(kinds) {
        let part: Vec<_> = results
            .measurements
            .iter()
            .filter(|m| m.workload == workload)
            .collect();
        draw_panel(panel, &part, title, unit)?;
    }
    root.present()?;
    Ok(())
}

fn draw_panel(
    panel: &Panel<'_>,
    measurements: &[&Measurement],
    title: &str,
    unit: &str,
) -> Result<(), Box<dyn Error>> {
    let (Some(first), Some(last)) = (measurements.first(), measurements.last()) else {
        return Ok(());
    };
    let figures = measurements
        .iter()
        .flat_map(|m| m.times.iter().map(|times| figure(m, times)));
    let (low, high) = figures.fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), value| {
        (low.min(value), high.max(value))
    });
    let mut chart = ChartBuilder::on(panel)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d(
            (first.size as f64..last.size as f64 * 1.2)
                .log_scale()
                .base(4.0),
            (low * 0.8..high * 1.5).log_scale(),
        )?;
    let is_lines = first.workload == Workload::Stores;
    let legend = if first.workload == Workload::Write {
        SeriesLabelPosition::LowerRight
    } else {
        SeriesLabelPosition::UpperRight
    };
    chart
        .configure_mesh()
        .x_desc(if is_lines { "lines" } else { "bytes" })
        .y_desc(unit)
        .x_label_formatter(&|value| binary(*value))
        .y_label_formatter(&|value| format!("{value}"))
        .light_line_style(WHITE)
        .draw()?;
    for (index, contender) in first.times.iter().map(|t| t.contender).enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let points: Vec<_> = measurements
            .iter()
            .filter_map(|m| Some((m.size as f64, figure(m, m.times(contender)?))))
            .collect();
        // What lies on top is thinner, so that equal lines all show.
        let width = 2 + 3 * (first.times.len() - 1 - index) as u32;
        let style = ShapeStyle::from(&colour).stroke_width(width);
        chart
            .draw_series(LineSeries::new(points.iter().copied(), style))?
            .label(contender)
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
        .position(legend)
        .background_style(WHITE.mix(0.8))
        .border_style(RGBColor(200, 200, 200))
        .draw()?;
    Ok(())
}

fn binary(value: f64) -> String {
    match value {
        value if value >= 1_048_576.0 => format!("{:.0} Mi", value / 1_048_576.0),
        value if value >= 1024.0 => format!("{:.0} Ki", value / 1024.0),
        value => format!("{value:.0}"),
    }
}

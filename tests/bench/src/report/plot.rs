//! Plots as SVG.

mod bars;
mod lines;

use crate::{
    host::Host,
    results::{Drawing, Picture, Scale},
};
use plotters::{
    coord::Shift,
    prelude::{DrawingArea, IntoDrawingArea, RGBColor, SVGBackend, WHITE},
};
use std::{error::Error, path::Path};

const COLOURS: [RGBColor; 8] = [
    RGBColor(0, 90, 181),
    RGBColor(86, 180, 233),
    RGBColor(120, 120, 120),
    RGBColor(220, 50, 32),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(150, 90, 170),
    RGBColor(60, 60, 60),
];

const PANEL: (u32, u32) = (640, 430);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

pub fn draw(path: &Path, picture: &Picture, host: &Host) -> Result<(), Box<dyn Error>> {
    let columns = picture.columns.clamp(1, picture.panels.len().max(1));
    let rows = picture.panels.len().div_ceil(columns).max(1);
    let size = (PANEL.0 * columns as u32, PANEL.1 * rows as u32 + 40);
    let root = SVGBackend::new(path, size).into_drawing_area();
    root.fill(&WHITE)?;
    let title = format!("{} ({}, {})", picture.title, host.processor, host.method);
    let titled = root.titled(&title, ("sans-serif", 18))?;
    let areas = titled.split_evenly((rows, columns));
    for (area, panel) in areas.iter().zip(&picture.panels) {
        match &panel.drawing {
            Drawing::Lines { x, series } => lines::draw(area, panel, *x, series)?,
            Drawing::Bars { groups, series } => bars::draw(area, &root, panel, groups, series)?,
        }
    }
    root.present()?;
    Ok(())
}

/// The smallest and the largest of some figures that a logarithmic axis can show.
fn span(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let shown = values.filter(|value| value.is_finite() && *value > 0.0);
    shown.fold(None, |span, value| match span {
        None => Some((value, value)),
        Some((low, high)) => Some((value.min(low), value.max(high))),
    })
}

/// The base of a logarithmic axis, so that it has labels.
fn base(low: f64, high: f64, scale: Scale) -> f64 {
    match scale {
        _ if high / low < 32.0 => 2.0,
        Scale::Binary => 4.0,
        Scale::Decimal => 10.0,
    }
}

fn label(value: f64, scale: Scale) -> String {
    let units: &[(f64, &str)] = match scale {
        Scale::Binary => &[
            (1_099_511_627_776.0, " Ti"),
            (1_073_741_824.0, " Gi"),
            (1_048_576.0, " Mi"),
            (1024.0, " Ki"),
        ],
        Scale::Decimal => &[(1e9, " G"), (1e6, " M"), (1e3, " k")],
    };
    let unit = units.iter().find(|(unit, _)| value >= *unit);
    let (value, name) = unit.map_or((value, ""), |(unit, name)| (value / unit, *name));
    let digits = if value < 0.1 { 1e6 } else { 1e2 };
    let rounded = (value * digits).round() / digits;
    format!("{rounded}{name}")
}

#[cfg(test)]
mod tests {
    use super::{Scale, label, span};

    #[test]
    fn axes() {
        assert_eq!(label(65536.0, Scale::Binary), "64 Ki");
        assert_eq!(label(2_500_000.0, Scale::Decimal), "2.5 M");
        assert_eq!(label(0.5, Scale::Decimal), "0.5");
        assert_eq!(label(0.001, Scale::Decimal), "0.001");
        assert_eq!(
            span([0.0, f64::NAN, 3.0, 1.0].into_iter()),
            Some((1.0, 3.0))
        );
    }
}

//! Plots.

use super::Comparison;
use crate::measure::Times;

/// One SVG file.
#[derive(Debug)]
pub struct Picture {
    /// The file's name without its end.
    pub name: String,
    pub title: String,
    pub columns: usize,
    pub panels: Vec<Panel>,
}

/// One plot.
#[derive(Debug)]
pub struct Panel {
    pub title: String,
    pub unit: String,
    pub drawing: Drawing,
}

/// All axes are logarithmic, except that of a bar's groups.
#[derive(Debug)]
pub enum Drawing {
    Lines {
        x: Axis,
        series: Vec<Line>,
    },
    /// For each series a bar in each group.
    Bars {
        groups: Vec<String>,
        series: Vec<Bar>,
    },
}

/// An axis, and how its numbers are written.
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    pub name: &'static str,
    pub scale: Scale,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Powers of two: 64 Ki.
    Binary,
    /// Powers of ten.
    Decimal,
}

#[derive(Debug)]
pub struct Line {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

#[derive(Debug)]
pub struct Bar {
    pub name: String,
    pub values: Vec<Option<f64>>,
}

impl Panel {
    /// The contenders' medians over the sizes.
    pub fn lines(title: &str, x: Axis, comparisons: &[&Comparison]) -> Self {
        let unit = comparisons.first().map_or("", |first| first.unit);
        Self::lines_of(title, unit, x, comparisons, |_, times| times.median)
    }

    /// As [`Self::lines`], with other figures than medians.
    pub fn lines_of(
        title: &str,
        unit: &str,
        x: Axis,
        comparisons: &[&Comparison],
        figure: impl Fn(&Comparison, &Times) -> f64,
    ) -> Self {
        let series = contenders(comparisons).map(|name| Line {
            name: name.to_owned(),
            points: comparisons
                .iter()
                .filter_map(|c| Some((c.size, figure(c, c.times(name)?))))
                .collect(),
        });
        let series = series.collect();
        Self {
            title: title.to_owned(),
            unit: unit.to_owned(),
            drawing: Drawing::Lines { x, series },
        }
    }

    /// The contenders' medians as bars, a group for each comparison.
    pub fn bars(title: &str, comparisons: &[&Comparison]) -> Self {
        let series = contenders(comparisons).map(|name| Bar {
            name: name.to_owned(),
            values: comparisons.iter().map(|c| c.median(name)).collect(),
        });
        Self {
            title: title.to_owned(),
            unit: comparisons
                .first()
                .map_or("", |first| first.unit)
                .to_owned(),
            drawing: Drawing::Bars {
                groups: comparisons.iter().map(|c| c.case.clone()).collect(),
                series: series.collect(),
            },
        }
    }
}

fn contenders<'a>(comparisons: &[&'a Comparison]) -> impl Iterator<Item = &'a str> {
    let first = comparisons.first().copied();
    let times = first.into_iter().flat_map(|first| &first.times);
    times.map(|times| times.contender.as_str())
}

//! What a suite found.

use crate::measure::Times;
use serde::{Serialize, Serializer};

/// Contenders at the same work.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// Comparisons of the same workload differ in size only.
    pub workload: &'static str,
    /// The size, for people.
    pub case: String,
    /// Where it stands on a plot.
    pub size: f64,
    /// What the times are: "ns a line".
    pub unit: &'static str,
    pub times: Vec<Times>,
}

impl Comparison {
    pub fn times(&self, contender: &str) -> Option<&Times> {
        self.times.iter().find(|times| times.contender == contender)
    }

    pub fn median(&self, contender: &str) -> Option<f64> {
        Some(self.times(contender)?.median)
    }

    /// How many times as long as `other` `contender` needs.
    pub fn ratio(&self, contender: &str, other: &str) -> Option<f64> {
        Some(self.times(contender)?.ratio(self.times(other)?))
    }

    /// How much longer than `other` `contender` needs.
    pub fn over(&self, contender: &str, other: &str) -> Option<f64> {
        Some(self.times(contender)?.over(self.times(other)?))
    }

    /// How many times as long as the best of `others` `contender` needs.
    pub fn ratio_to_best(&self, contender: &str, others: &[&str]) -> Option<f64> {
        let ratios = others
            .iter()
            .filter_map(|other| self.ratio(contender, other));
        ratios.reduce(f64::max)
    }
}

/// A promised figure and what was measured.
#[derive(Debug, Serialize)]
pub struct Promise {
    pub what: String,
    pub bound: Bound,
    pub limit: f64,
    /// The worst one, where there are several; none if it cannot be measured here.
    pub measured: Option<f64>,
    pub holds: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    AtMost,
    AtLeast,
}

impl Promise {
    pub fn at_most(what: impl Into<String>, limit: f64, measured: Option<f64>) -> Self {
        Self::new(what, Bound::AtMost, limit, measured)
    }

    pub fn at_least(what: impl Into<String>, limit: f64, measured: Option<f64>) -> Self {
        Self::new(what, Bound::AtLeast, limit, measured)
    }

    fn new(what: impl Into<String>, bound: Bound, limit: f64, measured: Option<f64>) -> Self {
        let holds = measured.map(|measured| match bound {
            Bound::AtMost => measured <= limit,
            Bound::AtLeast => measured >= limit,
        });
        Self {
            what: what.into(),
            bound,
            limit,
            measured,
            holds,
        }
    }
}

/// A table of figures.
#[derive(Debug, Serialize)]
pub struct Table {
    pub title: String,
    pub header: Vec<String>,
    pub rows: Vec<Vec<Cell>>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    Text(String),
    /// A number, and how many decimals of it are shown.
    Number(f64, usize),
    Nothing,
}

impl Cell {
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub fn count(value: usize) -> Self {
        Self::Number(value as f64, 0)
    }

    pub fn number(value: Option<f64>, decimals: usize) -> Self {
        value.map_or(Self::Nothing, |value| Self::Number(value, decimals))
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Number(value, 0) => serializer.serialize_i64(*value as i64),
            Self::Number(value, _) => serializer.serialize_f64(*value),
            Self::Nothing => serializer.serialize_none(),
        }
    }
}

impl Table {
    pub fn new<H: Into<String>>(
        title: impl Into<String>,
        header: impl IntoIterator<Item = H>,
    ) -> Self {
        Self {
            title: title.into(),
            header: header.into_iter().map(Into::into).collect(),
            rows: Vec::new(),
        }
    }

    /// A row for each comparison, with the contenders' medians and some ratios (own, other).
    pub fn of(title: &str, comparisons: &[&Comparison], ratios: &[(&str, &str)]) -> Self {
        Self::with_figures(title, comparisons, ratios, |_, times| times.median)
    }

    /// As [`Self::of`], with other figures than medians.
    pub fn with_figures(
        title: &str,
        comparisons: &[&Comparison],
        ratios: &[(&str, &str)],
        figure: impl Fn(&Comparison, &Times) -> f64,
    ) -> Self {
        let first = comparisons.first();
        let names = first.iter().flat_map(|first| &first.times);
        let names: Vec<_> = names.map(|times| times.contender.as_str()).collect();
        let present = |(own, other): &&(&str, &str)| names.contains(own) && names.contains(other);
        let ratios: Vec<_> = ratios.iter().filter(present).collect();
        let mut header = vec![String::new()];
        header.extend(names.iter().map(|&name| name.to_owned()));
        header.extend(ratios.iter().map(|(own, other)| format!("{own} / {other}")));
        let mut table = Self::new(title, header);
        for comparison in comparisons {
            let mut row = vec![Cell::text(&comparison.case)];
            row.extend(names.iter().map(|name| {
                let times = comparison.times(name);
                Cell::number(times.map(|times| figure(comparison, times)), 2)
            }));
            row.extend(
                ratios
                    .iter()
                    .map(|(own, other)| Cell::number(comparison.ratio(own, other), 3)),
            );
            table.rows.push(row);
        }
        table
    }
}

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

/// All that a suite found.
#[derive(Debug, Default, Serialize)]
pub struct Results {
    pub promises: Vec<Promise>,
    /// What a reader must know.
    pub notes: Vec<String>,
    pub tables: Vec<Table>,
    pub comparisons: Vec<Comparison>,
    #[serde(skip)]
    pub pictures: Vec<Picture>,
}

impl Results {
    pub fn new(comparisons: Vec<Comparison>) -> Self {
        Self {
            comparisons,
            ..Self::default()
        }
    }

    pub fn of<'a>(&'a self, workload: &str) -> Vec<&'a Comparison> {
        let comparisons = self.comparisons.iter();
        comparisons.filter(|c| c.workload == workload).collect()
    }

    /// Whether no promise is broken.
    pub fn hold(&self) -> bool {
        self.promises
            .iter()
            .all(|promise| promise.holds != Some(false))
    }
}

/// The largest figure of some comparisons.
pub fn worst<'a>(
    comparisons: impl IntoIterator<Item = &'a Comparison>,
    figure: impl Fn(&Comparison) -> Option<f64>,
) -> Option<f64> {
    comparisons.into_iter().filter_map(figure).reduce(f64::max)
}

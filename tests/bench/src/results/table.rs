//! Tables.

use super::Comparison;
use crate::measure::Times;
use serde::{Serialize, Serializer};

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

//! The exponent of growth.

use super::{
    COMMIT, RECORD,
    sizes::{KINDS, Kind},
};
use crate::results::{Cell, Results, Table};

/// `b` of `all time = a * size ^ b`; 1 is linear growth. By least squares on logarithms.
pub fn exponent(results: &Results, kind: &Kind, what: &str) -> Option<f64> {
    let lines_grow = kind.workload != super::sizes::SIZE.workload;
    let comparisons = results.of(kind.workload);
    let points = comparisons.iter().filter_map(|c| {
        let each = c.median(what)?;
        let all = if lines_grow { each * c.size } else { each };
        Some((c.size.ln(), all.ln()))
    });
    slope(&points.collect::<Vec<_>>())
}

fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let count = points.len() as f64;
    let mean = |part: fn(&(f64, f64)) -> f64| points.iter().map(part).sum::<f64>() / count;
    let (x, y) = (mean(|point| point.0), mean(|point| point.1));
    let covariance: f64 = points
        .iter()
        .map(|point| (point.0 - x) * (point.1 - y))
        .sum();
    let variance: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    (variance > 0.0).then(|| covariance / variance)
}

pub fn table(results: &Results) -> Table {
    let title = "Exponent of the growth of all time: 1 is linear, 0 none";
    let mut table = Table::new(title, ["by", RECORD, COMMIT]);
    for kind in KINDS {
        let mut row = vec![Cell::text(kind.axis.name)];
        row.extend([RECORD, COMMIT].map(|what| Cell::number(exponent(results, kind, what), 3)));
        table.rows.push(row);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::slope;

    #[test]
    fn squares_have_exponent_two() {
        let points: Vec<_> = (1..9_i32)
            .map(f64::from)
            .map(|x| (x.ln(), (5.0 * x * x).ln()))
            .collect();
        assert!(slope(&points).is_some_and(|slope| (slope - 2.0).abs() < 1e-9));
        assert_eq!(slope(&[(1.0, 2.0)]), None);
    }
}

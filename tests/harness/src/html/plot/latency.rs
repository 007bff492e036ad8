//! How long commits took.

use super::{
    axis::Axis,
    picture::{
        About, Area, FLUSHED, HALF, INK, MOST, PlotError, chart, legend, mesh, svg, text_style,
    },
};
use crate::watch::{latency, text};
use daxflush_protocol::Histogram;
use plotters::{
    prelude::*,
    style::text_anchor::{HPos, VPos},
};

/// Bars for the buckets, a curve for those that took no longer, and two percentiles.
pub fn latency(histogram: &Histogram) -> Result<Option<String>, PlotError> {
    let Some((first, last)) = latency::used(histogram) else {
        return Ok(None);
    };
    let description = format!(
        "Bars count commits by how long they took, a bar for each power of two; a curve shows the \
         share that took no longer. Half took at most about {}, 99 of 100 at most about {}.",
        at(histogram, 0.5),
        at(histogram, 0.99)
    );
    let about = About {
        id: "latency-plot",
        title: "How long commits took",
        description: &description,
        size: (960, 380),
        crisp: false,
    };
    let (first, last) = (
        first.saturating_sub(1),
        (last + 1).min(histogram.buckets.len() - 1),
    );
    svg(&about, |area| draw(area, histogram, first, last)).map(Some)
}

fn at(histogram: &Histogram, fraction: f64) -> String {
    latency::percentile(histogram, fraction).map_or_else(String::new, text::time)
}

fn draw(
    area: &Area<'_>,
    histogram: &Histogram,
    first: usize,
    last: usize,
) -> Result<(), PlotError> {
    let (left, right) = (first as f64, last as f64 + 1.0);
    let most = histogram.buckets.iter().copied().max().unwrap_or(1) as f64;
    // Every bucket begins at a tick; labels where there is room.
    let step = (last - first + 1).div_ceil(12);
    let ticks = (first..=last).step_by(step);
    let ticks = ticks.map(|bucket| (bucket as f64, text::time(Histogram::least(bucket) as f64)));
    let x = Axis::new("time of a commit", left..right, ticks.collect());
    let y = Axis::round("commits", 0.0, most * 1.15, 6, |count| {
        text::grouped(count as u64)
    });
    let names = (x.name.clone(), y.name.clone());
    let chart = chart(area, (x.clone(), y), 70)?;
    let percent = |share: f64| format!("{share} %");
    let shares = [0.0, 25.0, 50.0, 75.0, 100.0].map(|share| (share, percent(share)));
    let shares = Axis::new("took no longer", 0.0..115.0, shares.to_vec());
    let mut chart = chart.set_secondary_coord(x, shares);
    mesh(&mut chart, names)?;
    chart
        .configure_secondary_axes()
        .axis_style(INK.mix(0.6))
        .label_style(text_style(HPos::Center, VPos::Center))
        .axis_desc_style(text_style(HPos::Center, VPos::Center))
        .y_desc("took no longer")
        .draw()?;
    let bars = (first..=last).filter(|bucket| histogram.buckets[*bucket] != 0);
    chart.draw_series(bars.map(|bucket| {
        let (x, count) = (bucket as f64, histogram.buckets[bucket] as f64);
        Rectangle::new(
            [(x + 0.08, 0.0), (x + 0.92, count)],
            FLUSHED.mix(0.75).filled(),
        )
    }))?;
    let total = histogram.count() as f64;
    let mut sum = 0.0;
    let mut curve = vec![(left, 0.0)];
    for bucket in first..=last {
        sum += histogram.buckets[bucket] as f64;
        curve.push((bucket as f64 + 1.0, sum / total * 100.0));
    }
    let stroke = ShapeStyle::from(INK.mix(0.7)).stroke_width(2);
    chart.draw_secondary_series(LineSeries::new(curve, stroke))?;
    // A label's width, of the axis's.
    let label = (right - left) * 0.13;
    let half = place(histogram, 0.5).unwrap_or(left);
    for (fraction, name, color) in [(0.5, "p50", HALF), (0.99, "p99", MOST)] {
        let Some(x) = place(histogram, fraction) else {
            continue;
        };
        // The two away from each other, but within the axes.
        let on_the_right = if fraction == 0.5 {
            x - label < left
        } else {
            x + label < right || x - half < label
        };
        let (anchor, shift) = if on_the_right {
            (HPos::Left, 0.006)
        } else {
            (HPos::Right, -0.006)
        };
        let shift = shift * (right - left);
        let stroke = color.stroke_width(2);
        let line = [(x, 0.0), (x, most * 1.12)];
        chart.draw_series(DashedLineSeries::new(line, 6, 4, stroke))?;
        let style = text_style(anchor, VPos::Top).color(&color);
        let words = format!("{name} {}", at(histogram, fraction));
        let above = std::iter::once(Text::new(words, (x + shift, most * 1.13), style));
        chart.draw_series(above)?;
    }
    legend(
        area,
        &[
            (FLUSHED.mix(0.75), "commits"),
            (INK.mix(0.7), "share of commits that took no longer"),
        ],
    )
}

/// Where a percentile is, in buckets.
fn place(histogram: &Histogram, fraction: f64) -> Option<f64> {
    let value = latency::percentile(histogram, fraction)?;
    let bucket = latency::percentile_bucket(histogram, fraction)?;
    let within = match Histogram::least(bucket) {
        0 => 0.5,
        least => (value / least as f64).log2().clamp(0.0, 1.0),
    };
    Some(bucket as f64 + within)
}

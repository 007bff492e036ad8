//! How many lines were asked for and flushed, over time.

use super::{
    axis::Axis,
    picture::{ASKED, About, Area, Chart, FLUSHED, PlotError, chart, legend, svg},
};
use crate::{
    html::data::Point,
    watch::text::{grouped, short},
};
use plotters::prelude::*;

/// The most places along the axis: about one for two pixels.
const MOST_BINS: usize = 400;

/// Lines of each commit or interval, on a logarithmic scale.
pub fn over_time(points: &[Point], live: bool) -> Result<Option<String>, PlotError> {
    let series = series(points, |_, lines| lines as f64);
    let (title, name) = if live {
        ("Lines flushed in each interval", "lines in an interval")
    } else {
        (
            "Lines asked and flushed in each commit",
            "lines of a commit",
        )
    };
    plot("lines-plot", title, name, live, points, &series)
}

/// Lines up to each commit or interval, added up.
pub fn cumulative(points: &[Point], live: bool) -> Result<Option<String>, PlotError> {
    let series = series(points, |sum, lines| {
        *sum = sum.saturating_add(lines);
        *sum as f64
    });
    let (title, name) = if live {
        ("Lines flushed so far", "lines so far")
    } else {
        ("Lines asked and flushed so far", "lines so far")
    };
    plot("sum-plot", title, name, live, points, &series)
}

struct Series {
    name: &'static str,
    color: RGBColor,
    values: Vec<(f64, f64)>,
}

/// What is known of the points, with each value made of the sum of those before and its own.
fn series(points: &[Point], value: impl Fn(&mut u64, u64) -> f64) -> Vec<Series> {
    let values = |read: fn(&Point) -> Option<u64>| {
        let mut sum = 0;
        let known = points.iter().filter_map(|p| Some((p.at, read(p)?)));
        known
            .map(|(at, lines)| (at, value(&mut sum, lines)))
            .collect()
    };
    let all = [
        Series {
            name: "asked for",
            color: ASKED,
            values: values(|point| point.asked),
        },
        Series {
            name: "flushed",
            color: FLUSHED,
            values: values(|point| Some(point.flushed)),
        },
    ];
    all.into_iter()
        .filter(|series| !series.values.is_empty())
        .collect()
}

fn plot(
    id: &str,
    title: &str,
    name: &str,
    live: bool,
    points: &[Point],
    series: &[Series],
) -> Result<Option<String>, PlotError> {
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return Ok(None);
    };
    let ends = series.iter().filter_map(|series| {
        let (_, end) = series.values.last()?;
        Some(format!(
            "{}: {} at the end",
            series.name,
            grouped(*end as u64)
        ))
    });
    let ends: Vec<String> = ends.collect();
    let description = format!(
        "{name}, on a logarithmic scale, {}. Lines are of 64 bytes. {}.",
        if live {
            "over time"
        } else {
            "from the first commit to the last"
        },
        ends.join("; ")
    );
    let about = About {
        id,
        title,
        description: &description,
        size: (960, 340),
        crisp: false,
    };
    let values = series.iter().flat_map(|series| &series.values);
    let most = values.map(|(_, value)| *value).fold(1.0, f64::max);
    let x = if live {
        Axis::round("seconds", 0.0, last.at, 10, |value| format!("{value}"))
    } else {
        let number = |value: f64| grouped(value as u64);
        Axis::round("commit", first.at.min(1.0), last.at.max(2.0), 10, number)
    };
    let y = Axis::counts(name, most, short);
    svg(&about, |area| draw(area, (x, y), series)).map(Some)
}

fn draw(area: &Area<'_>, axes: (Axis, Axis), series: &[Series]) -> Result<(), PlotError> {
    let mut chart = chart(area, axes, 0)?;
    for series in series {
        curve(&mut chart, series)?;
    }
    let ranged = series.iter().any(|series| series.values.len() > MOST_BINS);
    let names = series
        .iter()
        .map(|series| (series.color.mix(1.0), series.name));
    let mut entries: Vec<_> = names.collect();
    if ranged {
        let color = plotters::style::RGBColor(128, 128, 128).mix(0.3);
        entries.push((color, "least to most, where several share a place"));
    }
    legend(area, &entries)
}

fn curve(chart: &mut Chart<'_, '_>, series: &Series) -> Result<(), PlotError> {
    let bins = series
        .values
        .chunks(series.values.len().div_ceil(MOST_BINS).max(1));
    let (mut upper, mut lower, mut means) = (Vec::new(), Vec::new(), Vec::new());
    for bin in bins {
        let values = || bin.iter().map(|(_, value)| *value);
        let at = bin.iter().map(|(at, _)| *at).sum::<f64>() / bin.len() as f64;
        upper.push((at, values().fold(0.0, f64::max)));
        lower.push((at, values().fold(f64::INFINITY, f64::min)));
        means.push((at, values().sum::<f64>() / bin.len() as f64));
    }
    if upper != lower {
        let outline: Vec<_> = upper.into_iter().chain(lower.into_iter().rev()).collect();
        let area = Polygon::new(outline, series.color.mix(0.25).filled());
        chart.draw_series(std::iter::once(area))?;
    }
    let dots: Vec<_> = if means.len() < 60 {
        means.clone()
    } else {
        Vec::new()
    };
    chart.draw_series(LineSeries::new(means, series.color.stroke_width(2)))?;
    chart.draw_series(
        dots.into_iter()
            .map(|place| Circle::new(place, 3, series.color.filled())),
    )?;
    Ok(())
}

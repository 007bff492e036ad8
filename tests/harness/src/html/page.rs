//! The page itself.

use super::{
    data::{Origin, ReportData},
    escape::escaped,
    plot::{self, PlotError},
    tables::{self, known, ratio, table},
};
use crate::{
    mapped::Mapped,
    watch::{
        latency,
        text::{grouped, time},
    },
};
use daxflush_protocol::Histogram;
use std::fmt::Write;

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// A plot.
    #[error(transparent)]
    Plot(#[from] PlotError),
}

/// One HTML file that needs nothing else: no script, no font, no picture from anywhere.
///
/// # Errors
/// A plot cannot be drawn.
pub fn page(data: &ReportData) -> Result<String, PageError> {
    let title = escaped(&title(data));
    let style = include_str!("style.css");
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta \
         name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta \
         name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n<style>\n{style}\
         </style>\n</head>\n<body>\n<header><h1>{title}</h1></header>\n<main>\n"
    );
    summary(&mut html, data);
    faults(&mut html, data);
    if data.summary.commits == 0 && data.points.iter().all(|point| point.flushed == 0) {
        html.push_str(
            "<section><h2>No commits</h2><p>Nothing was committed, so there is nothing to \
             plot.</p></section>\n",
        );
    } else {
        latencies(&mut html, data)?;
        lines(&mut html, data)?;
    }
    maps(&mut html, data)?;
    if !data.files.is_empty() {
        let files = tables::files(&data.files);
        let _ = writeln!(html, "<section><h2>Files</h2>{files}</section>");
    }
    html.push_str(
        "</main>\n<footer><p>A line is a cache line: 64 bytes. Made by daxctl.</p></footer>\n</body>\n\
         </html>\n",
    );
    Ok(html)
}

fn title(data: &ReportData) -> String {
    match &data.origin {
        Origin::Replay { report } => format!("daxflush: replay of {}", report.trace),
        Origin::Live { seconds } => format!("daxflush: {seconds:.0} seconds of a driver at work"),
    }
}

fn is_live(data: &ReportData) -> bool {
    matches!(data.origin, Origin::Live { .. })
}

fn summary(html: &mut String, data: &ReportData) {
    let summary = &data.summary;
    let histogram = Histogram::from(&data.latency);
    let percentile = |fraction| {
        latency::percentile(&histogram, fraction)
            .map_or_else(|| "–".to_owned(), |value| format!("about {}", time(value)))
    };
    let mut cards = vec![
        (grouped(summary.commits), "commits"),
        (grouped(summary.flushed_lines), "lines flushed"),
    ];
    if summary.asked_lines.is_some() {
        cards.insert(1, (known(summary.asked_lines), "lines asked for"));
        cards.push((
            ratio(summary.asked_lines, summary.flushed_lines),
            "fewer lines than asked for",
        ));
    }
    html.push_str("<section><h2>Summary</h2><ul class=\"cards\">");
    for (number, name) in cards {
        let _ = write!(html, "<li><strong>{number}</strong> {name}</li>");
    }
    html.push_str("</ul>");
    if !is_live(data) {
        html.push_str(
            "<p class=\"note\"><strong>The times are the simulator's.</strong> Each flush \
             instruction traps into it there, so a commit takes far longer than on a real machine, \
             and only how times compare with each other means something. The counts are exact.</p>",
        );
    }
    let [major, minor, patch] = data.driver.version;
    let mut rows = vec![
        vec!["driver".into(), format!("daxflush {major}.{minor}.{patch}")],
        vec!["flush instruction".into(), data.driver.method.clone()],
    ];
    match &data.origin {
        Origin::Replay { report } => rows.extend([
            vec!["trace".into(), report.trace.clone()],
            vec!["seed".into(), report.seed.to_string()],
            vec!["stores through views".into(), way(report.mapped).into()],
            vec!["power cuts".into(), grouped(report.power_cuts)],
            vec!["bytes lost in them".into(), grouped(report.bytes_lost)],
            vec!["stores".into(), grouped(report.stores)],
            vec!["runs of lines flushed".into(), grouped(report.ranges)],
            vec!["drains".into(), grouped(report.drains_observed)],
            vec!["left dirty at the end".into(), grouped(report.left_dirty)],
        ]),
        Origin::Live { seconds } => {
            rows.push(vec!["seconds".into(), format!("{seconds:.1}")]);
            rows.push(vec![
                "failed commits".into(),
                grouped(summary.failed_commits),
            ]);
        }
    }
    rows.extend([
        vec!["writes".into(), grouped(summary.writes)],
        vec!["commit time, half (p50)".into(), percentile(0.5)],
        vec!["commit time, 99 of 100 (p99)".into(), percentile(0.99)],
    ]);
    if let Some(mean) = latency::mean(&histogram) {
        rows.push(vec!["commit time, mean".into(), time(mean)]);
    }
    html.push_str(&table("The run", &["what", "value"], &rows));
    html.push_str("</section>\n");
}

fn way(mapped: Mapped) -> &'static str {
    match mapped {
        Mapped::Report => "reported (mark-dirty IOCTL)",
        Mapped::Log => "logged (dirty log)",
        Mapped::Faults => "first-write tracking",
        Mapped::Conservative => "not reported",
    }
}

fn faults(html: &mut String, data: &ReportData) {
    if data.faults.is_empty() {
        let words = if is_live(data) {
            "No commit failed, and nothing was refused."
        } else {
            "The driver did all it promises: no bytes lost, the counts agree, no rule broken."
        };
        let _ = writeln!(
            html,
            "<section><h2>Failures</h2><p class=\"good\">{words}</p></section>"
        );
        return;
    }
    html.push_str("<section><h2>Failures</h2><ul class=\"bad\">");
    for fault in &data.faults {
        let _ = write!(html, "<li>{}</li>", escaped(fault.trim()));
    }
    html.push_str("</ul></section>\n");
}

/// A plot with the numbers beside it.
fn figure(html: &mut String, caption: &str, svg: &str, numbers: &str) {
    let _ = writeln!(
        html,
        "<figure><figcaption>{}</figcaption><div class=\"plot\">{svg}</div>",
        escaped(caption)
    );
    if !numbers.is_empty() {
        let _ = writeln!(html, "<div class=\"numbers\">{numbers}</div>");
    }
    html.push_str("</figure>\n");
}

fn latencies(html: &mut String, data: &ReportData) -> Result<(), PageError> {
    let histogram = Histogram::from(&data.latency);
    html.push_str("<section><h2>How long commits took</h2>");
    match plot::latency(&histogram)? {
        Some(svg) => {
            let caption = if is_live(data) {
                "Each bar counts the commits from its time to twice that."
            } else {
                "Each bar counts the commits from its time to twice that, in the simulator's time."
            };
            figure(html, caption, &svg, &tables::buckets(&histogram));
        }
        None => html.push_str("<p>No commit's time is known.</p>"),
    }
    html.push_str("</section>\n");
    Ok(())
}

fn lines(html: &mut String, data: &ReportData) -> Result<(), PageError> {
    let live = is_live(data);
    let heading = if live {
        "Lines flushed"
    } else {
        "Lines asked for and lines flushed"
    };
    let _ = write!(html, "<section><h2>{heading}</h2>");
    if let Some(svg) = plot::over_time(&data.points, live)? {
        let caption = if live {
            "Lines flushed in each interval."
        } else {
            "Of each commit: the lines in the range that the program asked for, and those flushed."
        };
        figure(html, caption, &svg, "");
    }
    if let Some(svg) = plot::cumulative(&data.points, live)? {
        let numbers = tables::parts(&data.points, live);
        figure(html, "The same, added up.", &svg, &numbers);
    }
    html.push_str("</section>\n");
    Ok(())
}

fn maps(html: &mut String, data: &ReportData) -> Result<(), PageError> {
    let live = is_live(data);
    let mut section = String::new();
    for (place, map) in data.maps.iter().enumerate() {
        let Some(svg) = plot::heat_map(map, &format!("map-{place}"), live)? else {
            continue;
        };
        figure(&mut section, &map.file, &svg, &tables::busiest(map));
    }
    if !section.is_empty() {
        let words = if live {
            "Lines that were dirty when the file was looked at."
        } else {
            "Lines that were stored to since the commit before, as each commit found them."
        };
        let _ = writeln!(
            html,
            "<section><h2>Where files were dirty</h2><p>{words}</p>{section}</section>"
        );
    }
    Ok(())
}

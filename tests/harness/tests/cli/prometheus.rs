//! `daxctl status --prometheus`, as Prometheus reads it.

use crate::run::{on, text};
use prometheus_parse::{Scrape, Value};

#[test]
fn prometheus_reads_every_counter_and_histogram() {
    let shown = text(&on("private", &["status", "--prometheus"]));
    let lines = shown.lines().map(|line| Ok(line.to_owned()));
    let scrape = Scrape::parse(lines).expect("the text format");
    let find = |name: &str| {
        let mut found = scrape.samples.iter().filter(|sample| sample.metric == name);
        let sample = found.next().unwrap_or_else(|| panic!("{name} is missing"));
        assert!(found.next().is_none(), "{name} is there twice");
        sample
    };
    let number = |name: &str| match find(name).value {
        Value::Counter(value) | Value::Gauge(value) | Value::Untyped(value) => value,
        ref other => panic!("{name}: {other:?}"),
    };
    let commits = number("daxflush_commits_total");
    assert!(commits > 0.0);
    assert!(matches!(
        find("daxflush_writes_total").value,
        Value::Counter(_)
    ));
    assert!(matches!(
        find("daxflush_dirty_lines").value,
        Value::Gauge(_)
    ));
    assert!(number("daxflush_uptime_seconds") > 0.0);
    let information = find("daxflush_info");
    assert_eq!(information.value, Value::Gauge(1.0));
    assert!(information.labels.get("version").is_some());
    for (name, sum) in [
        ("daxflush_commit_duration_seconds", None),
        (
            "daxflush_commit_lines",
            Some(number("daxflush_lines_total")),
        ),
    ] {
        let Value::Histogram(buckets) = &find(name).value else {
            panic!("{name} is no histogram");
        };
        let bounds = buckets.iter().map(|bucket| bucket.less_than);
        assert!(bounds.is_sorted_by(|a, b| a < b), "{name}: bounds grow");
        let counts = buckets.iter().map(|bucket| bucket.count);
        assert!(
            counts.is_sorted(),
            "{name}: each bucket holds those before it"
        );
        let last = buckets.last().expect("buckets");
        assert_eq!(last.less_than, f64::INFINITY, "{name}");
        assert_eq!(last.count, commits, "{name}");
        assert_eq!(number(&format!("{name}_count")), commits);
        let total = number(&format!("{name}_sum"));
        assert!(sum.is_none_or(|sum| sum == total) && total > 0.0, "{name}");
    }
    // What the parser does not look at.
    for line in shown.lines().filter(|line| line.starts_with("# TYPE ")) {
        let name = line.split(' ').nth(2).expect("a name");
        assert!(
            shown.contains(&format!("# HELP {name} ")),
            "{name} is not explained"
        );
    }
}

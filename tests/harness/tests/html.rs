//! The page: what goes in can be read there, and nothing else is loaded or done by it.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use daxctl::{
    html::{
        Collector, DirtyCells, Driver, FileTotals, HeatMap, Latency, LiveOptions, Origin, Point,
        ReportData, Summary, collect_live, page,
    },
    mapped::Mapped,
    model::{LINE, Model},
    replay::{Commit, Observer},
    report::Report,
    trace::{self, Op, Trace},
    watch::{Sample, Source, SourceError, Stream, Streams},
};
use daxflush_protocol::{Histogram, Information, StatisticsReply, StreamRecord, VersionReply};
use std::{path::Path, time::Duration};

fn example() -> ReportData {
    let mut latency = Histogram::default();
    latency.buckets[7] = 1200;
    latency.buckets[10] = 34;
    latency.sum = 123_456;
    ReportData {
        origin: Origin::Replay {
            report: Box::new(Report {
                trace: "example".into(),
                commits: 1234,
                seed: 42,
                power_cuts: 200,
                ..Report::default()
            }),
        },
        driver: Driver {
            version: [1, 2, 3],
            method: "clwb".into(),
        },
        summary: Summary {
            commits: 1234,
            failed_commits: 0,
            writes: 5678,
            asked_lines: Some(78_662_400),
            flushed_lines: 71_893,
        },
        latency: Latency::from(&latency),
        points: (1..=1234)
            .map(|at| Point {
                at: f64::from(at),
                asked: Some(64_000),
                flushed: 58,
                dirty: 58,
            })
            .collect(),
        maps: vec![HeatMap {
            file: "data.mdb".into(),
            cell_bytes: 4096,
            columns: 3,
            times: vec![0.0, 617.0, 1234.0],
            rows: vec![vec![0, 5, 5], vec![64, 0, 1]],
        }],
        files: vec![FileTotals {
            name: "data.mdb".into(),
            bytes: 12 << 10,
            commits: 1234,
            asked: Some(78_662_400),
            flushed: 71_893,
        }],
        faults: Vec::new(),
    }
}

/// Nothing is loaded, run, or left open.
fn is_self_contained(html: &str) {
    let without = html.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
    for bad in [
        "http:",
        "https:",
        "src=",
        "href=",
        "<script",
        "@import",
        "url(",
        "<link",
        "<img",
        "<iframe",
        " onload",
        "javascript",
    ] {
        assert!(!without.contains(bad), "{bad:?} is in the page");
    }
    for tag in ["svg", "table", "section", "figure", "html", "body", "text"] {
        let opened =
            html.matches(&format!("<{tag} ")).count() + html.matches(&format!("<{tag}>")).count();
        let closed = html.matches(&format!("</{tag}>")).count();
        assert_eq!(opened, closed, "<{tag}>");
    }
    let svgs = html.matches("<svg ").count();
    assert_eq!(html.matches("role=\"img\"").count(), svgs);
    assert_eq!(html.matches("<desc id=").count(), svgs);
}

#[test]
fn a_page_has_the_numbers() {
    let html = page(&example()).expect("a page");
    is_self_contained(&html);
    assert_eq!(html.matches("<svg ").count(), 4);
    for part in [
        "replay of example",
        "daxflush 1.2.3",
        "<td>clwb</td>",
        "<td>42</td>",
        "78,662,400",
        "71,893",
        "1094.2 ×",
        "<td>5,678</td>",
        "The times are the simulator&",
        "did all it promises",
        "6.4 µs to 12.8 µs",
        "<td>1,200</td><td>97.2 %</td>",
        "Dirty lines of data.mdb",
        "prefers-color-scheme: dark",
        "12 KiB",
    ] {
        let found = html.contains(part) || html.contains(&part.replace('&', "'"));
        let found = found || html.contains(part.trim_end_matches('&'));
        assert!(found, "{part:?} is not in the page");
    }
}

#[test]
fn data_can_be_kept_as_json() {
    let data = example();
    let json = serde_json::to_string(&data).expect("JSON");
    let again: ReportData = serde_json::from_str(&json).expect("data");
    assert_eq!(data, again);
    assert_eq!(page(&data).expect("a page"), page(&again).expect("a page"));
}

#[test]
fn text_from_outside_stays_text() {
    let bad = "</title><script>alert('1')</script>\" onload=\"x&y\u{1b}";
    let mut data = example();
    data.maps[0].file = bad.into();
    data.files[0].name = bad.into();
    data.faults = vec![bad.into()];
    data.driver.method = bad.into();
    if let Origin::Replay { report } = &mut data.origin {
        report.trace = bad.into();
    }
    let html = page(&data).expect("a page");
    assert!(!html.contains("<script") && !html.contains("\" onload") && !html.contains('\u{1b}'));
    assert!(
        html.contains("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot; onload=&quot;x&amp;y")
    );
}

#[test]
fn failures_are_told() {
    let mut data = example();
    data.faults = vec!["12 bytes lost".into(), "broken rule: leak".into()];
    let html = page(&data).expect("a page");
    assert!(html.contains("<li>12 bytes lost</li><li>broken rule: leak</li>"));
    assert!(!html.contains("did all it promises"));
}

#[test]
fn nothing_at_all_is_said_to_be_nothing() {
    for origin in [
        Origin::default(),
        Origin::Replay {
            report: Box::default(),
        },
    ] {
        let data = ReportData {
            origin,
            ..ReportData::default()
        };
        let html = page(&data).expect("a page");
        is_self_contained(&html);
        assert!(html.contains("Nothing was committed"));
        assert!(!html.contains("<svg"));
    }
}

#[test]
fn odd_data_makes_a_page_too() {
    let mut data = example();
    data.points.truncate(1);
    data.latency = Latency {
        buckets: vec![1; 40],
        sum: u64::MAX,
    };
    data.points[0].flushed = u64::MAX;
    data.points[0].at = 0.0;
    data.maps[0].rows[0].truncate(1);
    data.maps.push(HeatMap {
        rows: vec![vec![u64::MAX]],
        times: vec![0.0, 0.0],
        columns: u64::MAX,
        cell_bytes: u64::MAX,
        ..HeatMap::default()
    });
    data.maps.push(HeatMap {
        rows: vec![vec![1]],
        ..HeatMap::default()
    });
    data.maps.push(HeatMap {
        rows: vec![vec![1]],
        times: vec![0.0, 1.0],
        columns: 1,
        cell_bytes: 0,
        ..HeatMap::default()
    });
    data.latency.buckets = vec![u64::MAX; 40];
    data.points.push(data.points[0]);
    is_self_contained(&page(&data).expect("a page"));
}

/// A trace as the model alone sees it; the times are made up.
fn modelled(name: &str) -> (Trace, ReportData) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/traces");
    let trace = trace::read(&root.join(format!("{name}.tsv.gz"))).expect("a trace");
    let mut collector = Collector::new(&trace);
    collector.driver(&VersionReply {
        driver: [0, 2, 0],
        method: 3,
        ..VersionReply::default()
    });
    let (mut model, mut sequence) = (Model::default(), 0);
    let mut report = Report {
        trace: name.into(),
        seed: 1,
        mapped: Mapped::Log,
        ..Report::default()
    };
    for step in &trace.steps {
        match step.op {
            Op::Write {
                file,
                offset,
                length,
            }
            | Op::Store {
                file,
                offset,
                length,
            } => {
                sequence += 1;
                let file = model.file(file);
                let data = file.fresh_data(offset, length, sequence);
                file.store(offset, &data);
                report.writes += 1;
            }
            Op::Flush { file } | Op::FlushView { file, .. } => {
                let found = model.file(file);
                let (asked, flushed) = (found.lines(), found.dirty_lines());
                collector.commit(&Commit {
                    line: step.line,
                    file,
                    asked,
                    flushed,
                    time: 3000 + flushed * 180 + asked % 977 * 3,
                    found,
                });
                found.commit();
                report.commits += 1;
                report.asked_lines += asked;
                report.lines_expected += flushed;
                report.lines_flushed += flushed;
                report.lines_flushed_observed += flushed;
            }
            Op::Truncate { file, size } => model.file(file).truncate(size),
            Op::Delete { file } => model.delete(file),
            Op::Open { .. } | Op::Map { .. } => {}
        }
    }
    let data = collector.finish(&report);
    (trace, data)
}

fn keep(name: &str, html: &str) {
    if let Some(folder) = std::env::var_os("DAXFLUSH_PICTURES") {
        let path = Path::new(&folder).join(format!("{name}.html"));
        std::fs::write(path, html).expect("a page");
    }
}

/// Written into the folder that DAXFLUSH_PICTURES names, if it does.
#[test]
fn traces_make_pages() {
    for (name, lines) in [
        ("lmdb-writemap", 71_893),
        ("sqlite-rollback", 288_314),
        ("sqlite-wal", 127_791),
    ] {
        let (trace, data) = modelled(name);
        let commits = trace
            .steps
            .iter()
            .filter(|step| step.op.is_commit())
            .count();
        assert_eq!(data.points.len(), commits);
        let flushed = data.files.iter().map(|file| file.flushed).sum::<u64>();
        assert_eq!(flushed, lines);
        let mapped = &data.maps[0];
        let dirty: u64 = mapped.rows.iter().flatten().sum();
        assert_eq!(
            dirty, data.files[0].flushed,
            "each dirty line is in one cell"
        );
        assert_eq!(mapped.times.len(), mapped.rows.len() + 1);
        assert_eq!(mapped.times.last(), Some(&(commits as f64)));
        let html = page(&data).expect("a page");
        is_self_contained(&html);
        assert!(html.len() < 2 << 20, "{} bytes", html.len());
        keep(name, &html);
    }
}

/// A driver that does the same in each second.
struct Steady {
    seconds: u64,
}

impl Source for Steady {
    fn sample(&mut self) -> Result<Sample, SourceError> {
        let seconds = self.seconds;
        self.seconds += 1;
        let mut statistics = StatisticsReply::default();
        statistics.counters.commits = 100 * seconds;
        statistics.counters.lines = 3000 * seconds;
        statistics.counters.writes = 400 * seconds;
        statistics.counters.failed_commits = seconds / 20;
        statistics.counters.dirty_lines = 500 + 300 * (seconds % 7);
        for (bucket, share) in [(6, 20), (7, 50), (8, 25), (11, 5)] {
            statistics.commit_time.buckets[bucket] = share * seconds;
        }
        let record = StreamRecord {
            id: 9,
            commits: 100 * seconds,
            lines: 3000 * seconds,
            ..StreamRecord::default()
        };
        Ok(Sample {
            time: Duration::from_secs(5 + seconds),
            information: Information {
                driver: [0, 2, 0],
                method: 3,
                // It was loaded, and is loaded again in second 500.
                uptime: seconds % 500,
                ..Information::default()
            },
            statistics,
            volumes: Vec::new(),
            streams: Streams::Known(vec![Stream {
                volume: 1,
                record,
                name: r"\Device\HarddiskVolume7\ledger.db".into(),
            }]),
        })
    }
}

/// A file whose dirty part moves on.
struct Moving(u64);

impl DirtyCells for Moving {
    fn name(&self) -> &str {
        r"D:\ledger.db"
    }

    fn bytes(&self) -> u64 {
        1 << 20
    }

    fn dirty_cells(&mut self, cell_bytes: u64, cells: u32) -> Result<Vec<u32>, SourceError> {
        self.0 += 1;
        assert_eq!(cell_bytes * u64::from(cells), 1 << 20);
        let most = cell_bytes / LINE;
        let place = |cell| u64::from(cell).abs_diff(self.0 * 3 / 4 % u64::from(cells));
        Ok((0..cells)
            .map(|cell| most.saturating_sub(place(cell) * 16) as u32)
            .collect())
    }
}

#[test]
fn a_driver_at_work_makes_a_page() {
    let options = LiveOptions {
        duration: Duration::from_secs(300),
        ..LiveOptions::default()
    };
    let (mut source, mut file) = (Steady { seconds: 10 }, Moving(0));
    let mut waited = 0;
    let mut wait = |_| {
        waited += 1;
        true
    };
    let data = collect_live(&mut source, Some(&mut file), &options, &mut wait);
    let data = data.expect("data");
    assert_eq!(waited, 300);
    assert_eq!(data.origin, Origin::Live { seconds: 300.0 });
    assert_eq!(data.summary.commits, 30_000);
    assert_eq!(data.summary.asked_lines, None);
    assert_eq!(data.latency.buckets[7], 15_000);
    assert_eq!(data.points.len(), 300);
    assert!(data.points.iter().all(|point| point.flushed == 3000));
    assert_eq!(data.files[0].flushed, 900_000);
    let heat = &data.maps[0];
    assert!((64..=128).contains(&heat.rows.len()), "{}", heat.rows.len());
    assert_eq!(heat.times.len(), heat.rows.len() + 1);
    assert_eq!((heat.times[0], heat.times.last()), (0.0, Some(&300.0)));
    assert!(heat.times.is_sorted());
    assert_eq!(data.faults, ["15 commits failed"]);
    let html = page(&data).expect("a page");
    is_self_contained(&html);
    assert!(!html.contains("simulator"));
    keep("live", &html);
}

#[test]
fn looking_at_a_driver_can_be_ended() {
    let mut left = 3;
    let mut wait = |_| {
        left -= 1;
        left >= 0
    };
    let mut source = Steady { seconds: 1 };
    let data = collect_live(&mut source, None, &LiveOptions::default(), &mut wait);
    let data = data.expect("data");
    assert_eq!(data.points.len(), 3);
    assert!(data.maps.is_empty());
}

#[test]
fn a_driver_that_is_loaded_anew_ends_it() {
    let mut source = Steady { seconds: 490 };
    let options = LiveOptions::default();
    let data = collect_live(&mut source, None, &options, &mut |_| true).expect("data");
    assert_eq!(data.points.len(), 9);
    assert_eq!(data.summary.commits, 900);
    assert!(data.faults.iter().any(|fault| fault.contains("anew")));
}

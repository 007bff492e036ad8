//! `daxctl status`.

use super::{
    failure::{Failure, Outcome},
    output::{GOOD, HEAD, WARN, bytes, grouped, json, say, time},
    site::{Site, Visit},
};
use crate::client::{Coded, Platform, Scope};
use crate::statistics::{prometheus, quantile};
use daxflush_protocol::{Histogram, Information, StatisticsReply, feature, method_name};
use serde::Serialize;
use std::process::ExitCode;

/// What it takes.
#[derive(clap::Args)]
pub struct Arguments {
    /// Print the counters in Prometheus' text format
    #[arg(long, conflicts_with = "json")]
    prometheus: bool,
}

#[derive(Serialize)]
struct Answer {
    driver: String,
    protocol: u32,
    method: &'static str,
    line_size: u32,
    eadr: &'static str,
    features: Vec<&'static str>,
    trace_level: u32,
    uptime_ns: u64,
    volumes: u32,
    refused_settings: u32,
    limits: Limits,
    used: Used,
    counters: serde_json::Map<String, serde_json::Value>,
    commit_time: Times,
    commit_lines: Lines,
}

#[derive(Serialize)]
struct Limits {
    ranges: u32,
    write_bytes: u32,
    handles: u32,
    logs: u32,
    tokens: u32,
    all_logs: u32,
    all_tokens: u32,
}

#[derive(Serialize)]
struct Used {
    handles: u32,
    logs: u32,
    tokens: u32,
}

/// A histogram of times: each quantile is the upper bound of its bucket.
#[derive(Serialize)]
struct Times {
    count: u64,
    sum_ns: u64,
    p50_ns: u64,
    p99_ns: u64,
    max_ns: u64,
    /// Upper bounds in ns, and how many were below each and not below the one before.
    buckets: Vec<(u64, u64)>,
}

#[derive(Serialize)]
struct Lines {
    count: u64,
    sum: u64,
    p50: u64,
    p99: u64,
    max: u64,
    buckets: Vec<(u64, u64)>,
}

fn buckets(histogram: &Histogram, unit: u64) -> Vec<(u64, u64)> {
    let counts = histogram.buckets.iter().enumerate();
    let full = counts.filter(|(_, count)| **count != 0);
    full.map(|(bucket, count)| (Histogram::least(bucket + 1).saturating_mul(unit), *count))
        .collect()
}

impl Answer {
    fn new(information: &Information, statistics: &StatisticsReply) -> Self {
        let [major, minor, patch] = information.driver;
        let features = [
            (feature::LOGS, "logs"),
            (feature::TOKENS, "tokens"),
            (feature::NO_DRAIN, "no-drain"),
            (feature::TRACE, "trace"),
            (feature::SELF_TEST, "self-test"),
            (feature::SETTINGS, "settings"),
        ];
        let has = |(bit, name)| (information.features & bit != 0).then_some(name);
        let (times, lines) = (&statistics.commit_time, &statistics.commit_lines);
        let ns = |share| quantile(times, share).saturating_mul(100);
        Self {
            driver: format!("{major}.{minor}.{patch}"),
            protocol: information.protocol,
            method: method_name(information.method),
            line_size: information.line_size,
            eadr: match information.eadr {
                1 => "said by the administrator",
                _ => "unknown",
            },
            features: features.into_iter().filter_map(has).collect(),
            trace_level: information.trace_level,
            uptime_ns: information.uptime.saturating_mul(100),
            volumes: information.volumes,
            refused_settings: information.refused_settings,
            limits: Limits {
                ranges: information.max_ranges,
                write_bytes: information.max_write,
                handles: information.max_handles,
                logs: information.max_logs,
                tokens: information.max_tokens,
                all_logs: information.max_all_logs,
                all_tokens: information.max_all_tokens,
            },
            used: Used {
                handles: information.handles,
                logs: information.logs,
                tokens: information.tokens,
            },
            counters: crate::statistics::counters(&statistics.counters)
                .map(|counter| (counter.name.to_owned(), counter.value.into()))
                .collect(),
            commit_time: Times {
                count: times.count(),
                sum_ns: times.sum.saturating_mul(100),
                p50_ns: ns(0.5),
                p99_ns: ns(0.99),
                max_ns: ns(1.0),
                buckets: buckets(times, 100),
            },
            commit_lines: Lines {
                count: lines.count(),
                sum: lines.sum,
                p50: quantile(lines, 0.5),
                p99: quantile(lines, 0.99),
                max: quantile(lines, 1.0),
                buckets: buckets(lines, 1),
            },
        }
    }
}

impl Visit for Arguments {
    fn on<P: Platform>(self, site: &Site<'_, P>) -> Outcome
    where
        P::Error: Coded,
    {
        let device = site.device()?;
        let failed = |error| Failure::of("the driver's state", &error);
        let information = device.information().map_err(failed)?;
        let statistics = device.statistics_of(Scope::All).map_err(failed)?;
        let answer = Answer::new(&information, &statistics);
        if self.prometheus {
            print!("{}", prometheus(&information, &statistics));
        } else if site.json {
            json(&answer)?;
        } else {
            show(&answer, &statistics, site.simulated);
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn show(answer: &Answer, statistics: &StatisticsReply, simulated: bool) {
    let counters = &statistics.counters;
    let on = if simulated { ", simulated machine" } else { "" };
    say!(
        "{HEAD}daxflush {}{HEAD:#} (protocol {}){on}",
        answer.driver,
        answer.protocol
    );
    say!(
        "flush method     {}, {} bytes a line",
        answer.method,
        answer.line_size
    );
    say!("caches durable   {}", answer.eadr);
    say!("up               {}", time(answer.uptime_ns / 100));
    say!("volumes          {}", answer.volumes);
    let (used, limits) = (&answer.used, &answer.limits);
    say!(
        "in use           {} of {} handles, {} of {} logs, {} of {} tokens",
        used.handles,
        limits.handles,
        used.logs,
        limits.all_logs,
        used.tokens,
        limits.all_tokens
    );
    if answer.refused_settings != 0 {
        say!(
            "{WARN}{} stored settings cannot be used: see `daxctl settings`{WARN:#}",
            answer.refused_settings
        );
    }
    say!("");
    say!("{HEAD}commits{HEAD:#}");
    say!(
        "  {} done, {} of them by another's; {} lines in {} ranges, {} drains",
        grouped(counters.commits),
        grouped(counters.joined_commits),
        grouped(counters.lines),
        grouped(counters.ranges),
        grouped(counters.drains)
    );
    let times = &answer.commit_time;
    let [p50, p99, max] = [times.p50_ns, times.p99_ns, times.max_ns].map(|ns| time(ns / 100));
    say!("  half within {p50}, 99 % within {p99}, all within {max}");
    say!("{HEAD}dirty{HEAD:#}");
    say!(
        "  {} lines of {} streams; {} of {} tracking memory",
        grouped(counters.dirty_lines),
        grouped(counters.streams),
        bytes(counters.tracking_bytes),
        bytes(counters.tracking_limit)
    );
    say!(
        "  {} views of {}",
        grouped(counters.views),
        bytes(counters.view_bytes)
    );
    say!("{HEAD}recorded{HEAD:#}");
    say!(
        "  {} writes, {} reported ranges, {} log entries",
        grouped(counters.writes),
        grouped(counters.reports),
        grouped(counters.log_entries)
    );
    let troubles = [
        (counters.failed_commits, "commits failed"),
        (
            counters.refused,
            "requests refused, as they could not be tracked",
        ),
        (
            counters.log_overflows,
            "logs overflowed: their files were flushed whole",
        ),
        (
            counters.coarse_marks,
            "marks were coarse, for want of tracking memory",
        ),
        (
            counters.coarse_lines,
            "lines were flushed because of coarse marks",
        ),
        (
            counters.section_conflicts,
            "sections were closed for the file system",
        ),
        (counters.view_failures, "views could not be made"),
        (counters.evicted_views, "views were closed to make room"),
    ];
    let seen: Vec<_> = troubles.iter().filter(|(count, _)| *count != 0).collect();
    if seen.is_empty() {
        say!("{GOOD}nothing went wrong{GOOD:#}");
    }
    for (count, what) in seen {
        say!("{WARN}  {} {what}{WARN:#}", grouped(*count));
    }
}

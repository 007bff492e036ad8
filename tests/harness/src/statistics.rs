//! The driver's counters by name, quantiles of its histograms, and both in Prometheus' text format.

use daxflush_protocol::{Histogram, Information, Statistics, StatisticsReply, method_name};
use std::fmt::Write;

/// A counter, or what there is now.
#[derive(Clone, Copy, Debug)]
pub struct Counter {
    /// As the field of [`Statistics`].
    pub name: &'static str,
    /// Its value.
    pub value: u64,
    /// What it counts.
    pub help: &'static str,
    /// Whether it can only grow.
    pub grows: bool,
}

/// All counters of some statistics.
pub fn counters(statistics: &Statistics) -> impl Iterator<Item = Counter> + use<> {
    macro_rules! table {
        ($($name:ident, $grows:literal, $help:literal;)*) => {
            [$(Counter {
                name: stringify!($name),
                value: statistics.$name,
                help: $help,
                grows: $grows,
            }),*]
        };
    }
    table! {
        writes, true, "Write requests recorded";
        reports, true, "Ranges reported by programs";
        log_entries, true, "Entries taken from dirty logs";
        commits, true, "Commits that succeeded";
        joined_commits, true, "Commits that another commit had done already";
        failed_commits, true, "Commits that failed";
        ranges, true, "Runs of dirty lines flushed";
        batches, true, "Batches of runs flushed";
        lines, true, "Lines flushed by commits";
        coarse_lines, true, "Lines flushed because tracking had become coarse";
        drains, true, "Drains executed by commits";
        dirty_lines, false, "Lines that are dirty now";
        streams, false, "Streams that are tracked now";
        views, false, "Views of streams mapped now";
        view_bytes, false, "Bytes of files that views map now";
        tracking_bytes, false, "Bytes of tracking memory in use now";
        tracking_limit, false, "Bytes of tracking memory";
        log_overflows, true, "Dirty logs that overflowed or held what is no range";
        coarse_marks, true, "Marks that covered more than was stored";
        refused, true, "Requests refused because they could not be tracked";
        evicted_views, true, "Views closed to make room for others";
        section_conflicts, true, "Sections closed because the file system asked for it";
        view_failures, true, "Sections or views that could not be made";
    }
    .into_iter()
}

/// The upper bound of the bucket in which a share (0 to 1) of all values is reached; 0 if there are none.
pub fn quantile(histogram: &Histogram, share: f64) -> u64 {
    let count = histogram.count();
    let wanted = ((count as f64 * share).ceil() as u64).clamp(1, count.max(1));
    let mut seen = 0;
    for (bucket, values) in histogram.buckets.iter().enumerate() {
        seen += values;
        if seen >= wanted && count != 0 {
            return Histogram::least(bucket + 1).saturating_sub(1);
        }
    }
    0
}

/// Everything as Prometheus reads it; times in seconds.
pub fn prometheus(information: &Information, statistics: &StatisticsReply) -> String {
    let mut text = String::new();
    let [major, minor, patch] = information.driver;
    let method = method_name(information.method);
    let mut add = |line: std::fmt::Arguments<'_>| {
        // A string takes everything.
        let _ = writeln!(text, "{line}");
    };
    add(format_args!(
        "# HELP daxflush_info The driver's version and flush method"
    ));
    add(format_args!("# TYPE daxflush_info gauge"));
    add(format_args!(
        "daxflush_info{{version=\"{major}.{minor}.{patch}\",method=\"{method}\"}} 1"
    ));
    add(format_args!(
        "# HELP daxflush_uptime_seconds Since the driver was loaded"
    ));
    add(format_args!("# TYPE daxflush_uptime_seconds gauge"));
    add(format_args!(
        "daxflush_uptime_seconds {}",
        information.uptime as f64 / 1e7
    ));
    for Counter {
        name,
        value,
        help,
        grows,
    } in counters(&statistics.counters)
    {
        let (kind, suffix) = if grows {
            ("counter", "_total")
        } else {
            ("gauge", "")
        };
        add(format_args!("# HELP daxflush_{name}{suffix} {help}"));
        add(format_args!("# TYPE daxflush_{name}{suffix} {kind}"));
        add(format_args!("daxflush_{name}{suffix} {value}"));
    }
    for (name, help, histogram, unit) in [
        (
            "commit_duration_seconds",
            "How long successful commits took",
            &statistics.commit_time,
            1e-7,
        ),
        (
            "commit_lines",
            "Lines that successful commits flushed",
            &statistics.commit_lines,
            1.0,
        ),
    ] {
        add(format_args!("# HELP daxflush_{name} {help}"));
        add(format_args!("# TYPE daxflush_{name} histogram"));
        let mut sum = 0;
        let buckets = histogram.buckets.iter().enumerate();
        for (bucket, count) in buckets.take(histogram.buckets.len() - 1) {
            sum += count;
            // The largest value of the bucket, as `le` includes its bound.
            let bound = (Histogram::least(bucket + 1) - 1) as f64 * unit;
            add(format_args!(
                "daxflush_{name}_bucket{{le=\"{bound}\"}} {sum}"
            ));
        }
        let count = histogram.count();
        add(format_args!(
            "daxflush_{name}_bucket{{le=\"+Inf\"}} {count}"
        ));
        add(format_args!(
            "daxflush_{name}_sum {}",
            histogram.sum as f64 * unit
        ));
        add(format_args!("daxflush_{name}_count {count}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_of_the_structure_has_a_name() {
        let count = size_of::<Statistics>() / size_of::<u64>();
        assert_eq!(counters(&Statistics::default()).count(), count);
    }

    #[test]
    fn quantiles_are_bounds_of_buckets() {
        let mut histogram = Histogram::default();
        assert_eq!(quantile(&histogram, 0.5), 0);
        for value in [0, 3, 3, 3, 100] {
            histogram.buckets[Histogram::bucket(value)] += 1;
        }
        let found = [0.0, 0.2, 0.5, 0.8, 0.81, 1.0].map(|share| quantile(&histogram, share));
        assert_eq!(found, [0, 0, 3, 3, 127, 127]);
    }
}

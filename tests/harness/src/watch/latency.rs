//! Percentiles of histograms by powers of two.

use daxflush_protocol::{HISTOGRAM_BUCKETS, Histogram};

/// The value that a fraction of all values do not exceed, as near as the buckets tell: it is in the
/// same bucket as the exact one, at the place there that evenly spread values would have.
///
/// `None` if there are no values.
pub fn percentile(histogram: &Histogram, fraction: f64) -> Option<f64> {
    let (bucket, place) = locate(histogram, fraction)?;
    let least = Histogram::least(bucket);
    // Nothing is known of how far the last bucket goes.
    let most = match bucket + 1 {
        HISTOGRAM_BUCKETS => least,
        next => Histogram::least(next) - 1,
    };
    Some(least as f64 + place * most.saturating_sub(least) as f64)
}

/// The bucket of that value.
pub fn percentile_bucket(histogram: &Histogram, fraction: f64) -> Option<usize> {
    locate(histogram, fraction).map(|(bucket, _)| bucket)
}

/// The mean, which is exact; `None` if there are no values.
pub fn mean(histogram: &Histogram) -> Option<f64> {
    let count = histogram.count();
    (count != 0).then(|| histogram.sum as f64 / count as f64)
}

/// The buckets from the first that is not empty to the last, or `None` if all are.
pub fn used(histogram: &Histogram) -> Option<(usize, usize)> {
    let filled = |count: &u64| *count != 0;
    let first = histogram.buckets.iter().position(filled)?;
    let last = histogram.buckets.iter().rposition(filled)?;
    Some((first, last))
}

/// The bucket of a nearest-rank percentile, and where in the bucket, from 0 to 1.
fn locate(histogram: &Histogram, fraction: f64) -> Option<(usize, f64)> {
    let count = histogram.count();
    if count == 0 {
        return None;
    }
    let rank = (fraction.clamp(0.0, 1.0) * count as f64).ceil() as u64;
    let rank = rank.clamp(1, count);
    let mut below: u64 = 0;
    for (bucket, here) in histogram.buckets.iter().enumerate() {
        if rank - below <= *here {
            return Some((bucket, ((rank - below) as f64 - 0.5) / *here as f64));
        }
        below = below.saturating_add(*here);
    }
    None
}

//! Which bytes are stored.

use crate::peers::Store;
use fastrand::Rng;

const PAGE: u64 = 4096;

/// Stores in the order they are made.
pub struct Workload {
    pub name: String,
    /// Bytes of the file.
    pub span: u64,
    pub stores: Vec<Store>,
    pub random: bool,
    /// Most of what lies around a dirty line is dirty, too.
    pub dense: bool,
}

impl Workload {
    /// What is recorded: `count` random stores, or as many sequential ones as there are pages.
    pub fn all(wide: u64, narrow: u64, count: usize, seed: u64) -> Vec<Self> {
        let random = &mut Rng::with_seed(seed);
        let named = |what: &str, span| format!("{what}, {}", crate::suite::bytes(span));
        vec![
            Self {
                name: named("64-256 B random", wide),
                span: wide,
                stores: small(0..wide, count, random),
                random: true,
                dense: false,
            },
            Self {
                name: named("4 KiB random", wide),
                span: wide,
                stores: pages(wide, count, random),
                random: true,
                dense: false,
            },
            Self {
                name: named("64-256 B random", narrow),
                span: narrow,
                stores: small(0..narrow, count, random),
                random: true,
                dense: true,
            },
            Self {
                name: named("4 KiB sequential", wide),
                span: wide,
                stores: every(wide, PAGE, PAGE),
                random: false,
                dense: true,
            },
        ]
    }

    /// Bytes of lines that it makes dirty.
    pub fn dirty_bytes(&self) -> u64 {
        let mut lines: Vec<_> = self.stores.iter().map(Store::lines).collect();
        lines.sort_by_key(|lines| lines.start);
        let mut end = 0;
        let mut count = 0;
        for lines in lines {
            count += lines.end.saturating_sub(lines.start.max(end));
            end = end.max(lines.end);
        }
        count * daxflush_engine::LINE_SIZE
    }
}

/// Random stores of 64 to 256 bytes, at any byte.
pub fn small(span: std::ops::Range<u64>, count: usize, random: &mut Rng) -> Vec<Store> {
    let store = |_| {
        let length = random.u64(64..=256);
        Store::new(random.u64(span.start..=span.end - length), length)
    };
    (0..count).map(store).collect()
}

/// Random pages.
pub fn pages(span: u64, count: usize, random: &mut Rng) -> Vec<Store> {
    let page = |_| Store::new(random.u64(..span / PAGE) * PAGE, PAGE);
    (0..count).map(page).collect()
}

/// `length` bytes every `stride` bytes, in order.
pub fn every(span: u64, stride: u64, length: u64) -> Vec<Store> {
    let offsets = (0..span).step_by(stride as usize);
    offsets.map(|offset| Store::new(offset, length)).collect()
}

/// `count` stores of `length` bytes at multiples of `length`, all of them different and in the order
/// of a random walk through the span.
pub fn scattered(span: u64, count: usize, length: u64, random: &mut Rng) -> Vec<Store> {
    let places = span / length;
    let stratum = places / count as u64;
    assert!(stratum > 0, "more stores than places");
    let mut place = |index| (index as u64 * stratum + random.u64(..stratum)) * length;
    let mut stores: Vec<_> = (0..count)
        .map(|index| Store::new(place(index), length))
        .collect();
    random.shuffle(&mut stores);
    stores
}

#[cfg(test)]
mod tests {
    use super::{Workload, scattered};
    use fastrand::Rng;

    #[test]
    fn stores_lie_in_the_file_and_scattered_ones_are_different() {
        for workload in Workload::all(1 << 24, 1 << 20, 500, 3) {
            assert!(
                workload
                    .stores
                    .iter()
                    .all(|store| store.end() <= workload.span)
            );
            assert!(workload.dirty_bytes() <= workload.span);
        }
        let mut lines: Vec<_> = scattered(1 << 20, 1000, 64, &mut Rng::with_seed(5))
            .iter()
            .map(|store| store.offset)
            .collect();
        lines.sort_unstable();
        lines.dedup();
        assert_eq!(lines.len(), 1000);
        assert!(lines.iter().all(|line| line % 64 == 0 && *line < 1 << 20));
    }

    #[test]
    fn dirty_bytes_count_a_line_once() {
        let store = crate::peers::Store::new;
        let workload = Workload {
            name: String::new(),
            span: 4096,
            stores: vec![store(100, 100), store(0, 64), store(130, 10)],
            random: true,
            dense: false,
        };
        assert_eq!(workload.dirty_bytes(), 4 * 64);
    }
}

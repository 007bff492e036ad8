//! libFuzzer's program of the target.
#![no_main]

use daxflush_fuzz::{ioctl, program};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering::Relaxed};

/// More than the driver has blocks.
const BLOCKS: usize = 1 << 14;

/// The blocks of the driver that an input is the first to reach: libFuzzer counts these bytes as it
/// does those of instrumented code, and keeps the input. Nobody here reads them.
// SAFETY: the section holds nothing but arrays of bytes, as libFuzzer expects of it.
#[used]
#[unsafe(link_section = "__libfuzzer_extra_counters")]
static COUNTERS: [AtomicU8; BLOCKS] = [const { AtomicU8::new(0) }; BLOCKS];

static TOLD: [AtomicU8; BLOCKS] = [const { AtomicU8::new(0) }; BLOCKS];
static BEFORE: AtomicUsize = AtomicUsize::new(0);

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    program::run("ioctl", data);
    let now = ioctl::reached_count();
    if BEFORE.swap(now, Relaxed) != now {
        tell();
    }
});

fn tell() {
    let mut new = false;
    let blocks = ioctl::reached(|block| {
        if TOLD[block].swap(1, Relaxed) == 0 {
            COUNTERS[block].store(1, Relaxed);
            new = true;
        }
    });
    if new {
        let told = TOLD.iter().filter(|told| told.load(Relaxed) != 0).count();
        program::reached(told, blocks);
    }
}

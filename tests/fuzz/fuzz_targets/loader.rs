//! libFuzzer's program of the target.
#![no_main]

use daxflush_fuzz::{loader, program};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    program::run("loader", data);
});

libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    if seed.is_multiple_of(4) {
        return libfuzzer_sys::fuzzer_mutate(data, size, max_size);
    }
    loader::mutate(&mut data[..size], seed);
    size
});

//! libFuzzer's program of the target.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    daxflush_fuzz::program::run("trace", data);
});

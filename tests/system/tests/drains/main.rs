//! Commits without a drain: nothing is durable for certain until the drain, or a later commit of the
//! stream by anybody, has succeeded; then all of it is, and no line was flushed twice.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod commits;
mod failures;
mod handles;

use daxflush_protocol::FileRange;
use daxflush_system_tests::{Client, World};
use ntsim::Handle;

const ALL: FileRange = FileRange {
    offset: 0,
    length: 0,
};

/// Some lines here and there; returns how many.
fn scatter(world: &mut World, file: Handle) -> u64 {
    for (offset, length) in [(0, 10), (4090, 12), (10_000, 300), (64 << 10, 64)] {
        world.write(file, offset, length);
    }
    1 + 2 + 5 + 1
}

/// Runs a request on another processor.
fn elsewhere<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(work).join().expect("another thread"))
}

/// Begins a commit of all of a file, which flushes so many lines and makes nothing durable.
fn begin(world: &mut World, client: &Client, file: Handle, lines: u64) {
    let flushed = world.begins("a commit without a drain", |_| {
        assert_eq!(client.begin(file, ALL), Ok(lines));
        Ok(())
    });
    assert_eq!(flushed, lines);
}

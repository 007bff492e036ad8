//! Several threads at the same work.

use std::{
    sync::atomic::{
        AtomicUsize,
        Ordering::{Acquire, Release},
    },
    thread,
    time::{Duration, Instant},
};

/// Runs `work` on so many threads, which begin together. From the first one's begin to the last one's
/// end.
pub fn at_once(threads: usize, work: impl Fn(usize) + Sync) -> Duration {
    let ready = &AtomicUsize::new(0);
    let work = &work;
    let run = move |number| {
        ready.fetch_add(1, Release);
        while ready.load(Acquire) < threads {
            thread::yield_now();
        }
        let begin = Instant::now();
        work(number);
        (begin, Instant::now())
    };
    let spans: Vec<_> = thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|number| scope.spawn(move || run(number)))
            .collect();
        running
            .into_iter()
            .filter_map(|thread| thread.join().ok())
            .collect()
    });
    assert_eq!(spans.len(), threads, "a thread has panicked");
    let begin = spans.iter().map(|span| span.0).min();
    let end = spans.iter().map(|span| span.1).max();
    begin
        .zip(end)
        .map_or(Duration::ZERO, |(begin, end)| end - begin)
}

//! The dirty map, the commit and the dirty log against a bitmap.

mod model;
mod step;

use crate::bits::Bits;
use arbitrary::Unstructured;
use daxflush_engine::{Committer, DirtyMap, LEAF_SPAN, LINE_SIZE, LogReader, MAX_OFFSET, Reserve};
use daxflush_protocol::{MIN_LOG_ENTRIES, log_bytes, log_layout};
use model::{Model, Recorder, lines};
use std::{
    ops::Range,
    sync::atomic::{AtomicU64, Ordering::SeqCst},
};
use step::{Failure, Step, range};

/// Bytes that the bitmap covers: a leaf of the map, and the beginning of another.
const SPACE: u64 = LEAF_SPAN + (64 << 10);
const LINES: usize = (SPACE / LINE_SIZE) as usize;
const STEPS: usize = 64;

/// Does what the input says, with room for as many leaves as it says.
///
/// # Panics
/// The map forgets a line, or flushes a clean one.
pub fn run(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let leaves: u8 = input.arbitrary().unwrap_or_default();
    // With so many nothing is ever coarse.
    let roomy = leaves & 0x80 == 0;
    let leaves = if roomy { 64 } else { u32::from(leaves & 7) };
    let reserve = Reserve::with_leaves(leaves).expect("memory");
    let mut world = World::new(&reserve, roomy);
    for _ in 0..STEPS {
        let Some(step) = next(&mut input) else { break };
        if crate::failure::is_verbose() {
            eprintln!("  {step:?}");
        }
        world.step(&step);
    }
    let none = true;
    world.commit(
        0..MAX_OFFSET,
        Failure {
            none,
            ..Failure::default()
        },
    );
    assert!(world.map.is_clean());
    drop(world);
    assert_eq!(
        reserve.free_leaves(),
        reserve.leaves(),
        "every node is given back"
    );
}

fn next(input: &mut Unstructured<'_>) -> Option<Step> {
    if input.is_empty() {
        return None;
    }
    input.arbitrary().ok()
}

struct World<'a> {
    map: DirtyMap<&'a Reserve>,
    committer: Committer,
    model: Model,
    roomy: bool,
    log: Vec<AtomicU64>,
    reader: LogReader,
    /// Ranges that were appended and not drained.
    appended: Vec<Range<u64>>,
    /// The program has written something else over its log.
    is_spoilt: bool,
}

impl<'a> World<'a> {
    fn new(reserve: &'a Reserve, roomy: bool) -> Self {
        let words = 0..log_bytes(MIN_LOG_ENTRIES).div_ceil(8);
        let log: Vec<AtomicU64> = words.map(|_| AtomicU64::new(0)).collect();
        let reader = LogReader::create(&log, MIN_LOG_ENTRIES).expect("a log");
        Self {
            map: DirtyMap::new(reserve),
            committer: Committer::new(),
            model: Model {
                dirty: Bits::none(LINES),
                everything: false,
                exact: roomy,
            },
            roomy,
            log,
            reader,
            appended: Vec::new(),
            is_spoilt: false,
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Mark(place, length) => {
                let bytes = range(place, length);
                self.map.mark(bytes.start, bytes.end - bytes.start);
                self.model.set(bytes);
            }
            Step::MarkAll => {
                self.map.mark_all();
                self.model.everything = true;
            }
            Step::Clear(place, length) => {
                let bytes = range(place, length);
                self.map.clear(bytes.clone());
                let whole = bytes.start.div_ceil(LINE_SIZE)..bytes.end / LINE_SIZE;
                if !whole.is_empty() {
                    self.model
                        .dirty
                        .remove(whole.start as usize..whole.end as usize);
                }
            }
            Step::Commit(place, length, failure) => self.commit(range(place, length), *failure),
            Step::CommitAll(failure) => self.commit(0..MAX_OFFSET, *failure),
            Step::Count(place, length) => self.count(range(place, length)),
            Step::Append(place, length) => self.append(range(place, length)),
            Step::Scribble(at, value) => {
                self.log[usize::from(*at) % self.log.len()].store(*value, SeqCst);
                self.is_spoilt = true;
            }
            Step::Drain => self.drain(),
        }
    }

    fn commit(&mut self, scope: Range<u64>, failure: Failure) {
        let mut recorder = Recorder {
            failure,
            ..Recorder::default()
        };
        let done = self
            .committer
            .commit(&self.map, scope.clone(), &mut recorder);
        if let Ok(done) = &done {
            let lines = recorder.runs.iter().map(|run| run.length / LINE_SIZE);
            assert_eq!(done.lines, lines.sum::<u64>());
            assert_eq!(done.batches, u64::from(recorder.batches));
        }
        self.model.commit(scope, &recorder, done.is_err());
        self.model.exact &= self.roomy;
    }

    fn count(&self, bytes: Range<u64>) {
        let found = self.map.dirty_lines_in(bytes.clone());
        let mut asked = Bits::none(LINES);
        asked.add(lines(&bytes));
        let expected = asked.and(&self.model.dirty).count();
        if self.model.everything {
            assert_eq!(found, lines(&bytes).len() as u64, "{bytes:?}");
        } else if self.model.exact {
            assert_eq!(found, expected, "{bytes:?}");
        } else {
            assert!(found >= expected, "{bytes:?}: {found} of {expected}");
        }
    }

    /// A program's side, as the protocol describes it.
    fn append(&mut self, bytes: Range<u64>) {
        let word = |offset: usize| &self.log[offset / 8];
        let tail = word(log_layout::TAIL).load(SeqCst);
        let used = tail.wrapping_sub(word(log_layout::HEAD).load(SeqCst));
        if used >= u64::from(MIN_LOG_ENTRIES) {
            word(log_layout::OVERFLOW).store(1, SeqCst);
            return;
        }
        let slot = log_layout::ENTRIES + 16 * (tail % u64::from(MIN_LOG_ENTRIES)) as usize;
        word(slot).store(bytes.start, SeqCst);
        word(slot + 8).store(bytes.end - bytes.start, SeqCst);
        word(log_layout::TAIL).store(tail.wrapping_add(1), SeqCst);
        self.appended.push(bytes);
    }

    fn drain(&mut self) {
        let done = self.reader.drain(&self.log, &self.map);
        assert!(done.entries <= u64::from(MIN_LOG_ENTRIES));
        let appended = std::mem::take(&mut self.appended);
        if done.everything {
            self.model.everything = true;
        } else if self.is_spoilt {
            self.model.exact = false;
        } else {
            assert_eq!(
                done.entries,
                appended.len() as u64,
                "entries were forgotten"
            );
        }
        if !self.is_spoilt {
            appended.into_iter().for_each(|bytes| self.model.set(bytes));
        }
        self.is_spoilt = false;
    }
}

//! The self-test: the flush engine on scratch memory.

use crate::nt::{
    device::ControlRequest, scratch::Scratch, shared::Shared, status::NtStatus, time, view,
};
use core::borrow::Borrow;
use daxflush_engine::{Backing, Committer, DirtyMap, LINE_SIZE, MAX_OFFSET, Reserve, Run};
use daxflush_nvmem::{Error, WriteFlags};
use daxflush_protocol::{SelfTestReply, self_test};

/// Lines of scratch memory.
const LINES: usize = 1024;
/// Every so many lines one is dirty, two of them side by side now and then.
const STEP: usize = 3;
/// Leaves, of which the map needs one.
const LEAVES: u32 = 8;

pub fn run(request: &mut ControlRequest<'_>) -> Result<(), NtStatus> {
    request.has_no_input()?;
    request.check_space::<SelfTestReply>()?;
    let mut scratch = Scratch::new(LINES)?;
    let mut bench = Shared::try_new(Bench {
        reserve: Reserve::with_leaves(LEAVES).map_err(|_| NtStatus::INSUFFICIENT_RESOURCES)?,
    })
    .map(Tester::new)?;
    let mut failed = 0;
    let mut check = |bit: u32, held: bool| {
        if !held {
            failed |= bit;
        }
    };
    check(self_test::MAP, bench.marks_come_back());
    check(self_test::FAILURE, bench.failure_keeps(&scratch));
    let begun = time::now();
    check(self_test::COMMIT, bench.commits(&scratch));
    let took = time::now().saturating_sub(begun);
    check(self_test::WRITE, writes(&mut scratch));
    let beyond = (LINES as u64).saturating_mul(LINE_SIZE);
    let outside = scratch.flush_by(scratch.token(), beyond, 1);
    check(self_test::BOUNDS, outside == Err(Error::InvalidParameter));
    let stale = scratch.end_token();
    let refused = scratch.flush_by(stale, 0, LINE_SIZE);
    check(self_test::STALE, refused == Err(Error::InvalidParameter));
    request.answer(&SelfTestReply {
        checks: self_test::ALL,
        failed,
        lines: bench.flushed,
        time: took,
    })
}

struct Bench {
    reserve: Reserve,
}

impl Borrow<Reserve> for Shared<Bench> {
    fn borrow(&self) -> &Reserve {
        &self.reserve
    }
}

/// A dirty map, and what its commits flush.
struct Tester {
    map: DirtyMap<Shared<Bench>>,
    committer: Committer,
    flushed: u64,
}

impl Tester {
    fn new(bench: Shared<Bench>) -> Self {
        Self {
            map: DirtyMap::new(bench),
            committer: Committer::new(),
            flushed: 0,
        }
    }

    /// Marks lines, and returns how many.
    fn mark(&self) -> u64 {
        let mut marked = 0_u64;
        for line in (0..LINES).step_by(STEP) {
            self.map.mark((line as u64).saturating_mul(LINE_SIZE), 1);
            marked = marked.saturating_add(1);
        }
        marked
    }

    fn marks_come_back(&self) -> bool {
        let marked = self.mark();
        self.map.dirty_lines(MAX_OFFSET) == marked
    }

    fn failure_keeps(&mut self, scratch: &Scratch) -> bool {
        let marked = self.mark();
        let mut backing = OnScratch {
            scratch,
            fails: true,
            lines: 0,
            drains: 0,
        };
        let done = self
            .committer
            .commit(&self.map, 0..MAX_OFFSET, &mut backing);
        done.is_err() && self.map.dirty_lines(MAX_OFFSET) >= marked
    }

    fn commits(&mut self, scratch: &Scratch) -> bool {
        let dirty = self.map.dirty_lines(MAX_OFFSET);
        let mut backing = OnScratch {
            scratch,
            fails: false,
            lines: 0,
            drains: 0,
        };
        let done = self
            .committer
            .commit(&self.map, 0..MAX_OFFSET, &mut backing);
        self.flushed = backing.lines;
        done.is_ok_and(|done| done.lines == dirty && backing.lines == dirty)
            && backing.drains == 1
            && self.map.is_clean()
    }
}

/// Flushes scratch memory, or fails.
struct OnScratch<'a> {
    scratch: &'a Scratch,
    fails: bool,
    lines: u64,
    drains: u64,
}

impl Backing for OnScratch<'_> {
    type Error = NtStatus;

    fn flush(&mut self, runs: &[Run]) -> Result<(), NtStatus> {
        if self.fails {
            return Err(NtStatus::INSUFFICIENT_RESOURCES);
        }
        self.scratch
            .flush(runs)
            .map_err(|error| NtStatus::from_raw(error.to_ntstatus()))?;
        let lines = runs.iter().map(|run| run.length / LINE_SIZE);
        self.lines = lines.fold(self.lines, u64::saturating_add);
        Ok(())
    }

    fn drain(&mut self) -> Result<(), NtStatus> {
        self.drains = self.drains.saturating_add(1);
        view::drain()
    }
}

/// Writes and fills with every kind of flags, across lines, and looks at the whole memory.
fn writes(scratch: &mut Scratch) -> bool {
    const DATA: [u8; 150] = [0xa5; 150];
    const SPAN: usize = 1024;
    let kinds = [
        WriteFlags::empty(),
        WriteFlags::FLUSH,
        WriteFlags::NON_TEMPORAL,
        WriteFlags::PERSIST,
    ];
    for (kind, place) in kinds.into_iter().zip((0..).step_by(SPAN)) {
        let (at, behind) = (place | 13, place | 512);
        let written = scratch.write(at, &DATA, kind);
        let filled = scratch.fill(behind, 0x5a, 200, kind);
        let expected = |offset: usize| {
            if (at..at.saturating_add(DATA.len())).contains(&offset) {
                0xa5
            } else if (behind..behind.saturating_add(200)).contains(&offset) {
                0x5a
            } else {
                0
            }
        };
        let span = scratch.bytes().get(place..place.saturating_add(SPAN));
        let right = span.is_some_and(|span| {
            let found = (place..).zip(span);
            found
                .into_iter()
                .all(|(offset, byte)| *byte == expected(offset))
        });
        if written.is_err() || filled.is_err() || !right {
            return false;
        }
    }
    true
}

//! The reading side of a dirty log (see `daxflush_protocol`'s `log`): memory that a program may
//! change at any moment, of which nothing is believed.

use crate::{
    DirtyMap, Reserve,
    mistake::{self, Mistake},
    run::MAX_OFFSET,
    sync::{AtomicU64, Ordering},
};
use core::borrow::Borrow;
use daxflush_protocol::{LOG_MAGIC, MAX_LOG_ENTRIES, MIN_LOG_ENTRIES, log_bytes, log_layout};

const WORD: usize = size_of::<u64>();
const TAIL: usize = log_layout::TAIL / WORD;
const OVERFLOW: usize = log_layout::OVERFLOW / WORD;
const HEAD: usize = log_layout::HEAD / WORD;
const ENTRIES: usize = log_layout::ENTRIES / WORD;

/// How far one log has been read. The reader's own count and capacity are the ones that hold,
/// whatever the program writes over those in the log.
#[derive(Debug)]
pub struct LogReader {
    head: u64,
    capacity: u64,
}

/// What was found in a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// Entries taken.
    pub entries: u64,
    /// An entry did not fit or the log makes no sense, so that all of the stream was marked.
    pub everything: bool,
}

impl LogReader {
    /// A log of `entries` slots in zeroed memory; nothing if that is not a power of two within the
    /// limits, or the memory is too small.
    pub fn create(memory: &[AtomicU64], entries: u32) -> Option<Self> {
        let fits = memory.len() >= log_bytes(entries).div_ceil(WORD);
        let allowed = (MIN_LOG_ENTRIES..=MAX_LOG_ENTRIES).contains(&entries);
        let first = memory.first()?;
        if !fits || !allowed || !entries.is_power_of_two() {
            return None;
        }
        first.store(
            u64::from(LOG_MAGIC) | u64::from(entries) << 32,
            Ordering::Release,
        );
        Some(Self {
            head: 0,
            capacity: u64::from(entries),
        })
    }

    /// Marks what was appended before the call and makes its slots free again. Looks at no more
    /// entries than the log has slots, however fast the program appends. IRQL <= APC_LEVEL, as the
    /// memory may be paged out.
    pub fn drain<R: Borrow<Reserve>>(
        &mut self,
        memory: &[AtomicU64],
        map: &DirtyMap<R>,
    ) -> Drained {
        let mut done = Drained::default();
        let (Some(tail), Some(overflow), Some(head)) =
            (memory.get(TAIL), memory.get(OVERFLOW), memory.get(HEAD))
        else {
            return done;
        };
        done.everything = overflow.swap(0, Ordering::AcqRel) != 0;
        let tail = tail.load(Ordering::Acquire);
        let count = tail.wrapping_sub(self.head);
        if count > self.capacity {
            done.everything = true;
        } else {
            if mistake::made(Mistake::EarlySlotReuse) {
                head.store(tail, Ordering::Release);
            }
            for number in 0..count {
                let slot = self.head.wrapping_add(number) & self.capacity.wrapping_sub(1);
                match entry(memory, slot) {
                    Some((offset, length)) => map.mark(offset, length),
                    None => done.everything = true,
                }
            }
            done.entries = count;
        }
        if done.everything {
            map.mark_all();
        }
        self.head = tail;
        head.store(tail, Ordering::Release);
        done
    }
}

/// The range in a slot, if it is one.
fn entry(memory: &[AtomicU64], slot: u64) -> Option<(u64, u64)> {
    let at = ENTRIES.checked_add(usize::try_from(slot).ok()?.checked_mul(2)?)?;
    let offset = memory.get(at)?.load(Ordering::Relaxed);
    let length = memory.get(at.checked_add(1)?)?.load(Ordering::Relaxed);
    let end = offset.checked_add(length)?;
    (length != 0 && end <= MAX_OFFSET).then_some((offset, length))
}

//! Memory that ends right before an inaccessible page, and that can be taken away for good: a touch of
//! either ends in a bugcheck that says what was touched.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

const PAGE: usize = 4096;
/// Blocks that were taken away and whose addresses are still kept from being used again.
const KEPT: usize = 4096;

static UNGUARDED: AtomicBool = AtomicBool::new(false);

/// Memory of this process that is made from now on is not guarded: for searches whose speed counts
/// more than their touching what they must not.
pub fn guard_nothing() {
    UNGUARDED.store(true, Ordering::Relaxed);
}

/// What inaccessible memory is, by where it starts, and up to where.
static MEANINGS: Mutex<BTreeMap<usize, (usize, Meaning)>> = Mutex::new(BTreeMap::new());
/// Addresses and lengths, the oldest first.
static TAKEN: Mutex<VecDeque<(usize, usize)>> = Mutex::new(VecDeque::new());

/// What inaccessible memory is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// The rule that a touch of it breaks.
    pub rule: &'static str,
    /// Such as "the IRP after it was completed".
    pub what: String,
}

/// Zeroed memory whose last byte lies before an inaccessible page.
#[derive(Debug)]
pub struct Guarded {
    base: usize,
    mapped: usize,
    size: usize,
    rule: &'static str,
    what: &'static str,
    taken: bool,
    /// Of the heap, when nothing is guarded.
    heap: Option<Box<[u128]>>,
}

impl Guarded {
    /// Memory of `size` bytes; `what` names it in messages, and `rule` is what a touch of its end
    /// breaks.
    ///
    /// # Errors
    /// The system's, if it has no memory.
    pub fn new(size: usize, rule: &'static str, what: &'static str) -> io::Result<Guarded> {
        if UNGUARDED.load(Ordering::Relaxed) {
            let heap = vec![0_u128; size.max(1).div_ceil(16)].into_boxed_slice();
            return Ok(Guarded {
                base: heap.as_ptr() as usize,
                mapped: 0,
                size,
                rule,
                what,
                taken: false,
                heap: Some(heap),
            });
        }
        let usable = size.max(1).next_multiple_of(PAGE);
        let mapped = usable + PAGE;
        let base = map(
            std::ptr::null_mut(),
            mapped,
            libc::PROT_READ | libc::PROT_WRITE,
        )?;
        let guard = base + usable;
        map(guard as *mut libc::c_void, PAGE, libc::PROT_NONE)?;
        let past = format!("what is past the end of {what}");
        mean(guard..guard + PAGE, rule, past);
        Ok(Guarded {
            base,
            mapped,
            size,
            rule,
            what,
            taken: false,
            heap: None,
        })
    }

    /// Address of the first byte.
    pub fn address(&self) -> usize {
        if self.heap.is_some() {
            return self.base;
        }
        self.base + self.mapped - PAGE - self.size
    }

    /// Size in bytes.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Makes the memory inaccessible; `when` completes a message such as "the IRP after it was
    /// completed".
    pub fn take_away(mut self, when: &str) {
        if self.heap.is_some() {
            return;
        }
        self.taken = true;
        let (base, mapped) = (self.base, self.mapped);
        // Where no memory is left for a mapping, the old one stays, and a touch goes unseen.
        let _ = map(base as *mut libc::c_void, mapped, libc::PROT_NONE);
        forget(base + mapped - PAGE);
        let text = format!("{} {when}", self.what);
        mean(base..base + mapped, self.rule, text);
        let oldest = {
            let mut taken = TAKEN.lock().expect("memory taken away");
            taken.push_back((base, mapped));
            if taken.len() > KEPT {
                taken.pop_front()
            } else {
                None
            }
        };
        if let Some((base, mapped)) = oldest {
            forget(base);
            unmap(base, mapped);
        }
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        if !self.taken && self.heap.is_none() {
            forget(self.base + self.mapped - PAGE);
            unmap(self.base, self.mapped);
        }
    }
}

/// What is at this address, if it is inaccessible memory made here.
pub fn meaning(address: usize) -> Option<Meaning> {
    find(&*MEANINGS.lock().ok()?, address)
}

/// As [`meaning`], for a signal handler, which must not wait.
pub(crate) fn meaning_now(address: usize) -> Option<Meaning> {
    find(&*MEANINGS.try_lock().ok()?, address)
}

fn find(meanings: &BTreeMap<usize, (usize, Meaning)>, address: usize) -> Option<Meaning> {
    let (_, (end, meaning)) = meanings.range(..=address).next_back()?;
    (address < *end).then(|| meaning.clone())
}

pub(crate) fn mean(range: Range<usize>, rule: &'static str, what: String) {
    let mut meanings = MEANINGS.lock().expect("meanings of addresses");
    meanings.insert(range.start, (range.end, Meaning { rule, what }));
}

fn forget(start: usize) {
    MEANINGS
        .lock()
        .expect("meanings of addresses")
        .remove(&start);
}

/// Anonymous memory, at an address of ours or one of the system's choice.
fn map(at: *mut libc::c_void, len: usize, protection: i32) -> io::Result<usize> {
    let fixed = if at.is_null() { 0 } else { libc::MAP_FIXED };
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | fixed;
    // SAFETY: a new mapping, or one that replaces our own, which nobody may use any more.
    let base = unsafe { libc::mmap(at, len, protection, flags, -1, 0) };
    if base == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    Ok(base as usize)
}

fn unmap(base: usize, len: usize) {
    // SAFETY: our own mapping, which nobody uses any more.
    unsafe { libc::munmap(base as *mut libc::c_void, len) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::peek;

    #[test]
    fn it_ends_before_an_inaccessible_page_and_can_be_taken_away() {
        let memory = Guarded::new(24, "object", "an object").expect("memory");
        let (at, end) = (memory.address(), memory.address() + 24);
        assert_eq!(end % PAGE, 0);
        assert_eq!(peek(at, 10), [0; 3], "three words, then nothing");
        let what = |at| meaning(at).map(|meaning| (meaning.rule, meaning.what));
        let past = "what is past the end of an object".to_owned();
        assert_eq!(what(end), Some(("object", past)));
        assert_eq!(meaning(at), None);
        memory.take_away("after its last release");
        assert_eq!(peek(at, 1), []);
        let text = Some(("object", "an object after its last release".to_owned()));
        assert_eq!(what(at), text);
        assert_eq!(what(end), text);
    }

    #[test]
    fn what_is_dropped_means_nothing() {
        let memory = Guarded::new(5000, "object", "an object").expect("memory");
        let end = memory.address() + 5000;
        drop(memory);
        assert_eq!(meaning(end), None);
    }
}

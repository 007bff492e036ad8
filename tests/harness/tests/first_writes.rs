//! First-write tracking in a model of pages and their protection: no schedule misses a store, and two
//! designs that do miss one are caught.

mod models;

use daxctl::client::{FirstWrites, Pages, Word};
use models::ModelWord;
use shuttle::{
    sync::{Arc, Mutex},
    thread,
};
use std::iter::once;
use std::{convert::Infallible, ops::Range, sync::atomic::Ordering::SeqCst};

const PAGES: usize = 2;

#[derive(Clone, Copy, Default)]
struct Page {
    writable: bool,
    stores: u64,
}

/// Memory whose protection and contents are looked at in one step, as a processor does.
#[derive(Clone, Default)]
struct Memory(Arc<[Mutex<Page>; PAGES]>);

impl Memory {
    fn set(&self, pages: Range<usize>, writable: bool) {
        for page in pages {
            self.0[page].lock().expect("a page").writable = writable;
        }
    }

    /// Stores, if the page is writable; returns how many stores it has now.
    fn store(&self, page: usize) -> Option<u64> {
        let mut page = self.0[page].lock().expect("a page");
        page.writable.then(|| {
            page.stores += 1;
            page.stores
        })
    }
}

impl Pages for Memory {
    type Error = Infallible;

    fn protect(&self, pages: Range<usize>) -> Result<(), Infallible> {
        self.set(pages, false);
        Ok(())
    }

    fn unprotect(&self, pages: Range<usize>) -> Result<(), Infallible> {
        self.set(pages, true);
        Ok(())
    }

    fn give_way(&self) {
        thread::yield_now();
    }
}

/// A way of tracking.
trait Tracking: Send + Sync + 'static {
    fn new(memory: Memory) -> Self;
    fn note(&self, page: usize);
    fn take(&self) -> Vec<Range<usize>>;
}

impl Tracking for FirstWrites<Memory, ModelWord> {
    fn new(memory: Memory) -> Self {
        let Ok(tracking) = Self::new(memory, PAGES);
        tracking
    }

    fn note(&self, page: usize) {
        let Ok(()) = self.note(page);
    }

    fn take(&self) -> Vec<Range<usize>> {
        let Ok(runs) = self.take();
        runs
    }
}

/// Without waiting for notes: the bit is set before the page becomes writable, or after.
struct Hasty<const BIT_FIRST: bool> {
    memory: Memory,
    bits: ModelWord,
}

impl<const BIT_FIRST: bool> Tracking for Hasty<BIT_FIRST> {
    fn new(memory: Memory) -> Self {
        Self {
            memory,
            bits: ModelWord::new(0),
        }
    }

    fn note(&self, page: usize) {
        if BIT_FIRST {
            self.bits.fetch_or(1 << page, SeqCst);
        }
        self.memory.set(page..page + 1, true);
        if !BIT_FIRST {
            self.bits.fetch_or(1 << page, SeqCst);
        }
    }

    fn take(&self) -> Vec<Range<usize>> {
        let bits = self.bits.swap(0, SeqCst);
        let pages = (0..PAGES).filter(|page| bits >> page & 1 == 1);
        let runs: Vec<_> = pages.map(|page| page..page + 1).collect();
        runs.iter()
            .for_each(|run| self.memory.set(run.clone(), false));
        runs
    }
}

struct Machine<T> {
    memory: Memory,
    tracking: T,
    /// How many stores to each page are durable; locked for the whole of a commit.
    durable: Mutex<[u64; PAGES]>,
}

impl<T: Tracking> Machine<T> {
    fn store(&self, page: usize) -> u64 {
        loop {
            match self.memory.store(page) {
                Some(stores) => return stores,
                None => self.tracking.note(page),
            }
        }
    }

    fn commit(&self) -> [u64; PAGES] {
        let mut durable = self.durable.lock().expect("a commit");
        for page in self.tracking.take().into_iter().flatten() {
            durable[page] = self.memory.0[page].lock().expect("a page").stores;
        }
        *durable
    }
}

/// Threads that store and commit, each commit checked for the thread's own last store.
fn round<T: Tracking>() {
    let memory = Memory::default();
    let machine = Arc::new(Machine {
        tracking: T::new(memory.clone()),
        memory,
        durable: Mutex::new([0; PAGES]),
    });
    let threads: Vec<_> = [[0, 0], [0, 1], [1, 0]]
        .map(|pages| {
            let machine = machine.clone();
            thread::spawn(move || {
                for page in pages {
                    let stored = machine.store(page);
                    assert!(machine.commit()[page] >= stored, "a store was missed");
                }
            })
        })
        .into();
    for thread in threads {
        thread.join().expect("a thread");
    }
}

#[test]
fn no_schedule_misses_a_store() {
    shuttle::check_random(round::<FirstWrites<Memory, ModelWord>>, 20_000);
    shuttle::check_pct(round::<FirstWrites<Memory, ModelWord>>, 20_000, 4);
}

fn is_caught<T: Tracking>() -> bool {
    std::panic::catch_unwind(|| shuttle::check_random(round::<T>, 20_000)).is_err()
}

#[test]
fn a_bit_before_the_page_is_writable_is_caught() {
    assert!(is_caught::<Hasty<true>>());
}

#[test]
fn a_bit_that_no_commit_waits_for_is_caught() {
    assert!(is_caught::<Hasty<false>>());
}

/// Pages that cannot be protected one by one, or not at all.
struct Stubborn {
    one_by_one: bool,
    whole: bool,
}

impl Stubborn {
    fn change(&self, pages: Range<usize>) -> Result<(), ()> {
        let allowed = if pages.len() == PAGES {
            self.whole
        } else {
            self.one_by_one
        };
        allowed.then_some(()).ok_or(())
    }
}

#[derive(Clone)]
struct Shared(Arc<Mutex<Stubborn>>);

impl Pages for Shared {
    type Error = ();

    fn protect(&self, pages: Range<usize>) -> Result<(), ()> {
        self.0.lock().expect("pages").change(pages)
    }

    fn unprotect(&self, pages: Range<usize>) -> Result<(), ()> {
        self.0.lock().expect("pages").change(pages)
    }

    fn give_way(&self) {}
}

#[test]
fn what_cannot_be_protected_stays_dirty() {
    shuttle::check_random(
        || {
            let stubborn = Arc::new(Mutex::new(Stubborn {
                one_by_one: true,
                whole: true,
            }));
            let set = |one_by_one, whole| {
                *stubborn.lock().expect("pages") = Stubborn { one_by_one, whole };
            };
            let tracking: FirstWrites<_, ModelWord> =
                FirstWrites::new(Shared(stubborn.clone()), PAGES).expect("pages");
            assert_eq!(tracking.note(1), Ok(()));
            set(false, false);
            assert_eq!(tracking.take(), Err(()));
            assert_eq!(tracking.note(0), Err(()));
            // All together, in place of one.
            set(false, true);
            assert_eq!(tracking.take(), Ok(once(0..2).collect()));
            assert_eq!(tracking.note(0), Ok(()));
            assert_eq!(
                tracking.take(),
                Ok(once(0..2).collect()),
                "all were made writable"
            );
            assert_eq!(tracking.take(), Ok(vec![]));
        },
        1,
    );
}

//! Group commit: callers who come while a commit is under way share the next one.
//!
//! Commits of a stream are made one at a time, in turns ([`Committer`](crate::Committer) is `&mut`)
//! and are numbered when they begin. A caller [arrives](Group::arrive), waits for his turn, and then
//! has nothing left to do if a commit of the whole stream that began after he arrived has succeeded
//! meanwhile.
//!
//! # Why a joined commit keeps P1
//! Let a byte be stored and its line be marked before a caller arrives, and let `a` be the number of
//! commits begun that he reads. He joins only commit `n > a` that succeeded.
//!
//! 1. Commit `n` took its number by incrementing `begun` from `n - 1 >= a`. All of these operations
//!    are SeqCst, and the caller read `a`, so in their one order the increment to `n` comes after the
//!    caller's read, hence after the mark, which comes before the read in the caller's own program
//!    order (or happened before it, if another thread marked).
//! 2. Commit `n` gathers and collects after its increment ([`Backing::gather`](crate::Backing::gather):
//!    what is in a log, or may have been stored without a word, is marked then, and counts as marked
//!    here). So it finds the line marked, unless an earlier commit
//!    `m < n` collected it after it was marked. Turns do not overlap, so `m` had ended when `n` began:
//!    either it succeeded, and the line is durable as it was when `m` collected it, which is after the
//!    store; or it failed, and had marked the line again before it ended.
//! 3. So when `n` succeeds the byte is durable. `durable` becomes `n` after the drain, and the caller
//!    reads it in his own turn, after the turn of `n`.
//!
//! A backing may put off its drain. Then its commit is not joined ([`Backing::gather`](crate::Backing::gather)
//! says so), and whoever makes the stream's commits drains before the next of them begins: the lines that
//! `m` has collected are durable then, as step 2 needs.
//!
//! A commit that had begun when the caller arrived (`n <= a`) may have collected already and proves
//! nothing; nor does a commit of a range, one that could not gather everything, or one that failed. Then the caller commits himself.

use crate::{
    mistake::{self, Mistake},
    sync::{AtomicU64, Ordering::SeqCst},
};

/// The commits of one stream, by number.
pub struct Group {
    begun: AtomicU64,
    /// The last commit of the whole stream that succeeded.
    durable: AtomicU64,
}

/// A caller's arrival at a stream's commits, before his turn.
#[derive(Clone, Copy, Debug)]
pub struct Arrival(u64);

impl Default for Group {
    fn default() -> Self {
        Self::new()
    }
}

impl Group {
    /// No commit yet.
    pub const fn new() -> Self {
        Self {
            begun: AtomicU64::new(0),
            durable: AtomicU64::new(0),
        }
    }

    /// To be called before waiting for a turn: what was marked before is what the caller's commit
    /// answers for. Any IRQL.
    pub fn arrive(&self) -> Arrival {
        Arrival(self.begun.load(SeqCst))
    }

    /// Whether everything marked before the arrival is durable by another caller's commit.
    pub(crate) fn covers(&self, arrival: Arrival) -> bool {
        let durable = self.durable.load(SeqCst);
        durable > arrival.0
            || (mistake::made(Mistake::JoinCollected) && durable == arrival.0 && durable != 0)
    }

    /// Numbers a commit that is about to collect.
    pub(crate) fn begin(&self) -> u64 {
        self.begun.fetch_add(1, SeqCst).wrapping_add(1)
    }

    /// Records that a commit of the whole stream has drained.
    pub(crate) fn succeed(&self, number: u64) {
        self.durable.store(number, SeqCst);
    }
}

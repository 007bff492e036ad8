//! How much all programs together may have, so that none can use up the machine.

use crate::nt::status::NtStatus;
use core::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// Dirty logs of all handles.
pub const MAX_LOGS: usize = 4096;
/// Tokens of all handles.
pub const MAX_TOKENS: usize = 4096;

static LOGS: AtomicUsize = AtomicUsize::new(0);
static TOKENS: AtomicUsize = AtomicUsize::new(0);

/// A share of a limit, given back when dropped.
pub struct Share(&'static AtomicUsize);

impl Drop for Share {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

/// A share for one more dirty log.
pub fn log() -> Result<Share, NtStatus> {
    take(&LOGS, MAX_LOGS)
}

/// A share for one more token.
pub fn token() -> Result<Share, NtStatus> {
    take(&TOKENS, MAX_TOKENS)
}

/// Dirty logs and tokens now.
pub fn used() -> (usize, usize) {
    (LOGS.load(SeqCst), TOKENS.load(SeqCst))
}

fn take(count: &'static AtomicUsize, limit: usize) -> Result<Share, NtStatus> {
    let share = Share(count);
    if count.fetch_add(1, SeqCst) < limit {
        Ok(share)
    } else {
        drop(share);
        Err(NtStatus::QUOTA_EXCEEDED)
    }
}

//! What an administrator is told when there is nobody else to tell.

use crate::nt::{
    event_log::{self, Event},
    status::NtStatus,
    time,
};
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// When the administrator was last told, as [`time::now`].
static TOLD: AtomicU64 = AtomicU64::new(0);

/// Tells the administrator of a commit that failed with nobody else to tell, at most once a minute.
pub fn tell(status: NtStatus) {
    const MINUTE: u64 = 600_000_000;
    let (now, told) = (time::now().max(1), TOLD.load(Relaxed));
    let due = told == 0 || now.saturating_sub(told) >= MINUTE;
    if due && TOLD.compare_exchange(told, now, Relaxed, Relaxed).is_ok() {
        event_log::write(Event::CommitFailed, status, "");
    }
}

//! Plain stores to a view.

use super::Mapping;
use std::{
    ptr::with_exposed_provenance_mut,
    sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed},
};

const WORD: usize = size_of::<u64>();

/// Stores `data` at `offset` bytes into a mapping; false, with nothing stored, if it does not fit.
///
/// Aligned 8 bytes are stored at once, so that a power cut cannot tear them. Threads that store to the
/// same place at the same time leave either's bytes there.
#[must_use]
pub fn store<M: Mapping + ?Sized>(mapping: &M, offset: usize, data: &[u8]) -> bool {
    let end = offset.checked_add(data.len());
    if end.is_none_or(|end| end > mapping.bytes()) {
        return false;
    }
    let mut at = mapping.base() + offset;
    let (head, rest) = data.split_at(at.next_multiple_of(WORD).abs_diff(at).min(data.len()));
    store_bytes(&mut at, head);
    let (words, tail) = rest.as_chunks::<WORD>();
    for word in words {
        let target = with_exposed_provenance_mut::<u64>(at);
        // SAFETY: within the mapping, as the whole range is, and aligned by what came before.
        unsafe { AtomicU64::from_ptr(target) }.store(u64::from_ne_bytes(*word), Relaxed);
        at += WORD;
    }
    store_bytes(&mut at, tail);
    true
}

fn store_bytes(at: &mut usize, bytes: &[u8]) {
    for byte in bytes {
        let target = with_exposed_provenance_mut::<u8>(*at);
        // SAFETY: within the mapping, as the caller has checked.
        unsafe { AtomicU8::from_ptr(target) }.store(*byte, Relaxed);
        *at += 1;
    }
}

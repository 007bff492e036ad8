//! Tokens that programs have for regions of a stream; they end with the handle of the file.

use super::{registry::Registry, stream::Stream};
use crate::nt::{
    file::{FileObject, FileRef},
    push_lock::Exclusive,
    status::NtStatus,
};
use core::{
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
};

/// Tokens that one stream may have.
const MAX_TOKENS: usize = 256;

/// Numbers of tokens are never used again.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// One token.
pub struct Token {
    id: u64,
    /// Kept until its cleanup, which ends the token.
    file: FileObject,
    region: Range<u64>,
}

/// Makes a token for a region within the file. IRQL <= APC_LEVEL.
///
/// # Errors
/// QUOTA_EXCEEDED for too many, and INSUFFICIENT_RESOURCES.
pub fn open(stream: &Stream, file: FileRef<'_>, region: Range<u64>) -> Result<u64, NtStatus> {
    let id = NEXT.fetch_add(1, Ordering::Relaxed);
    let token = Token {
        id,
        file: file.keep(),
        region,
    };
    let mut tokens = stream.tokens.exclusive();
    if tokens.count() >= MAX_TOKENS {
        drop(tokens);
        drop(token);
        return Err(NtStatus::QUOTA_EXCEEDED);
    }
    let added = tokens.insert(token).map(|_| id);
    drop(tokens);
    added
}

/// The file and region of a token, or nothing if it has ended. IRQL <= APC_LEVEL.
pub fn find(stream: &Stream, id: u64) -> Option<(FileObject, Range<u64>)> {
    let tokens = stream.tokens.shared();
    let token = tokens.find(|token| token.id == id)?;
    Some((token.file.lend().keep(), token.region.clone()))
}

/// Whether a token has not ended. IRQL <= APC_LEVEL.
pub fn is_open(stream: &Stream, id: u64) -> bool {
    stream.tokens.shared().any(|token| token.id == id)
}

/// Ends a token. IRQL PASSIVE_LEVEL.
pub fn close(stream: &Stream, id: u64) {
    close_those(stream, |token| token.id == id);
}

/// Ends the tokens that were made for a file object. IRQL PASSIVE_LEVEL.
pub fn close_of(stream: &Stream, file: FileRef<'_>) {
    close_those(stream, |token| {
        token.file.lend().identity() == file.identity()
    });
}

/// Ends all tokens of a stream that is going away.
pub fn close_all(stream: &Stream) {
    close_those(stream, |_| true);
}

fn close_those(stream: &Stream, chosen: impl Fn(&Token) -> bool) {
    if stream.tokens.shared().is_empty() {
        return;
    }
    loop {
        let mut tokens: Exclusive<'_, Registry<Token>> = stream.tokens.exclusive();
        let token = tokens.take_first(&chosen);
        drop(tokens);
        // The last reference to a file object may go here, which calls the file system.
        if token.is_none() {
            return;
        }
    }
}

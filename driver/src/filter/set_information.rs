//! IRP_MJ_SET_INFORMATION: truncation drops lines after it succeeded; deletion is remembered.

use super::Stream;
use crate::nt::{
    context,
    operation::{After, Before, Operation},
    request::{Change, Request},
    shared::Shared,
    trace,
};
use core::sync::atomic::Ordering;
use daxflush_engine::{LINE_SIZE, MAX_OFFSET};

pub struct SetInformation;

/// A change under way.
pub struct Pending {
    stream: Shared<Stream>,
    change: Change,
    /// The stream's count of records when the change began.
    records: u64,
}

impl Operation for SetInformation {
    const MAJOR: u8 = 0x06;
    type Context = Shared<Pending>;

    fn before(request: &Request<'_>) -> Before<Shared<Pending>> {
        let pending = request
            .file()
            .zip(request.change())
            .and_then(|(file, change)| {
                let stream = context::stream::<Stream>(request.instance(), file)?;
                let records = stream.records();
                // Without memory the lines stay dirty, and commits skip those beyond the file's end.
                Shared::try_new(Pending {
                    stream,
                    change,
                    records,
                })
                .ok()
            });
        pending.map_or(Before::Pass, Before::Synchronize)
    }

    fn after(request: &Request<'_>, pending: Shared<Pending>) -> After<Shared<Pending>> {
        if !request.succeeded() {
            return After::Done;
        }
        match pending.change {
            Change::CutAt(size) => {
                drop_tail(&pending, size);
                trace::truncated(pending.stream.id(), size);
            }
            Change::DeletePending(delete) => {
                pending
                    .stream
                    .delete_pending
                    .store(delete, Ordering::SeqCst);
            }
            Change::Renamed => pending.stream.forget_name(),
        }
        After::Done
    }
}

/// Forgets the lines wholly beyond the new end.
///
/// A write that ran meanwhile may have extended the file again: then its lines could be among
/// those dropped, so everything counts as dirty. The committer's lock keeps commits away between.
fn drop_tail(pending: &Pending, size: u64) {
    let stream = &pending.stream;
    let turn = stream.committer.exclusive();
    stream
        .map
        .clear(size.min(MAX_OFFSET).next_multiple_of(LINE_SIZE)..MAX_OFFSET);
    if stream.records() != pending.records {
        stream.map.mark_all();
    }
    drop(turn);
}

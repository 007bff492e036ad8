//! IRP_MJ_CLEANUP: the last use of a handle is a commit point, never proof of a clean stream.

use super::{
    commit::{self, commit},
    logs, stream, tell, tokens,
};
use crate::{
    nt::{
        operation::{Before, Operation},
        request::Request,
    },
    settings::SETTINGS,
};
use core::sync::atomic::Ordering;
use daxflush_engine::MAX_OFFSET;

pub struct Cleanup;

impl Operation for Cleanup {
    const MAJOR: u8 = 0x12;
    const HAS_AFTER: bool = false;
    type Context = ();

    fn before(request: &Request<'_>) -> Before<()> {
        let Some(file) = request.file() else {
            return Before::Pass;
        };
        let instance = request.instance();
        let Ok(Some(stream)) = stream::to_commit(instance, file) else {
            return Before::Pass;
        };
        logs::close_of(&stream, file);
        tokens::close_of(&stream, file);
        let last = stream.handles.fetch_sub(1, Ordering::SeqCst) <= 1;
        if file.deletes_on_close() {
            stream.delete_pending.store(true, Ordering::SeqCst);
        }
        let deleted = last && stream.delete_pending.load(Ordering::SeqCst);
        // Another name may keep the file when this one goes.
        if deleted && instance.is_going(file) {
            // The lines go with the stream's context when the file is really gone; until then
            // they stay marked, and what would keep the file is let go.
            drop(stream.anchor.take());
        } else if SETTINGS.cleanup_commits() {
            // A cleanup cannot fail; what was not flushed stays dirty, and the administrator is told.
            if let Err(status) = commit(&stream, instance, Some(file), 0..MAX_OFFSET) {
                tell::tell(status);
            }
        } else {
            // Clean lines keep no file: nobody's commit would find what is not drained.
            commit::settle(&stream);
        }
        if last {
            stream.view.close_soon();
        }
        Before::Pass
    }
}

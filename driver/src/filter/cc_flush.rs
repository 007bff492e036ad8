//! IRP_MJ_ACQUIRE_FOR_CC_FLUSH: what FlushViewOfFile comes down as; it carries no range.

use super::{commit::commit, stream};
use crate::nt::{
    irql,
    operation::{Before, Operation},
    request::Request,
};
use daxflush_engine::MAX_OFFSET;

pub struct CcFlush;

impl Operation for CcFlush {
    const MAJOR: u8 = -5_i8 as u8;
    const HAS_AFTER: bool = false;
    type Context = ();

    fn before(request: &Request<'_>) -> Before<()> {
        // A flush from within the file system may hold resources that creating a section needs.
        let Some(file) = request.file().filter(|_| !irql::inside_file_system()) else {
            return Before::Pass;
        };
        let instance = request.instance();
        let flushed = match stream::to_commit(instance, file) {
            Ok(None) => return Before::Pass,
            Ok(Some(stream)) => commit(&stream, instance, Some(file), 0..MAX_OFFSET).map(|_| ()),
            Err(status) => Err(status),
        };
        flushed.map_or_else(Before::Fail, |()| Before::Pass)
    }
}

//! IRP_MJ_FLUSH_BUFFERS: data lines become durable before the file system writes its metadata.

use super::{Stream, Volume, commit, commit_volume};
use crate::nt::{
    context,
    operation::{Before, Operation},
    request::Request,
};
use daxflush_engine::MAX_OFFSET;

pub struct Flush;

impl Operation for Flush {
    const MAJOR: u8 = 0x09;
    type Context = ();

    fn before(request: &Request<'_>) -> Before<()> {
        let Some(file) = request.file() else {
            return Before::Pass;
        };
        let instance = request.instance();
        let result = if file.is_volume_open() {
            context::instance::<Volume>(instance).map_or(Ok(()), |volume| commit_volume(&volume))
        } else {
            context::stream::<Stream>(instance, file).map_or(Ok(()), |stream| {
                commit(&stream, instance, Some(file), 0..MAX_OFFSET).map(|_| ())
            })
        };
        // A flush that could not be done fails the flush.
        result.map_or_else(Before::Fail, |()| Before::Pass)
    }
}

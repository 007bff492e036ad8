//! IRP_MJ_CREATE: counts the handles of a stream and settles that it is tracked.

use super::stream;
use crate::nt::{
    names::FileName,
    operation::{After, Before, Operation},
    request::Request,
    trace,
};
use core::sync::atomic::Ordering;

pub struct Create;

impl Operation for Create {
    const MAJOR: u8 = 0x00;
    type Context = ();

    fn before(_: &Request<'_>) -> Before<()> {
        Before::Watch(())
    }

    fn after(request: &Request<'_>, (): ()) -> After<()> {
        let Some(file) = request.file().filter(|_| request.opened()) else {
            return After::Done;
        };
        if file.is_volume_open() || request.instance().is_directory(file) {
            return After::Done;
        }
        // Without memory now, the first operation that needs the stream tries again.
        if let Ok(stream) = stream::of(request.instance(), file) {
            stream.handles.fetch_add(1, Ordering::SeqCst);
            stream.learn_name(|| FileName::of_request(request));
            trace::opened(&stream);
        }
        After::Done
    }
}

//! IRP_MJ_FLUSH_BUFFERS: data lines become durable before the file system writes its metadata.

use super::{
    Volume,
    commit::{commit, commit_volume},
    stream,
};
use crate::nt::{
    context,
    names::FileName,
    operation::{Before, Operation},
    request::Request,
    status::NtStatus,
    trace,
};
use daxflush_engine::MAX_OFFSET;

pub struct Flush;

/// Minor codes (wdm.h). All of them make the data durable, and drain: DATA_ONLY (2) and
/// DATA_SYNC_ONLY (4) leave out metadata, which is none of ours, and NO_SYNC (3) leaves out the
/// device's own cache, which persistent memory does not have.
const FLUSH_AND_PURGE: u8 = 1;

impl Operation for Flush {
    const MAJOR: u8 = 0x09;
    const HAS_AFTER: bool = false;
    type Context = ();

    /// A flush that could not be done fails the flush.
    fn before(request: &Request<'_>) -> Before<()> {
        flush(request).map_or_else(Before::Fail, |()| Before::Pass)
    }
}

fn flush(request: &Request<'_>) -> Result<(), NtStatus> {
    let Some(file) = request.file() else {
        return Ok(());
    };
    let instance = request.instance();
    if !file.is_volume_open()
        && let Some(stream) = stream::to_commit(instance, file)?
    {
        stream.learn_name(|| FileName::of_request(request));
        trace::flush(stream.id());
        commit(&stream, instance, Some(file), 0..MAX_OFFSET)?;
        if request.minor_function() == FLUSH_AND_PURGE {
            stream.view.close_soon();
        }
        return Ok(());
    }
    // The root directory stands for the volume in NTFS, and which directory is the root cannot be
    // told cheaply.
    if file.is_volume_open() || instance.is_directory(file) {
        let volume = context::instance::<Volume>(instance);
        return volume.map_or(Ok(()), |volume| commit_volume(&volume));
    }
    Ok(())
}

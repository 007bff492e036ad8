//! IRP_MJ_PREPARE_MDL_WRITE and IRP_MJ_MDL_WRITE_COMPLETE: the caller stores into the file's pages
//! between the two, and what it stored is recorded when it says that it has.

use super::{
    extent::{self, Target},
    stream,
};
use crate::nt::{
    handover::OneOf,
    operation::{After, Before, Operation},
    request::Request,
};

pub struct PrepareMdlWrite;

impl Operation for PrepareMdlWrite {
    const MAJOR: u8 = -17_i8 as u8;
    const HAS_AFTER: bool = false;
    type Context = ();

    /// Refused if the completion, which cannot be refused, could not be tracked.
    fn before(request: &Request<'_>) -> Before<()> {
        let Some(file) = request.file() else {
            return Before::Pass;
        };
        stream::to_track(request.instance(), file).map_or_else(Before::Fail, |_| Before::Pass)
    }
}

pub struct MdlWriteComplete;

impl Operation for MdlWriteComplete {
    const MAJOR: u8 = -18_i8 as u8;
    type Context = Target;

    fn before(request: &Request<'_>) -> Before<Target> {
        let Some(file) = request.file() else {
            return Before::Pass;
        };
        match stream::to_track(request.instance(), file) {
            Ok(Some(stream)) => {
                let (offset, length) = request.mdl_write();
                Before::Watch(extent::of(stream, offset, length))
            }
            // It has been tracked since it was prepared; a stream can have lost its context only by
            // a detach, which has committed it.
            Ok(None) | Err(_) => Before::Pass,
        }
    }

    fn after(request: &Request<'_>, target: Target) -> After<Target> {
        let Some(file) = request.file() else {
            return After::Done;
        };
        match target {
            OneOf::First(stream, _) => {
                stream.count_write();
                stream.record_all(file);
            }
            OneOf::Second(extent) => extent.record(file, extent.length),
        }
        After::Done
    }
}

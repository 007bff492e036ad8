//! IRP_MJ_ACQUIRE_FOR_SECTION_SYNCHRONIZATION: from a writable section on, a stream may change
//! without any request.

use super::stream;
use crate::nt::{
    operation::{Before, Operation},
    request::Request,
};

pub struct SectionSync;

impl Operation for SectionSync {
    const MAJOR: u8 = -1_i8 as u8;
    const HAS_AFTER: bool = false;
    type Context = ();

    fn before(request: &Request<'_>) -> Before<()> {
        let Some(file) = request.file().filter(|_| request.section_is_writable()) else {
            return Before::Pass;
        };
        match stream::to_track(request.instance(), file) {
            Ok(Some(stream)) => {
                stream.note_writable_section(file);
                Before::Pass
            }
            Ok(None) => Before::Pass,
            // Not tracked means not committed: better no mapping than a silent loss.
            Err(status) => Before::Fail(status),
        }
    }
}

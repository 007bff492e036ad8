//! IRP_MJ_ACQUIRE_FOR_SECTION_SYNCHRONIZATION: from a writable section on, a stream may change
//! without any request.

use super::stream;
use crate::nt::{
    operation::{Before, Operation},
    request::Request,
    status::NtStatus,
};

pub struct SectionSync;

impl Operation for SectionSync {
    const MAJOR: u8 = -1_i8 as u8;
    type Context = ();

    fn before(request: &Request<'_>) -> Before<()> {
        let Some(file) = request.file().filter(|_| request.section_is_writable()) else {
            return Before::Pass;
        };
        match stream::of(request.instance(), file) {
            Ok(stream) => {
                stream.note_writable_section(file);
                Before::Pass
            }
            Err(NtStatus::NOT_SUPPORTED) => Before::Pass,
            // Not tracked means not committed: better no mapping than a silent loss.
            Err(status) => Before::Fail(status),
        }
    }
}

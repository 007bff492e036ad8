//! IRP_MJ_SHUTDOWN: the last commit before the system goes down.

use super::{Volume, commit::commit_volume};
use crate::nt::{
    context,
    operation::{Before, Operation},
    request::Request,
};

pub struct Shutdown;

impl Operation for Shutdown {
    const MAJOR: u8 = 0x10;
    const HAS_AFTER: bool = false;
    type Context = ();

    /// A shutdown goes on whatever happens; what could not be done is counted.
    fn before(request: &Request<'_>) -> Before<()> {
        if let Some(volume) = context::instance::<Volume>(request.instance()) {
            let _ = commit_volume(&volume);
        }
        Before::Pass
    }
}

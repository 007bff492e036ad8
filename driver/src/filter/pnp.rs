//! IRP_MJ_PNP: the device below the volume is about to go, or has gone.

use super::{Volume, commit::commit_volume};
use crate::nt::{
    context,
    operation::{Before, Operation},
    request::Request,
};

pub struct Pnp;

/// irp-mn-query-remove-device
const QUERY_REMOVE_DEVICE: u8 = 0x01;
/// irp-mn-surprise-removal
const SURPRISE_REMOVAL: u8 = 0x17;

impl Operation for Pnp {
    const MAJOR: u8 = 0x1b;
    const HAS_AFTER: bool = false;
    type Context = ();

    fn before(request: &Request<'_>) -> Before<()> {
        let minor = request.minor_function();
        if minor != QUERY_REMOVE_DEVICE && minor != SURPRISE_REMOVAL {
            return Before::Pass;
        }
        let Some(volume) = context::instance::<Volume>(request.instance()) else {
            return Before::Pass;
        };
        if minor == SURPRISE_REMOVAL {
            volume.set_removed();
        } else if let Err(status) = commit_volume(&volume) {
            // The device must stay: it holds what is not durable.
            return Before::Fail(status);
        }
        volume.let_go();
        Before::Pass
    }
}

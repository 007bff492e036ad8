//! What an administrator sets in the service's `Parameters` key, read when the driver starts.

use crate::nt::{name::Name, registry::ServiceKey, status::NtStatus};
use daxflush_nvmem::Method;

const FLUSH_METHOD: Name<11> = Name::ascii("FlushMethod");

/// The value of `FlushMethod`: `auto` and no value leave the choice to the processor.
///
/// # Errors
/// INVALID_PARAMETER for a name that is no method of this architecture; the registry's.
pub fn flush_method(service: &ServiceKey) -> Result<Option<Method>, NtStatus> {
    match service.parameter(&FLUSH_METHOD)? {
        None => Ok(None),
        Some(text) if text.as_str() == "auto" => Ok(None),
        Some(text) => Method::from_name(text.as_str())
            .map(Some)
            .ok_or(NtStatus::INVALID_PARAMETER),
    }
}

//! The security cookie, which the kernel's loader sets in images built with stack checks (/GS).

use object::pe;

use super::LoadError;
use super::headers::Headers;
use super::mapping::Mapping;

/// IMAGE_LOAD_CONFIG_DIRECTORY64.SecurityCookie: an address.
const SECURITY_COOKIE: usize = 0x58;

/// Gives the cookie a value of its own, after relocation. Images without one stay as they are.
pub(super) fn set(headers: &Headers, mapping: &mut Mapping) -> Result<(), LoadError> {
    let at = headers.directory(pe::IMAGE_DIRECTORY_ENTRY_LOAD_CONFIG).rva as usize;
    if at == 0 {
        return Ok(());
    }
    let outside = |what| LoadError::MalformedHeaders {
        what: format!("{what} lies outside the image"),
    };
    let size = mapping
        .u32(at)
        .ok_or_else(|| outside("the load configuration"))?;
    if (size as usize) < SECURITY_COOKIE + 8 {
        return Ok(());
    }
    let field = mapping
        .u64(at + SECURITY_COOKIE)
        .ok_or_else(|| outside("the load configuration"))?;
    if field == 0 {
        return Ok(());
    }
    let cookie = (field as usize).wrapping_sub(mapping.base());
    mapping
        .put_u64(cookie, value(mapping.base()))
        .ok_or_else(|| outside("the security cookie"))
}

/// Differs from load to load as the base does. The upper 16 bits are zero, so that no string can
/// spell it.
fn value(base: usize) -> u64 {
    (base as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 16 | 1
}

//! Base relocations.

use object::pe;

use super::LoadError;
use super::headers::Headers;
use super::mapping::Mapping;

/// Applies the relocations of an image that lies at `mapping.base()` instead of its preferred base.
pub(super) fn relocate(headers: &Headers, mapping: &mut Mapping) -> Result<(), LoadError> {
    let delta = (mapping.base() as u64).wrapping_sub(headers.preferred_base);
    let table = headers.directory(pe::IMAGE_DIRECTORY_ENTRY_BASERELOC);
    let (start, len) = (table.rva as usize, table.size as usize);
    let end = start.checked_add(len).filter(|&end| end <= mapping.len());
    let end = end.ok_or_else(|| malformed("the directory lies outside the image"))?;
    let mut at = start;
    while at < end {
        at = block(mapping, at, end, delta)?;
    }
    Ok(())
}

/// Applies one block (IMAGE_BASE_RELOCATION and its entries) and returns where the next starts.
fn block(mapping: &mut Mapping, at: usize, end: usize, delta: u64) -> Result<usize, LoadError> {
    let header = (at + 8 <= end)
        .then_some(())
        .and_then(|()| mapping.u32(at).zip(mapping.u32(at + 4)));
    let (page, size) = header.ok_or_else(|| malformed("the last block is cut off"))?;
    let next = at + size as usize;
    if size < 8 || size % 2 != 0 || next > end {
        return Err(malformed(format!(
            "block for page 0x{page:x} has the impossible size {size}"
        )));
    }
    for entry_at in (at + 8..next).step_by(2) {
        let entry = mapping
            .u16(entry_at)
            .ok_or_else(|| malformed("an entry is cut off"))?;
        entry_of(mapping, page as usize, entry, delta)?;
    }
    Ok(next)
}

fn entry_of(mapping: &mut Mapping, page: usize, entry: u16, delta: u64) -> Result<(), LoadError> {
    let target = page + usize::from(entry & 0xfff);
    match entry >> 12 {
        pe::IMAGE_REL_BASED_ABSOLUTE => Ok(()),
        pe::IMAGE_REL_BASED_DIR64 => {
            let value = mapping.u64(target);
            let outside = || malformed(format!("target 0x{target:x} lies outside the image"));
            mapping
                .put_u64(target, value.ok_or_else(outside)?.wrapping_add(delta))
                .ok_or_else(outside)
        }
        kind => Err(malformed(format!(
            "kind {kind} at 0x{target:x} is not used on x86-64"
        ))),
    }
}

fn malformed(what: impl Into<String>) -> LoadError {
    LoadError::MalformedRelocations { what: what.into() }
}

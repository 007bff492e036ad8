//! Linking an image against the host.

use object::pe;

use super::LoadError;
use super::headers::Headers;
use super::mapping::Mapping;

/// Bytes in an IMAGE_IMPORT_DESCRIPTOR.
const DESCRIPTOR: usize = 20;
/// More than any driver has. Tables may overlap, so that a small file could ask for any number.
const MAX_IMPORTS: usize = 1 << 16;

/// Finds the address of `dll!name`; an import by ordinal has the name `#ordinal`.
pub type Resolver<'a> = dyn FnMut(&str, &str) -> Option<usize> + 'a;

/// Fills the import address tables. Reports all unresolved imports at once.
pub(super) fn link(
    headers: &Headers,
    mapping: &mut Mapping,
    resolve: &mut Resolver<'_>,
) -> Result<(), LoadError> {
    let directory = headers.directory(pe::IMAGE_DIRECTORY_ENTRY_IMPORT);
    let (mut unresolved, mut count) = (Vec::new(), 0);
    if directory.rva == 0 {
        return Ok(());
    }
    for at in (directory.rva as usize..).step_by(DESCRIPTOR) {
        let Some(dll) = descriptor(mapping, at)? else {
            break;
        };
        link_dll(mapping, &dll, resolve, &mut unresolved, &mut count)?;
    }
    if unresolved.is_empty() {
        Ok(())
    } else {
        Err(LoadError::Unresolved {
            imports: unresolved,
        })
    }
}

struct Dll {
    name: String,
    lookup_table: usize,
    address_table: usize,
}

/// Reads one IMAGE_IMPORT_DESCRIPTOR; the last one is zero.
fn descriptor(mapping: &Mapping, at: usize) -> Result<Option<Dll>, LoadError> {
    let outside = || malformed(format!("the descriptor at 0x{at:x} lies outside the image"));
    let field = |n: usize| {
        mapping
            .u32(at + 4 * n)
            .map(|v| v as usize)
            .ok_or_else(outside)
    };
    let (lookup, name, address) = (field(0)?, field(3)?, field(4)?);
    if lookup == 0 && name == 0 && address == 0 {
        return Ok(None);
    }
    let name = text(mapping, name, "a DLL's name")?;
    let lookup_table = if lookup == 0 { address } else { lookup };
    Ok(Some(Dll {
        name,
        lookup_table,
        address_table: address,
    }))
}

fn link_dll(
    mapping: &mut Mapping,
    dll: &Dll,
    resolve: &mut Resolver<'_>,
    unresolved: &mut Vec<String>,
    count: &mut usize,
) -> Result<(), LoadError> {
    let outside = || malformed(format!("the tables of {} lie outside the image", dll.name));
    for i in 0.. {
        let thunk = mapping.u64(dll.lookup_table + 8 * i).ok_or_else(outside)?;
        if thunk == 0 {
            break;
        }
        *count += 1;
        if *count > MAX_IMPORTS {
            return Err(malformed(format!("more than {MAX_IMPORTS} imports")));
        }
        let name = import_name(mapping, thunk)?;
        match resolve(&dll.name, &name) {
            Some(address) => {
                let slot = dll.address_table + 8 * i;
                mapping.put_u64(slot, address as u64).ok_or_else(outside)?;
            }
            None => unresolved.push(format!("{}!{name}", dll.name)),
        }
    }
    Ok(())
}

fn import_name(mapping: &Mapping, thunk: u64) -> Result<String, LoadError> {
    if thunk & pe::IMAGE_ORDINAL_FLAG64 != 0 {
        return Ok(format!("#{}", thunk & 0xffff));
    }
    // A hint of two bytes, then the name.
    text(
        mapping,
        (thunk & 0x7fff_ffff) as usize + 2,
        "an import's name",
    )
}

fn text(mapping: &Mapping, at: usize, what: &str) -> Result<String, LoadError> {
    let bytes = mapping.bytes().get(at..).unwrap_or_default();
    let end = bytes
        .iter()
        .take(512)
        .position(|&b| b == 0)
        .filter(|&end| end > 0);
    let end = end.ok_or_else(|| malformed(format!("{what} at 0x{at:x} is missing or endless")))?;
    match std::str::from_utf8(&bytes[..end]) {
        Ok(text) if text.bytes().all(|b| b.is_ascii_graphic()) => Ok(text.to_owned()),
        _ => Err(malformed(format!("{what} at 0x{at:x} is not ASCII"))),
    }
}

fn malformed(what: impl Into<String>) -> LoadError {
    LoadError::MalformedImports { what: what.into() }
}

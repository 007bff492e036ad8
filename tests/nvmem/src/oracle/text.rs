//! The functions of this executable.

use object::{
    Object, ObjectSymbol, SymbolKind,
    read::elf::{ElfFile64, FileHeader as _},
};
use std::{ffi::c_int, fs, ptr, slice};

/// A function's code.
pub(super) struct Function {
    pub start: usize,
    pub code: &'static [u8],
}

/// Every function that the symbol table of this executable names, by ascending address.
///
/// # Panics
/// If the executable cannot be read, or was stripped.
pub(super) fn functions() -> Vec<Function> {
    let file = fs::read("/proc/self/exe").expect("a process can read its executable");
    let elf = ElfFile64::<object::Endianness>::parse(file.as_slice()).expect("it is an ELF file");
    assert_ne!(elf.elf_header().e_type(elf.endian()), object::elf::ET_REL);
    let bias = load_bias();
    let mut places: Vec<_> = elf
        .symbols()
        .filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.size() > 0)
        .map(|symbol| (symbol.address() as usize, symbol.size() as usize))
        .collect();
    places.sort_unstable();
    places.dedup_by_key(|place| place.0);
    assert!(!places.is_empty(), "the executable is stripped");
    places
        .into_iter()
        .map(|(address, size)| {
            let start = bias + address;
            // SAFETY: a function of this executable, mapped and readable for ever.
            let code = unsafe { slice::from_raw_parts(ptr::with_exposed_provenance(start), size) };
            Function { start, code }
        })
        .collect()
}

/// What the loader added to the addresses in the executable.
fn load_bias() -> usize {
    unsafe extern "C" fn first(
        info: *mut libc::dl_phdr_info,
        _size: usize,
        bias: *mut libc::c_void,
    ) -> c_int {
        // SAFETY: the system passes a valid structure, and our own pointer.
        unsafe { *bias.cast::<usize>() = (*info).dlpi_addr as usize };
        1
    }
    let mut bias = 0_usize;
    // SAFETY: the callback has the right signature; the executable comes first.
    unsafe { libc::dl_iterate_phdr(Some(first), (&raw mut bias).cast()) };
    bias
}

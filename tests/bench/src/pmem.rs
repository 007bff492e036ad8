//! libpmem, if this machine has it.

use libloading::{Library, Symbol};
use std::ffi::c_void;

type Flush = unsafe extern "C" fn(*const c_void, usize);
type Drain = unsafe extern "C" fn();
type Copy = unsafe extern "C" fn(*mut c_void, *const c_void, usize) -> *mut c_void;

/// The functions that are compared.
pub struct Pmem {
    pub flush: Flush,
    pub drain: Drain,
    pub persist: Flush,
    pub memcpy_persist: Copy,
    _library: Library,
}

/// Why there is no comparison.
#[derive(Debug, thiserror::Error)]
#[error(
    "libpmem is not here, so that there is no comparison with it: apt-get install libpmem1 ({0})"
)]
pub struct Missing(#[from] libloading::Error);

impl Pmem {
    /// The library, or a message that it is not here.
    pub fn load_or_tell() -> Option<Self> {
        let missing = |error: &Missing| eprintln!("bench: {error}");
        Self::load().inspect_err(missing).ok()
    }

    fn load() -> Result<Self, Missing> {
        // SAFETY: the library's initialization only looks at the processor and the environment.
        let library = unsafe { Library::new("libpmem.so.1") }?;
        // SAFETY: these are the functions' signatures in libpmem.h.
        unsafe {
            let flush: Symbol<'_, Flush> = library.get(b"pmem_flush\0")?;
            let drain: Symbol<'_, Drain> = library.get(b"pmem_drain\0")?;
            let persist: Symbol<'_, Flush> = library.get(b"pmem_persist\0")?;
            let memcpy_persist: Symbol<'_, Copy> = library.get(b"pmem_memcpy_persist\0")?;
            Ok(Self {
                flush: *flush,
                drain: *drain,
                persist: *persist,
                memcpy_persist: *memcpy_persist,
                _library: library,
            })
        }
    }
}

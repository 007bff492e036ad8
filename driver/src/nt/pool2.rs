//! `ExAllocatePool2` for Windows before 10 2004, which `wdk-alloc` calls and 1703 does not have.
//!
//! The definition here wins over the import library, so the image imports the old routine only.

use core::{ffi::c_void, ptr};

/// NonPagedPoolNx (ne-wdm-_pool_type).
const NON_PAGED_POOL_NX: i32 = 512;
/// The memory need not be zeroed (nf-wdm-exallocatepool2).
const POOL_FLAG_UNINITIALIZED: u64 = 0x2;

unsafe extern "system" {
    fn ExAllocatePoolWithTag(pool: i32, bytes: usize, tag: u32) -> *mut c_void;
}

/// Non-paged, non-executable pool, zeroed unless the flags say otherwise. IRQL <= DISPATCH_LEVEL.
#[unsafe(no_mangle)]
extern "system" fn ExAllocatePool2(flags: u64, bytes: usize, tag: u32) -> *mut c_void {
    // SAFETY: any size and tag may be asked for; failure is a null pointer.
    let memory = unsafe { ExAllocatePoolWithTag(NON_PAGED_POOL_NX, bytes, tag) };
    if !memory.is_null() && flags & POOL_FLAG_UNINITIALIZED == 0 {
        // SAFETY: the pool gave this many bytes.
        unsafe { ptr::write_bytes(memory.cast::<u8>(), 0, bytes) };
    }
    memory
}

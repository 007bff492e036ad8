//! The current interrupt request level.

unsafe extern "system" {
    // An inline function in the kit's x64 headers, so the generated bindings may lack it; the
    // kernel exports it.
    fn KeGetCurrentIrql() -> u8;
    fn IoGetTopLevelIrp() -> wdk_sys::PIRP;
}

/// Whether the processor is at PASSIVE_LEVEL.
pub fn is_passive() -> bool {
    // SAFETY: callable at any level.
    unsafe { KeGetCurrentIrql() == 0 }
}

/// Whether a file system is already at work in this thread, perhaps with its resources held
/// (nf-ntifs-iogettoplevelirp).
pub fn inside_file_system() -> bool {
    // SAFETY: reads a field of the current thread.
    unsafe { !IoGetTopLevelIrp().is_null() }
}

//! What the current thread may do.

unsafe extern "system" {
    fn KeAreAllApcsDisabled() -> u8;
    fn IoGetTopLevelIrp() -> wdk_sys::PIRP;
}

/// Whether routines that wait for I/O may be called: PASSIVE_LEVEL, and special kernel APCs are
/// delivered (nf-wdm-keareallapcsdisabled).
pub fn may_wait_for_io() -> bool {
    // SAFETY: callable at IRQL <= DISPATCH_LEVEL.
    unsafe { KeAreAllApcsDisabled() == 0 }
}

/// Whether a file system is already at work in this thread, perhaps with its resources held
/// (nf-ntifs-iogettoplevelirp).
pub fn inside_file_system() -> bool {
    // SAFETY: reads a field of the current thread.
    unsafe { !IoGetTopLevelIrp().is_null() }
}

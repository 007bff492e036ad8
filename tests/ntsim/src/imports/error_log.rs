//! Routines of ntoskrnl.exe for the error log.

use super::imports;

imports! {
    /// nf-wdm-ioallocateerrorlogentry
    IoAllocateErrorLogEntry(object: usize, size: u8) -> usize, DISPATCH_LEVEL, |kernel| {
        if kernel.fails("IoAllocateErrorLogEntry") {
            return 0;
        }
        kernel.allocate_error_log_entry(object, size).unwrap_or(0)
    }
    /// nf-wdm-iowriteerrorlogentry
    IoWriteErrorLogEntry(entry: usize) -> (), DISPATCH_LEVEL, |kernel| {
        kernel.write_error_log_entry(entry);
    }
    /// nf-wdm-iofreeerrorlogentry, whose page says nothing of the IRQL.
    IoFreeErrorLogEntry(entry: usize) -> (), DISPATCH_LEVEL, |kernel| {
        kernel.free_error_log_entry(entry);
    }
}

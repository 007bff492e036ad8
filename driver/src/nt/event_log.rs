//! Entries of the system's event log, for what an administrator must know.

use super::status::NtStatus;
use core::{
    ffi::c_void,
    mem::offset_of,
    ptr,
    sync::atomic::{AtomicPtr, Ordering},
};
use wdk_sys::{
    DRIVER_OBJECT, IO_ERROR_LOG_PACKET,
    ntddk::{IoAllocateErrorLogEntry, IoWriteErrorLogEntry},
};

/// What is written. The texts are the image's message table, made by `build.rs` from
/// `driver/messages.txt`.
#[derive(Clone, Copy)]
#[repr(u32)]
pub enum Event {
    /// A setting's stored value cannot be used; the text names it.
    SettingRefused = 0x8004_4001,
    /// A commit failed that nobody can be told of: at the end of a handle, a detach or a shutdown.
    CommitFailed = 0xC004_4002,
    /// A volume's device went away without a word while lines were dirty.
    VolumeLost = 0xC004_4003,
    /// The administrator has said that caches survive a power cut.
    NothingFlushed = 0x4004_4004,
}

/// Characters of a text, with its null character.
const MAX_TEXT: usize = 32;

static DRIVER: AtomicPtr<DRIVER_OBJECT> = AtomicPtr::new(ptr::null_mut());

/// Remembers whose entries they are.
pub(in crate::nt) fn prepare(driver: &mut DRIVER_OBJECT) {
    DRIVER.store(driver, Ordering::Release);
}

/// The packet with the text behind it.
#[repr(C)]
struct Entry {
    packet: IO_ERROR_LOG_PACKET,
    text: [u16; MAX_TEXT],
}

/// Writes an entry; without memory, or before [`prepare`], there is none. `text` is ASCII. IRQL <=
/// DISPATCH_LEVEL (nf-wdm-ioallocateerrorlogentry).
pub fn write(event: Event, status: NtStatus, text: &str) {
    const SIZE: u8 = size_of::<Entry>() as u8;
    let driver = DRIVER.load(Ordering::Acquire);
    if driver.is_null() {
        return;
    }
    // SAFETY: our driver object, and the size of what is written below.
    let memory = unsafe { IoAllocateErrorLogEntry(driver.cast::<c_void>(), SIZE) }.cast::<Entry>();
    if memory.is_null() {
        return;
    }
    let mut entry = Entry {
        packet: IO_ERROR_LOG_PACKET {
            NumberOfStrings: 1,
            StringOffset: offset_of!(Entry, text) as u16,
            ErrorCode: (event as u32).cast_signed(),
            FinalStatus: status.raw(),
            ..IO_ERROR_LOG_PACKET::default()
        },
        text: [0; MAX_TEXT],
    };
    let characters = entry.text.iter_mut().take(MAX_TEXT - 1);
    for (unit, byte) in characters.zip(text.bytes()) {
        *unit = u16::from(byte);
    }
    // SAFETY: allocated with this size.
    unsafe { memory.write_unaligned(entry) };
    // SAFETY: an entry that was filled in, and belongs to the I/O manager from here on.
    unsafe { IoWriteErrorLogEntry(memory.cast()) };
}

const _: () = {
    /// Smaller than the smallest ERROR_LOG_MAXIMUM_SIZE that headers have.
    const LIMIT: usize = 0x98;
    assert!(size_of::<IO_ERROR_LOG_PACKET>() == 48);
    assert!(offset_of!(IO_ERROR_LOG_PACKET, StringOffset) == 6);
    assert!(offset_of!(IO_ERROR_LOG_PACKET, ErrorCode) == 12);
    assert!(offset_of!(IO_ERROR_LOG_PACKET, FinalStatus) == 20);
    assert!(size_of::<Entry>() == 112 && size_of::<Entry>() <= LIMIT);
};

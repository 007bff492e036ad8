//! File objects: borrowed for a callback, or kept by reference.

use super::status::NtStatus;
use core::{
    marker::PhantomData,
    ptr::{self, NonNull},
    sync::atomic::{AtomicPtr, Ordering},
};
use wdk_sys::{FILE_OBJECT, FILE_WRITE_DATA, HANDLE, KPROCESSOR_MODE, PFILE_OBJECT, PVOID};

unsafe extern "system" {
    fn ObfReferenceObject(object: PVOID) -> isize;
    fn ObfDereferenceObject(object: PVOID) -> isize;
}

// Naming the library makes this an import by address, which data needs. The symbol is the
// variable itself, which holds the type.
#[link(name = "ntoskrnl")]
unsafe extern "system" {
    static IoFileObjectType: wdk_sys::POBJECT_TYPE;
}

/// Bits of FILE_OBJECT.Flags (ns-wdm-_file_object).
mod flag {
    pub const SYNCHRONOUS_IO: u32 = 0x2;
    pub const WRITE_THROUGH: u32 = 0x10;
    pub const DELETE_ON_CLOSE: u32 = 0x1_0000;
    pub const VOLUME_OPEN: u32 = 0x40_0000;
}

/// A file object that outlives the callback or request it was lent to.
#[derive(Clone, Copy)]
pub struct FileRef<'a> {
    object: NonNull<FILE_OBJECT>,
    lent: PhantomData<&'a FILE_OBJECT>,
}

impl<'a> FileRef<'a> {
    /// # Safety
    /// `object` is null or a file object that stays referenced for `'a`.
    pub unsafe fn lent(object: PFILE_OBJECT) -> Option<Self> {
        NonNull::new(object).map(|object| Self {
            object,
            lent: PhantomData,
        })
    }

    pub(in crate::nt) fn as_ptr(self) -> PFILE_OBJECT {
        self.object.as_ptr()
    }

    fn has(self, flag: u32) -> bool {
        // SAFETY: referenced for 'a; these flags are set at create and only read here.
        let flags = unsafe { (&raw const (*self.as_ptr()).Flags).read() };
        flags & flag != 0
    }

    /// Whether the handle names the volume itself and not a file on it.
    pub fn is_volume_open(self) -> bool {
        self.has(flag::VOLUME_OPEN)
    }

    /// Whether every write through this file object must be durable when it completes.
    pub fn writes_through(self) -> bool {
        self.has(flag::WRITE_THROUGH)
    }

    /// Whether the file was opened to be deleted when this file object's last handle closes.
    pub fn deletes_on_close(self) -> bool {
        self.has(flag::DELETE_ON_CLOSE)
    }

    /// Tells this file object from others, while it exists.
    pub fn identity(self) -> usize {
        self.as_ptr() as usize
    }

    /// Whether a program has a section or view of the stream that it can write, or a handle
    /// (nf-ntifs-mmdoesfilehaveuserwritablereferences). IRQL <= APC_LEVEL.
    pub fn has_writable_references(self) -> bool {
        unsafe extern "system" {
            fn MmDoesFileHaveUserWritableReferences(sections: PVOID) -> u32;
        }
        // SAFETY: referenced for 'a; the file system sets the pointer at create.
        let sections = unsafe { (&raw const (*self.as_ptr()).SectionObjectPointer).read() };
        // SAFETY: the stream's own structure, which lives as long as the file object.
        !sections.is_null() && unsafe { MmDoesFileHaveUserWritableReferences(sections.cast()) } != 0
    }

    /// The file pointer, which the I/O system keeps for synchronous file objects only.
    pub fn current_byte_offset(self) -> Option<i64> {
        // SAFETY: referenced for 'a; a synchronous file object has one request at a time.
        let offset = unsafe { (&raw const (*self.as_ptr()).CurrentByteOffset).read() };
        // SAFETY: every bit pattern of the union is a valid QuadPart.
        self.has(flag::SYNCHRONOUS_IO)
            .then(|| unsafe { offset.QuadPart })
    }

    /// Keeps the file object beyond `'a`. IRQL <= DISPATCH_LEVEL.
    pub fn keep(self) -> FileObject {
        // SAFETY: referenced for 'a, so it cannot be on its way out.
        unsafe { ObfReferenceObject(self.as_ptr().cast()) };
        FileObject {
            object: self.object,
        }
    }
}

/// A referenced file object.
pub struct FileObject {
    object: NonNull<FILE_OBJECT>,
}

// SAFETY: file objects are reference-counted and not bound to a thread.
unsafe impl Send for FileObject {}
// SAFETY: as above; nothing is changed through a shared reference.
unsafe impl Sync for FileObject {}

impl FileObject {
    /// The file behind a caller's handle, if the caller itself holds it with FILE_WRITE_DATA.
    ///
    /// IRQL PASSIVE_LEVEL, in the caller's context (nf-wdm-obreferenceobjectbyhandle).
    pub fn writable_from_handle(handle: u64, mode: KPROCESSOR_MODE) -> Result<Self, NtStatus> {
        let handle = usize::try_from(handle).map_err(|_| NtStatus::INVALID_PARAMETER)?;
        let mut object: PVOID = ptr::null_mut();
        // SAFETY: exported by the kernel and set before any driver runs.
        let kind = unsafe { IoFileObjectType };
        // SAFETY: any handle value may be asked for; the access is checked in `mode`.
        let status = unsafe {
            wdk_sys::ntddk::ObReferenceObjectByHandle(
                handle as HANDLE,
                FILE_WRITE_DATA,
                kind,
                mode,
                &raw mut object,
                ptr::null_mut(),
            )
        };
        NtStatus::check(status)?;
        let object = NonNull::new(object.cast()).ok_or(NtStatus::INVALID_PARAMETER)?;
        Ok(Self { object })
    }

    pub fn lend(&self) -> FileRef<'_> {
        FileRef {
            object: self.object,
            lent: PhantomData,
        }
    }
}

impl Drop for FileObject {
    fn drop(&mut self) {
        // SAFETY: gives back the reference that this value stands for.
        unsafe { ObfDereferenceObject(self.object.as_ptr().cast()) };
    }
}

/// A place for at most one file object, filled and emptied without a lock.
pub struct FileSlot {
    object: AtomicPtr<FILE_OBJECT>,
}

impl FileSlot {
    pub const fn empty() -> Self {
        Self {
            object: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Keeps `file` if the slot is empty. IRQL <= DISPATCH_LEVEL.
    pub fn fill(&self, file: FileRef<'_>) {
        if self.object.load(Ordering::SeqCst).is_null() {
            drop(self.put_back(file.keep()));
        }
    }

    /// Puts a kept file object into the slot, or returns it if another is there.
    pub fn put_back(&self, file: FileObject) -> Option<FileObject> {
        let empty = ptr::null_mut();
        let object = file.object.as_ptr();
        if self
            .object
            .compare_exchange(empty, object, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
        {
            core::mem::forget(file);
            return None;
        }
        Some(file)
    }

    pub fn take(&self) -> Option<FileObject> {
        let object = self.object.swap(ptr::null_mut(), Ordering::SeqCst);
        NonNull::new(object).map(|object| FileObject { object })
    }
}

impl Drop for FileSlot {
    fn drop(&mut self) {
        drop(self.take());
    }
}

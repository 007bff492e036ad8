//! Sections for data scan: what a stream's views are made of.

use super::{
    context::ContextReference,
    file::FileRef,
    flt::{
        FLT_SECTION_CONTEXT, FltCloseSectionForDataScan, FltCreateSectionForDataScan, PFLT_CONTEXT,
    },
    instance::Instance,
    shared::Shared,
    status::NtStatus,
};
use core::{
    ffi::c_void,
    ptr,
    sync::atomic::{AtomicBool, Ordering},
};
use wdk_sys::{
    HANDLE, LARGE_INTEGER, OBJ_KERNEL_HANDLE, OBJECT_ATTRIBUTES, PAGE_READONLY, PAGE_READWRITE,
    PVOID, ntddk::ZwClose,
};

unsafe extern "system" {
    fn ObfDereferenceObject(object: PVOID) -> isize;
}

const SECTION_QUERY: u32 = 0x1;
const SECTION_MAP_WRITE: u32 = 0x2;
const SECTION_MAP_READ: u32 = 0x4;
const SEC_COMMIT: u32 = 0x0800_0000;

/// Memory of a section context.
pub(in crate::nt) struct SectionPayload {
    /// A [`Shared`] reference to the stream, as a raw pointer.
    owner: *mut c_void,
    conflict: AtomicBool,
}

/// Takes back the owner's reference from a section context that is being freed.
///
/// # Safety
/// Called once, from the cleanup callback of a section context whose owner is a `T`.
pub(in crate::nt) unsafe fn take_owner<T>(context: PFLT_CONTEXT) -> Option<Shared<T>> {
    // SAFETY: our section contexts hold a payload.
    let owner = unsafe { (*context.cast::<SectionPayload>()).owner };
    // SAFETY: the caller's promise.
    unsafe { Shared::from_raw(owner) }
}

/// Remembers a conflict and names the owner to tell.
///
/// # Safety
/// `context` is a section context whose owner is a `T`, referenced for the call.
pub(in crate::nt) unsafe fn note_conflict<T>(context: PFLT_CONTEXT) -> Option<Shared<T>> {
    // SAFETY: our section contexts hold a payload, written before the section was created.
    let payload = unsafe { &*context.cast::<SectionPayload>() };
    payload.conflict.store(true, Ordering::SeqCst);
    // SAFETY: the owner is taken back in the cleanup callback only.
    unsafe { Shared::clone_raw(payload.owner) }
}

fn payload(context: &ContextReference) -> &SectionPayload {
    // SAFETY: a section context of ours, alive as long as the reference.
    unsafe { &*context.0.cast::<SectionPayload>() }
}

/// What a section's views may do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SectionAccess {
    Read,
    Write,
}

impl SectionAccess {
    fn mask(self) -> u32 {
        match self {
            Self::Read => SECTION_QUERY | SECTION_MAP_READ,
            Self::Write => SECTION_QUERY | SECTION_MAP_READ | SECTION_MAP_WRITE,
        }
    }

    pub(in crate::nt) fn protection(self) -> u32 {
        match self {
            Self::Read => PAGE_READONLY,
            Self::Write => PAGE_READWRITE,
        }
    }
}

/// A section of a whole stream, as large as the stream was then. Closed when dropped, at
/// PASSIVE_LEVEL.
pub struct Section {
    context: ContextReference,
    handle: HANDLE,
    object: PVOID,
    file_size: u64,
    access: SectionAccess,
}

// SAFETY: the handle is a kernel handle, which any thread may use; the rest is reference-counted.
unsafe impl Send for Section {}
// SAFETY: as above.
unsafe impl Sync for Section {}

impl Section {
    /// Creates the stream's section. IRQL PASSIVE_LEVEL, with no lock held that the file system or
    /// the conflict callback could want (nf-fltkernel-fltcreatesectionfordatascan).
    pub fn create<T>(
        instance: Instance<'_>,
        file: FileRef<'_>,
        owner: Shared<T>,
        access: SectionAccess,
    ) -> Result<Self, NtStatus> {
        let size = size_of::<SectionPayload>();
        let context = ContextReference::allocate(instance, FLT_SECTION_CONTEXT, size)?;
        let payload = SectionPayload {
            owner: owner.into_raw(),
            conflict: AtomicBool::new(false),
        };
        // SAFETY: freshly allocated with this size.
        unsafe { context.0.cast::<SectionPayload>().write(payload) };
        let mut attributes = kernel_handle();
        let mut handle: HANDLE = ptr::null_mut();
        let mut object: PVOID = ptr::null_mut();
        let mut file_size = LARGE_INTEGER::default();
        // SAFETY: valid instance, file object and context; the out parameters are ours.
        let status = unsafe {
            FltCreateSectionForDataScan(
                instance.raw,
                file.as_ptr(),
                context.0,
                access.mask(),
                &raw mut attributes,
                ptr::null_mut(),
                access.protection(),
                SEC_COMMIT,
                0,
                &raw mut handle,
                &raw mut object,
                &raw mut file_size,
            )
        };
        NtStatus::check(status)?;
        // SAFETY: every bit pattern is a valid QuadPart.
        let file_size = u64::try_from(unsafe { file_size.QuadPart }).unwrap_or(0);
        Ok(Self {
            context,
            handle,
            object,
            file_size,
            access,
        })
    }

    pub(in crate::nt) fn access(&self) -> SectionAccess {
        self.access
    }

    /// The stream's size in bytes when the section was created.
    pub fn file_size(&self) -> u64 {
        self.file_size
    }

    pub(in crate::nt) fn handle(&self) -> HANDLE {
        self.handle
    }

    /// Whether the file system has asked for this section to be closed.
    pub fn is_in_conflict(&self) -> bool {
        payload(&self.context).conflict.load(Ordering::SeqCst)
    }
}

impl Drop for Section {
    /// In the order of the avscan sample: the section's context last.
    fn drop(&mut self) {
        // SAFETY: our own handle, closed once.
        let _ = unsafe { ZwClose(self.handle) };
        // SAFETY: gives back the reference from FltCreateSectionForDataScan.
        unsafe { ObfDereferenceObject(self.object) };
        // SAFETY: the section of this context was created and is closed once.
        let _ = unsafe { FltCloseSectionForDataScan(self.context.0) };
    }
}

pub(in crate::nt) fn kernel_handle() -> OBJECT_ATTRIBUTES {
    OBJECT_ATTRIBUTES {
        Length: size_of::<OBJECT_ATTRIBUTES>() as u32,
        Attributes: OBJ_KERNEL_HANDLE,
        ..OBJECT_ATTRIBUTES::default()
    }
}

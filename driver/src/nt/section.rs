//! Sections for data scan and their views: how the driver reaches a stream's persistent memory.

use super::{
    context::ContextReference,
    file::FileRef,
    flt::{
        FLT_SECTION_CONTEXT, FltCloseSectionForDataScan, FltCreateSectionForDataScan, PFLT_CONTEXT,
    },
    instance::Instance,
    process::in_system,
    shared::Shared,
    status::NtStatus,
};
use core::{
    ffi::c_void,
    ptr,
    sync::atomic::{AtomicBool, Ordering},
};
use daxflush_engine::{LINE_SIZE, Run};
use daxflush_nvmem::{FlushFlags, NvMemory, NvMemoryRange, NvToken};
use wdk_sys::{
    HANDLE, LARGE_INTEGER, OBJ_KERNEL_HANDLE, OBJECT_ATTRIBUTES, PAGE_READONLY, PVOID, SIZE_T,
    ntddk::{ZwClose, ZwMapViewOfSection, ZwUnmapViewOfSection},
};

unsafe extern "system" {
    fn ObfDereferenceObject(object: PVOID) -> isize;
}

const SECTION_QUERY: u32 = 0x1;
const SECTION_MAP_READ: u32 = 0x4;
const SEC_COMMIT: u32 = 0x0800_0000;
/// ZwCurrentProcess().
const CURRENT_PROCESS: HANDLE = -1_isize as HANDLE;
/// ViewUnmap of SECTION_INHERIT.
const VIEW_UNMAP: i32 = 2;

/// Most ranges that one call of [`View::flush`] passes on at once.
const BATCH: usize = 64;

/// Regions that may be mapped at once.
pub const MAX_VIEWS: usize = 4096;

/// The tokens of all views.
static MEMORY: NvMemory<MAX_VIEWS> = NvMemory::new();

/// The flush routines behind every view.
pub fn memory() -> &'static NvMemory<MAX_VIEWS> {
    &MEMORY
}

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

/// A read-only view of a whole stream in the System process. Closed when dropped, at PASSIVE_LEVEL.
pub struct View {
    section: Section,
    base: PVOID,
    token: NvToken,
}

// SAFETY: the handle is a kernel handle, and the view belongs to the System process and not to a
// thread.
unsafe impl Send for View {}
// SAFETY: as above; a shared reference only flushes.
unsafe impl Sync for View {}

impl View {
    /// Creates the stream's section and maps all of it. IRQL PASSIVE_LEVEL, with no lock held that
    /// the file system or the conflict callback could want
    /// (nf-fltkernel-fltcreatesectionfordatascan).
    pub fn open<T>(
        instance: Instance<'_>,
        file: FileRef<'_>,
        owner: Shared<T>,
    ) -> Result<Self, NtStatus> {
        let section = Section::create(instance, file, owner)?;
        match section.map() {
            Ok((base, token)) => Ok(Self {
                section,
                base,
                token,
            }),
            Err(status) => {
                section.close();
                Err(status)
            }
        }
    }

    /// The end of the file's last line, in bytes, when the section was created.
    pub fn end(&self) -> u64 {
        self.section.file_size.next_multiple_of(LINE_SIZE)
    }

    /// Whether the file system has asked for this section to be closed.
    pub fn is_in_conflict(&self) -> bool {
        payload(&self.section.context)
            .conflict
            .load(Ordering::SeqCst)
    }

    /// Starts the write-back of what `runs` have within the file; no drain. Returns the lines.
    ///
    /// IRQL <= APC_LEVEL.
    pub fn flush(&self, runs: &[Run]) -> Result<u64, NtStatus> {
        let mut lines = 0_u64;
        for batch in runs.chunks(BATCH) {
            let mut ranges = [NvMemoryRange::default(); BATCH];
            for (range, run) in ranges.iter_mut().zip(batch) {
                *range = self.range(*run).ok_or(NtStatus::INVALID_PARAMETER)?;
                lines = lines.saturating_add(range.length as u64 / LINE_SIZE);
            }
            let ranges = ranges.get(..batch.len()).unwrap_or_default();
            in_system(|| MEMORY.flush_ranges(self.token, ranges, FlushFlags::NO_DRAIN))
                .map_err(|error| NtStatus::from_raw(error.to_ntstatus()))?;
        }
        Ok(lines)
    }

    /// The part of a run that the file still has; what lies beyond was truncated away.
    fn range(&self, run: Run) -> Option<NvMemoryRange> {
        let end = run.offset.checked_add(run.length)?.min(self.end());
        let length = usize::try_from(end.saturating_sub(run.offset)).ok()?;
        let offset = usize::try_from(run.offset.min(end)).ok()?;
        Some(NvMemoryRange {
            base_address: (self.base as usize).checked_add(offset)?,
            length,
        })
    }
}

impl Drop for View {
    fn drop(&mut self) {
        // Waits for flushes under way; no new one can begin, as the owner is the only user.
        let _ = MEMORY.free_token(self.token);
        unmap(self.base);
        self.section.close();
    }
}

/// Waits until everything that this processor has begun to write back is durable. Any IRQL.
pub fn drain() -> Result<(), NtStatus> {
    MEMORY
        .drain(NvToken::DEFAULT)
        .map_err(|error| NtStatus::from_raw(error.to_ntstatus()))
}

fn payload(context: &ContextReference) -> &SectionPayload {
    // SAFETY: a section context of ours, alive as long as the reference.
    unsafe { &*context.0.cast::<SectionPayload>() }
}

/// A created section; whoever has it must close it.
struct Section {
    context: ContextReference,
    handle: HANDLE,
    object: PVOID,
    file_size: u64,
}

impl Section {
    fn create<T>(
        instance: Instance<'_>,
        file: FileRef<'_>,
        owner: Shared<T>,
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
                SECTION_QUERY | SECTION_MAP_READ,
                &raw mut attributes,
                ptr::null_mut(),
                PAGE_READONLY,
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
        })
    }

    /// Maps the whole section and gets a token for the view.
    fn map(&self) -> Result<(PVOID, NvToken), NtStatus> {
        let mut base: PVOID = ptr::null_mut();
        let mut size: SIZE_T = 0;
        let status = in_system(|| {
            // SAFETY: our own section handle; base and size of 0 ask for a view of everything.
            unsafe {
                ZwMapViewOfSection(
                    self.handle,
                    CURRENT_PROCESS,
                    &raw mut base,
                    0,
                    0,
                    ptr::null_mut(),
                    &raw mut size,
                    VIEW_UNMAP,
                    0,
                    PAGE_READONLY,
                )
            }
        });
        let size = usize::try_from(size).map_err(|_| NtStatus::INVALID_PARAMETER)?;
        NtStatus::check(status)?;
        // SAFETY: the view stays mapped until its owner has freed the token, and this module uses
        // the token only while attached to the System process.
        unsafe { MEMORY.get_token(base as usize, size) }
            .map(|token| (base, token))
            .map_err(|error| {
                unmap(base);
                NtStatus::from_raw(error.to_ntstatus())
            })
    }

    /// Closes in the order of the avscan sample: the section's context last.
    fn close(&self) {
        // SAFETY: our own handle, closed once.
        let _ = unsafe { ZwClose(self.handle) };
        // SAFETY: gives back the reference from FltCreateSectionForDataScan.
        unsafe { ObfDereferenceObject(self.object) };
        // SAFETY: the section of this context was created and is closed once.
        let _ = unsafe { FltCloseSectionForDataScan(self.context.0) };
    }
}

fn kernel_handle() -> OBJECT_ATTRIBUTES {
    OBJECT_ATTRIBUTES {
        Length: size_of::<OBJECT_ATTRIBUTES>() as u32,
        Attributes: OBJ_KERNEL_HANDLE,
        ..OBJECT_ATTRIBUTES::default()
    }
}

fn unmap(base: PVOID) {
    // SAFETY: a view that this module mapped in the System process; its token is gone, so nothing
    // uses it.
    let _ = in_system(|| unsafe { ZwUnmapViewOfSection(CURRENT_PROCESS, base) });
}

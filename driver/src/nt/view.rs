//! Views of sections, and their flushing: how the driver reaches a stream's persistent memory.

use super::{
    process::in_system,
    section::{Section, SectionAccess},
    status::NtStatus,
};
use crate::settings::SETTINGS;
use core::ptr;
use daxflush_engine::{LINE_SIZE, Run};
use daxflush_nvmem::{FlushFlags, NvMemory, NvMemoryRange, NvToken, WriteFlags};
use wdk_sys::{
    HANDLE, LARGE_INTEGER, PVOID, SIZE_T,
    ntddk::{ZwMapViewOfSection, ZwUnmapViewOfSection},
};

/// ZwCurrentProcess().
pub(in crate::nt) const CURRENT_PROCESS: HANDLE = -1_isize as HANDLE;
/// ViewUnmap of SECTION_INHERIT.
pub(in crate::nt) const VIEW_UNMAP: i32 = 2;

/// Most ranges that are passed on at once.
const BATCH: usize = 64;

/// Regions that may be mapped at once.
pub const MAX_VIEWS: usize = 4096;

/// The tokens of all views.
static MEMORY: NvMemory<MAX_VIEWS> = NvMemory::new();

/// The flush routines behind every view.
pub fn memory() -> &'static NvMemory<MAX_VIEWS> {
    &MEMORY
}

/// Waits until everything that this processor has begun to write back is durable. Any IRQL.
pub fn drain() -> Result<(), NtStatus> {
    MEMORY
        .drain(NvToken::DEFAULT)
        .map_err(|error| NtStatus::from_raw(error.to_ntstatus()))
}

/// A stream's section, and the window of it that is mapped in the System process. All of a stream
/// that is no longer than a window; else the window moves. Closed when dropped, at PASSIVE_LEVEL.
pub struct View {
    // Before the section: a window is unmapped first.
    window: Option<Window>,
    section: Section,
    window_bytes: u64,
}

impl View {
    /// A view with nothing mapped yet. `window_bytes` is a multiple of [`WINDOW_ALIGNMENT`].
    pub fn new(section: Section, window_bytes: u64) -> Self {
        Self {
            window: None,
            section,
            window_bytes: window_bytes.max(WINDOW_ALIGNMENT),
        }
    }

    /// The end of the file's last line, in bytes, when the section was created.
    pub fn end(&self) -> u64 {
        self.section.file_size().next_multiple_of(LINE_SIZE)
    }

    /// Bytes of the file when the section was created.
    pub fn file_size(&self) -> u64 {
        self.section.file_size()
    }

    /// Bytes that are mapped, or will be by the first flush.
    pub fn bytes(&self) -> u64 {
        self.section.file_size().min(self.window_bytes)
    }

    /// Whether the file system has asked for this section to be closed.
    pub fn is_in_conflict(&self) -> bool {
        self.section.is_in_conflict()
    }

    /// Starts the write-back of what `runs`, in ascending order, have within the file, moving the
    /// window as needed; no drain. Returns the lines. IRQL PASSIVE_LEVEL.
    pub fn flush(&mut self, runs: &[Run]) -> Result<u64, NtStatus> {
        let file_end = self.end();
        let mut lines = 0_u64;
        let mut batch = Batch::new();
        if let Some(window) = self.window.as_ref().filter(|window| window.has_all(runs))
            && batch.take_all(window, runs)
        {
            batch.flush(Some(window))?;
            return Ok(Run::bytes_of(runs) / LINE_SIZE);
        }
        for run in runs {
            let end = run.end().min(file_end);
            let mut at = run.offset;
            while at < end {
                if !self.window.as_ref().is_some_and(|window| window.has(at)) {
                    batch.flush(self.window.as_ref())?;
                    self.move_to(at)?;
                }
                let window = self.window.as_ref().ok_or(NtStatus::INVALID_PARAMETER)?;
                let stop = end.min(window.end());
                if batch.is_full() {
                    batch.flush(Some(window))?;
                }
                batch.push(window.range(at..stop).ok_or(NtStatus::INVALID_PARAMETER)?);
                lines = lines.saturating_add(stop.saturating_sub(at) / LINE_SIZE);
                at = stop;
            }
        }
        batch.flush(self.window.as_ref())?;
        Ok(lines)
    }

    /// Stores `content` at `offset`, all of it within the file as it was when a section to write was
    /// created; flushes and drains as `flags` say. IRQL PASSIVE_LEVEL.
    ///
    /// # Errors
    /// END_OF_FILE, with nothing stored, if it is not within the file; else a part may be stored.
    pub fn store(
        &mut self,
        offset: u64,
        content: Content<'_>,
        flags: WriteFlags,
    ) -> Result<(), NtStatus> {
        let end = offset.saturating_add(content.bytes());
        if end > self.section.file_size() {
            return Err(NtStatus::END_OF_FILE);
        }
        if self.section.access() != SectionAccess::Write {
            return Err(NtStatus::ACCESS_DENIED);
        }
        let mut at = offset;
        while at < end {
            if !self.window.as_ref().is_some_and(|window| window.has(at)) {
                self.move_to(at)?;
            }
            let window = self.window.as_ref().ok_or(NtStatus::INVALID_PARAMETER)?;
            let stop = end.min(window.end());
            let piece = content.piece(at.saturating_sub(offset)..stop.saturating_sub(offset));
            window.store(at, piece.ok_or(NtStatus::INVALID_PARAMETER)?, flags)?;
            at = stop;
        }
        Ok(())
    }

    /// Maps the window that has byte `at` of the file.
    fn move_to(&mut self, at: u64) -> Result<(), NtStatus> {
        drop(self.window.take());
        let start = at.saturating_sub(at.checked_rem(self.window_bytes).unwrap_or(0));
        let rest = self.section.file_size().saturating_sub(start);
        self.window = Some(Window::map(
            &self.section,
            start,
            rest.min(self.window_bytes),
        )?);
        Ok(())
    }
}

/// The allocation granularity, which a section's offset must be a multiple of
/// (nf-wdm-zwmapviewofsection).
pub const WINDOW_ALIGNMENT: u64 = 64 << 10;

/// What is stored.
#[derive(Clone, Copy)]
pub enum Content<'a> {
    /// These bytes.
    Data(&'a [u8]),
    /// One value, so many times.
    Value(u8, u64),
}

impl Content<'_> {
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Data(data) => data.len() as u64,
            Self::Value(_, count) => *count,
        }
    }

    /// A part of it.
    pub fn piece(&self, bytes: core::ops::Range<u64>) -> Option<Self> {
        match self {
            Self::Data(data) => {
                let start = usize::try_from(bytes.start).ok()?;
                data.get(start..usize::try_from(bytes.end).ok()?)
                    .map(Self::Data)
            }
            Self::Value(value, _) => {
                let count = bytes.end.checked_sub(bytes.start)?;
                Some(Self::Value(*value, count))
            }
        }
    }
}

/// A mapped part of a section, with its token.
struct Window {
    base: PVOID,
    token: NvToken,
    /// Where in the file it begins, and the end of its last line.
    start: u64,
    end: u64,
}

// SAFETY: the view belongs to the System process and not to a thread.
unsafe impl Send for Window {}
// SAFETY: as above; a shared reference only flushes.
unsafe impl Sync for Window {}

impl Window {
    fn map(section: &Section, start: u64, length: u64) -> Result<Self, NtStatus> {
        let mut base: PVOID = ptr::null_mut();
        let mut offset = LARGE_INTEGER {
            QuadPart: i64::try_from(start).map_err(|_| NtStatus::INVALID_PARAMETER)?,
        };
        let mut size: SIZE_T = length;
        let status = in_system(|| {
            // SAFETY: our own section handle; a base of 0 asks for any place, and the section has
            // the bytes asked for.
            unsafe {
                ZwMapViewOfSection(
                    section.handle(),
                    CURRENT_PROCESS,
                    &raw mut base,
                    0,
                    0,
                    &raw mut offset,
                    &raw mut size,
                    VIEW_UNMAP,
                    0,
                    section.access().protection(),
                )
            }
        });
        NtStatus::check(status)?;
        let bytes = usize::try_from(size).unwrap_or(0);
        // SAFETY: the window stays mapped until its drop has freed the token, and this module uses
        // the token only while attached to the System process.
        let token = unsafe { MEMORY.get_token(base as usize, bytes) };
        match token {
            Ok(token) => Ok(Self {
                base,
                token,
                start,
                end: start.saturating_add(length).next_multiple_of(LINE_SIZE),
            }),
            Err(error) => {
                unmap(base);
                Err(NtStatus::from_raw(error.to_ntstatus()))
            }
        }
    }

    fn has(&self, at: u64) -> bool {
        self.start <= at && at < self.end
    }

    /// Whether all of `runs`, in ascending order, are in it.
    fn has_all(&self, runs: &[Run]) -> bool {
        let first = runs.first().is_some_and(|run| self.start <= run.offset);
        first && runs.last().is_some_and(|run| run.end() <= self.end)
    }

    fn end(&self) -> u64 {
        self.end
    }

    /// Stores all of `content` at byte `at` of the file, within this window of a section to write.
    fn store(&self, at: u64, content: Content<'_>, flags: WriteFlags) -> Result<(), NtStatus> {
        let bytes = at..at.saturating_add(content.bytes());
        let place = self.range(bytes).ok_or(NtStatus::INVALID_PARAMETER)?;
        let stored = in_system(|| {
            // SAFETY: a view that can be written, mapped in the System process, where this thread is;
            // only programs and the file system use the bytes, and neither by Rust references.
            unsafe {
                match content {
                    Content::Data(data) => {
                        MEMORY.write(self.token, place.base_address, data, flags)
                    }
                    Content::Value(value, _) => {
                        MEMORY.fill(self.token, place.base_address, place.length, value, flags)
                    }
                }
            }
        });
        stored.map_err(|error| NtStatus::from_raw(error.to_ntstatus()))
    }

    /// Bytes of the file within this window, as addresses.
    fn range(&self, bytes: core::ops::Range<u64>) -> Option<NvMemoryRange> {
        let offset = usize::try_from(bytes.start.checked_sub(self.start)?).ok()?;
        let length = usize::try_from(bytes.end.checked_sub(bytes.start)?).ok()?;
        Some(NvMemoryRange {
            base_address: (self.base as usize).checked_add(offset)?,
            length,
        })
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // Waits for flushes under way; no new one can begin, as the owner is the only user.
        let _ = MEMORY.free_token(self.token);
        unmap(self.base);
    }
}

fn unmap(base: PVOID) {
    // SAFETY: a view that this module mapped in the System process; its token is gone, so nothing
    // uses it.
    let _ = in_system(|| unsafe { ZwUnmapViewOfSection(CURRENT_PROCESS, base) });
}

/// Ranges of one window on their way to the flush routine.
struct Batch {
    ranges: [NvMemoryRange; BATCH],
    count: usize,
    limit: usize,
}

impl Batch {
    fn new() -> Self {
        Self {
            ranges: [NvMemoryRange::default(); BATCH],
            count: 0,
            limit: SETTINGS.batch_ranges().clamp(1, BATCH),
        }
    }

    fn is_full(&self) -> bool {
        self.count >= self.limit
    }

    /// Takes runs that are in the window, if this empty batch has room for them.
    fn take_all(&mut self, window: &Window, runs: &[Run]) -> bool {
        let room = runs.len() <= self.limit;
        if room {
            for (place, run) in self.ranges.iter_mut().zip(runs) {
                let offset = run.offset.wrapping_sub(window.start) as usize;
                *place = NvMemoryRange {
                    base_address: (window.base as usize).wrapping_add(offset),
                    length: run.length as usize,
                };
            }
            self.count = runs.len();
        }
        room
    }

    fn push(&mut self, range: NvMemoryRange) {
        if let Some(place) = self.ranges.get_mut(self.count) {
            *place = range;
            self.count = self.count.saturating_add(1);
        }
    }

    fn flush(&mut self, window: Option<&Window>) -> Result<(), NtStatus> {
        let ranges = self.ranges.get(..self.count).unwrap_or_default();
        let (Some(window), false) = (window, ranges.is_empty()) else {
            return Ok(());
        };
        in_system(|| MEMORY.flush_ranges(window.token, ranges, FlushFlags::NO_DRAIN))
            .map_err(|error| NtStatus::from_raw(error.to_ntstatus()))?;
        self.count = 0;
        Ok(())
    }
}

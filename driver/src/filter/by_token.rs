//! Flushes and stores that programs ask for by tokens, whatever is dirty.

use super::{
    backing::{ATTEMPTS, SLICE, ViewBacking},
    commit::Manner,
    stream::Stream,
};
use crate::nt::{
    file::FileRef,
    instance::Instance,
    processor::{self, Processor},
    section::SectionAccess,
    shared::Shared,
    status::NtStatus,
    view::Content,
    wait,
};
use daxflush_engine::{Backing, LINE_SIZE, Run};
use daxflush_nvmem::WriteFlags;
use daxflush_protocol::FileRange;

/// Flushes ranges of a stream, dirty or not, and leaves their marks alone. Returns the lines. IRQL
/// PASSIVE_LEVEL, with no file system resources held.
pub fn flush_ranges(
    stream: &Shared<Stream>,
    instance: Instance<'_>,
    file: FileRef<'_>,
    ranges: &[FileRange],
    drains: bool,
) -> Result<u64, NtStatus> {
    let manner = Manner {
        gathers: false,
        drains,
    };
    let mut commits = stream.committer.exclusive();
    stream.view.close_if_in_conflict();
    let mut backing = ViewBacking::new(stream, instance, Some(file), 0..0, &manner);
    let (done, processor) = processor::stay(|| {
        let done = ranges
            .iter()
            .try_for_each(|range| backing.flush(&[lines_of(range)]))
            .and_then(|()| backing.drain());
        (done, Processor::current())
    });
    let lines = backing.lines;
    let noted = commits.note_flushed(&mut backing, processor);
    drop(commits);
    noted.and(done).map(|()| lines)
}

/// Stores into a stream through a view of its own, and flushes and drains as `flags` say; what may not
/// be durable then is dirty. IRQL PASSIVE_LEVEL, with no file system resources held.
///
/// # Errors
/// END_OF_FILE if the file has become shorter: then nothing is stored, unless it became so meanwhile.
/// What may be stored after any failure is dirty.
pub fn store(
    stream: &Shared<Stream>,
    instance: Instance<'_>,
    file: FileRef<'_>,
    offset: u64,
    content: Content<'_>,
    flags: WriteFlags,
) -> Result<(), NtStatus> {
    let mut commits = stream.committer.exclusive();
    let manner = Manner::FULL;
    let backing = ViewBacking::new(stream, instance, Some(file), 0..0, &manner);
    let mut reach = offset;
    let (stored, processor) = processor::stay(|| {
        let stored = store_all(&backing, offset, content, flags, &mut reach);
        (stored, Processor::current())
    });
    let stored = match stored {
        Ok(()) if flags == WriteFlags::FLUSH | WriteFlags::NO_DRAIN => {
            commits.undrained.note(stream, processor, offset..reach)
        }
        Ok(()) if flags.intersects(WriteFlags::PERSIST) => Ok(()),
        volatile_or_failed => {
            if reach > offset {
                stream.record(file, offset, reach.saturating_sub(offset));
            }
            volatile_or_failed
        }
    };
    drop(commits);
    stored
}

/// The lines that a range of bytes overlaps.
fn lines_of(range: &FileRange) -> Run {
    let start = range.offset.saturating_sub(range.offset % LINE_SIZE);
    let end = range.offset.saturating_add(range.length);
    Run {
        offset: start,
        length: end.saturating_sub(start).next_multiple_of(LINE_SIZE),
    }
}

/// Stores in slices, between which the file system gets its way. `reach` comes to be the end of
/// what may be stored.
fn store_all(
    backing: &ViewBacking<'_>,
    offset: u64,
    content: Content<'_>,
    flags: WriteFlags,
    reach: &mut u64,
) -> Result<(), NtStatus> {
    let length = content.bytes();
    let end = offset.saturating_add(length);
    let mut done = 0;
    while done < length {
        let next = done.saturating_add(SLICE).min(length);
        let piece = content
            .piece(done..next)
            .ok_or(NtStatus::INVALID_PARAMETER)?;
        store_slice(
            backing,
            offset.saturating_add(done),
            piece,
            flags,
            end,
            reach,
        )?;
        done = next;
    }
    Ok(())
}

/// Stores one slice of what ends at `end`.
fn store_slice(
    backing: &ViewBacking<'_>,
    at: u64,
    content: Content<'_>,
    flags: WriteFlags,
    end: u64,
    reach: &mut u64,
) -> Result<(), NtStatus> {
    let place = &backing.stream.view;
    let mut failure = NtStatus::FILE_LOCK_CONFLICT;
    for _ in 0..ATTEMPTS {
        if backing.stream.volume.is_removed() {
            return Err(NtStatus::DEVICE_DOES_NOT_EXIST);
        }
        // There is one section for each stream: the one that can only be read goes.
        drop(place.begin_use());
        backing.stream.begin_own_section();
        let opened = backing.open(SectionAccess::Write);
        backing.stream.end_own_section();
        let stored = match opened {
            Ok(leased) if leased.view.is_in_conflict() => None,
            // Refused as a whole, not when the slice comes that is not within the file.
            Ok(leased) if leased.view.file_size() < end => Some(Err(NtStatus::END_OF_FILE)),
            Ok(mut leased) => {
                *reach = at.saturating_add(content.bytes());
                Some(leased.view.store(at, content, flags))
            }
            Err(NtStatus::FLT_CONTEXT_ALREADY_DEFINED) => None,
            Err(NtStatus::RETRY) => {
                failure = NtStatus::INSUFFICIENT_RESOURCES;
                None
            }
            Err(status) => Some(Err(status)),
        };
        place.end_use();
        if let Some(stored) = stored {
            return stored;
        }
        wait::one_millisecond();
    }
    Err(failure)
}

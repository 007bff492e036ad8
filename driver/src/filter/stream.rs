//! A stream: what is dirty in it, and how to reach its memory.

use super::volume::Volume;
use crate::nt::{
    context,
    file::{FileRef, FileSlot},
    instance::Instance,
    push_lock::PushLock,
    section::View,
    shared::Shared,
    status::NtStatus,
};
use core::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use daxflush_engine::{Committer, DirtyMap};

/// The stream's context.
///
/// Lock order: `committer`, then the file system's own, then `view`. The conflict callback, which
/// runs with the file system's locks held, takes `view` only.
pub struct Stream {
    pub volume: Shared<Volume>,
    pub map: DirtyMap<Shared<Volume>>,
    /// Held for the whole of a commit: one at a time, and a later one waits for lines in flight.
    pub committer: PushLock<Committer>,
    /// Never held while a section is being created.
    pub view: PushLock<Option<View>>,
    /// A file object to reach the stream through when no request brings one; kept while dirty.
    pub anchor: FileSlot,
    /// Handles that are open, as far as they were opened since the filter was attached.
    pub handles: AtomicI64,
    /// The file is to be deleted when its last handle closes.
    pub delete_pending: AtomicBool,
    /// A section that can be written was created.
    mapped_for_writing: AtomicBool,
    /// A program reports its stores, so mapped stores need not be assumed.
    reported: AtomicBool,
    /// Counts records, each before it marks.
    records: AtomicU64,
    index: AtomicUsize,
}

/// `file`'s stream, tracked from now on if it was not. IRQL <= APC_LEVEL.
pub fn of(instance: Instance<'_>, file: FileRef<'_>) -> Result<Shared<Stream>, NtStatus> {
    context::stream_or_make(instance, file, || {
        let volume = context::instance::<Volume>(instance).ok_or(NtStatus::FLT_DELETING_OBJECT)?;
        Stream::try_new(volume)
    })
}

impl Stream {
    fn try_new(volume: Shared<Volume>) -> Result<Shared<Self>, NtStatus> {
        let stream = Shared::try_new(Self {
            volume: volume.clone(),
            map: DirtyMap::new(volume),
            committer: PushLock::new(Committer::new()),
            view: PushLock::new(None),
            anchor: FileSlot::empty(),
            handles: AtomicI64::new(0),
            delete_pending: AtomicBool::new(false),
            mapped_for_writing: AtomicBool::new(false),
            reported: AtomicBool::new(false),
            records: AtomicU64::new(0),
            index: AtomicUsize::new(usize::MAX),
        })?;
        stream.committer.initialize();
        stream.view.initialize();
        let index = stream.volume.remember(&stream)?;
        stream.index.store(index, Ordering::Relaxed);
        Ok(stream)
    }

    pub fn index(&self) -> usize {
        self.index.load(Ordering::Relaxed)
    }

    /// Records that bytes were stored. IRQL <= DISPATCH_LEVEL.
    ///
    /// The anchor comes before the marks, so that a commit which collects them has a file, and
    /// again after them: a commit takes it before it collects, so whoever marks too late for that
    /// commit finds the slot empty and fills it again.
    pub fn record(&self, file: FileRef<'_>, offset: u64, length: u64) {
        self.anchor.fill(file);
        self.records.fetch_add(1, Ordering::SeqCst);
        self.map.mark(offset, length);
        self.anchor.fill(file);
    }

    /// Records that bytes were stored nobody knows where. IRQL <= DISPATCH_LEVEL.
    pub fn record_all(&self, file: FileRef<'_>) {
        self.anchor.fill(file);
        self.records.fetch_add(1, Ordering::SeqCst);
        self.map.mark_all();
        self.anchor.fill(file);
    }

    /// How many records have begun.
    pub fn records(&self) -> u64 {
        self.records.load(Ordering::SeqCst)
    }

    pub fn note_writable_section(&self, file: FileRef<'_>) {
        self.anchor.fill(file);
        self.mapped_for_writing.store(true, Ordering::SeqCst);
    }

    pub fn note_report(&self) {
        self.reported.store(true, Ordering::SeqCst);
    }

    /// Whether stores that nobody reports may still come, with a handle open to commit them by.
    pub fn may_change_unseen(&self) -> bool {
        self.is_unreported() && self.handles.load(Ordering::SeqCst) > 0
    }

    /// Whether any line may have been stored to without a word.
    pub fn is_unreported(&self) -> bool {
        self.mapped_for_writing.load(Ordering::SeqCst) && !self.reported.load(Ordering::SeqCst)
    }

    /// Unmaps the stream, if it is mapped. IRQL PASSIVE_LEVEL.
    pub fn close_view(&self) {
        // The lock is released before the view is closed, which calls the file system.
        let view = self.view.exclusive().take();
        drop(view);
    }
}

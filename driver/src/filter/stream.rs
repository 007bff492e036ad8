//! A stream: what is dirty in it, and how to reach its memory.

use super::{STATISTICS, logs::Log, registry::Registry, view_slot::ViewSlot, volume::Volume};
use crate::{
    nt::{
        context,
        file::{FileRef, FileSlot},
        instance::Instance,
        process,
        push_lock::PushLock,
        shared::Shared,
        status::NtStatus,
    },
    settings::SETTINGS,
};
use core::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use daxflush_engine::{Committer, DirtyMap, Group, Mappers};

/// The stream's context.
///
/// Lock order: a client's list of logs, `committer`, then `logs`, then the file system's own, then the
/// leaves: the view slot, the list of views, a volume's list of streams. The conflict callback, which
/// runs with the file system's locks held, takes leaves only.
pub struct Stream {
    pub volume: Shared<Volume>,
    pub map: DirtyMap<Shared<Volume>>,
    /// Who is covered by whose commit.
    pub group: Group,
    /// Held for the whole of a commit: one at a time, and a later one waits for lines in flight.
    pub committer: PushLock<Committer>,
    pub view: ViewSlot,
    /// The dirty logs that programs have open.
    pub logs: PushLock<Registry<Log>>,
    /// A file object to reach the stream through when no request brings one; kept while dirty.
    pub anchor: FileSlot,
    /// Handles that are open, as far as they were opened since the filter was attached.
    pub handles: AtomicI64,
    /// The file is to be deleted when its last handle closes.
    pub delete_pending: AtomicBool,
    /// Who may store without a request.
    pub mappers: Mappers,
    /// Counts records, each before it marks.
    records: AtomicU64,
    index: AtomicUsize,
}

/// `file`'s stream, tracked from now on if it was not. IRQL <= APC_LEVEL.
pub fn of(instance: Instance<'_>, file: FileRef<'_>) -> Result<Shared<Stream>, NtStatus> {
    context::stream_or_make(instance, file, || {
        let volume = context::instance::<Volume>(instance).ok_or(NtStatus::FLT_DELETING_OBJECT)?;
        let stream = Stream::try_new(volume)?;
        // Nobody saw who mapped it before the filter was there.
        if stream.volume.was_attached_late() && file.has_writable_references() {
            stream.mappers.map_unseen();
        }
        Ok(stream)
    })
}

/// As [`of`], for an operation that must not go on untracked: nothing for a stream that can have no
/// context, which is none of a program's.
pub fn to_track(
    instance: Instance<'_>,
    file: FileRef<'_>,
) -> Result<Option<Shared<Stream>>, NtStatus> {
    match of(instance, file) {
        Ok(stream) => Ok(Some(stream)),
        Err(NtStatus::NOT_SUPPORTED) => Ok(None),
        Err(status) => {
            STATISTICS.refused.one();
            Err(status)
        }
    }
}

/// `file`'s stream, if there can be anything of it to commit: one that was mapped before the filter
/// was there is tracked from now on.
pub fn to_commit(
    instance: Instance<'_>,
    file: FileRef<'_>,
) -> Result<Option<Shared<Stream>>, NtStatus> {
    if let Some(stream) = context::stream::<Stream>(instance, file) {
        return Ok(Some(stream));
    }
    let volume = context::instance::<Volume>(instance);
    let late = volume.is_some_and(|volume| volume.was_attached_late());
    if late && file.has_writable_references() {
        return to_track(instance, file);
    }
    Ok(None)
}

impl Stream {
    fn try_new(volume: Shared<Volume>) -> Result<Shared<Self>, NtStatus> {
        let stream = Shared::try_new(Self {
            volume: volume.clone(),
            map: DirtyMap::new(volume),
            group: Group::new(),
            committer: PushLock::new(Committer::new()),
            view: ViewSlot::new(),
            logs: PushLock::new(Registry::new()),
            anchor: FileSlot::empty(),
            handles: AtomicI64::new(0),
            delete_pending: AtomicBool::new(false),
            mappers: Mappers::new(),
            records: AtomicU64::new(0),
            index: AtomicUsize::new(usize::MAX),
        })?;
        stream.committer.initialize();
        stream.view.initialize();
        stream.logs.initialize();
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

    /// The process that calls is about to create a section that can be written. Any IRQL.
    pub fn note_writable_section(&self, file: FileRef<'_>) {
        self.anchor.fill(file);
        self.mappers.map(process::current());
    }

    /// The process that calls has reported stores. Any IRQL.
    pub fn note_report(&self) {
        self.mappers.report(process::current());
    }

    /// Whether any line may have been stored to without a word.
    pub fn is_unreported(&self) -> bool {
        self.mappers.is_unreported() && !SETTINGS.trusts_reports()
    }

    /// Whether stores may still come that no request shows and that a commit has to ask for, so that
    /// it needs a file to do so. IRQL <= APC_LEVEL.
    pub fn may_change_unseen(&self, file: Option<FileRef<'_>>) -> bool {
        if self.logs.shared().is_empty() && !self.is_unreported() {
            return false;
        }
        self.handles.load(Ordering::SeqCst) > 0
            || file.is_some_and(FileRef::has_writable_references)
    }
}

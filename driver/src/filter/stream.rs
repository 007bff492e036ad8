//! A stream: what is dirty in it, and how to reach its memory.

use super::{
    STATISTICS,
    commit::Commits,
    logs::Log,
    registry::Registry,
    tokens::Token,
    view_slot::ViewSlot,
    volume::{self, Volume},
};
use crate::{
    nt::{
        context,
        file::{FileRef, FileSlot},
        instance::Instance,
        names::FileName,
        process,
        push_lock::PushLock,
        shared::Shared,
        status::NtStatus,
        trace,
    },
    settings::SETTINGS,
};
use core::sync::atomic::{
    AtomicBool, AtomicI32, AtomicI64, AtomicU64, AtomicUsize,
    Ordering::{self, Relaxed},
};
use daxflush_engine::{Committed, DirtyMap, Group, Mappers, Statistics};

/// The stream's context.
///
/// Lock order: a client's list of logs, `committer`, then `logs`, then the file system's own, then the
/// leaves: the view slot, the list of views, a volume's list of streams, the name. The conflict callback, which
/// runs with the file system's locks held, takes leaves only.
pub struct Stream {
    pub volume: Shared<Volume>,
    pub map: DirtyMap<Shared<Volume>>,
    /// Who is covered by whose commit.
    pub group: Group,
    /// Held for the whole of a commit: one at a time, and a later one waits for lines in flight.
    pub committer: PushLock<Commits>,
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
    /// What happened to this stream.
    pub statistics: Statistics,
    pub last: LastCommit,
    /// As the file system called it when the filter asked, or nothing yet. Lock order: a leaf.
    name: PushLock<Option<FileName>>,
    number: u64,
    /// Tokens that programs have for it.
    pub tokens: PushLock<Registry<Token>>,
    /// The thread that makes a section of the filter's own that can be written; 0 if none does.
    own_section: AtomicU64,
    /// Counts records, each before it marks.
    records: AtomicU64,
    index: AtomicUsize,
}

/// Numbers of streams.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// How the last commit of a stream went; its parts may be of two commits that ended at once.
#[derive(Default)]
pub struct LastCommit {
    /// When it ended, as [`time::now`](crate::nt::time::now); 0 if there was none.
    pub ended: AtomicU64,
    /// For how long it ran, in units of 100 ns.
    pub took: AtomicU64,
    pub lines: AtomicU64,
    pub status: AtomicI32,
}

impl LastCommit {
    pub fn note(&self, ended: u64, took: u64, result: &Result<Committed, NtStatus>) {
        let lines = result.as_ref().map_or(0, |done| done.lines);
        let status = result.as_ref().map_or_else(|status| status.raw(), |_| 0);
        self.took.store(took, Relaxed);
        self.lines.store(lines, Relaxed);
        self.status.store(status, Relaxed);
        self.ended.store(ended.max(1), Relaxed);
    }
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
            trace::refused(status);
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
            committer: PushLock::new(Commits::new()),
            view: ViewSlot::new(),
            logs: PushLock::new(Registry::new()),
            anchor: FileSlot::empty(),
            handles: AtomicI64::new(0),
            delete_pending: AtomicBool::new(false),
            mappers: Mappers::new(),
            statistics: Statistics::new(),
            last: LastCommit::default(),
            name: PushLock::new(None),
            number: NEXT.fetch_add(1, Relaxed),
            tokens: PushLock::new(Registry::new()),
            own_section: AtomicU64::new(0),
            records: AtomicU64::new(0),
            index: AtomicUsize::new(usize::MAX),
        })?;
        stream.committer.initialize();
        stream.view.initialize();
        stream.logs.initialize();
        stream.name.initialize();
        stream.tokens.initialize();
        let index = stream.volume.remember(&stream)?;
        stream.index.store(index, Ordering::Relaxed);
        Ok(stream)
    }

    /// Names the stream to administrators; never used again.
    pub fn id(&self) -> u64 {
        volume::id_of(self.number, self.index())
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

    /// Remembers what the stream is called, if that is not known. IRQL <= APC_LEVEL, with no lock held.
    pub fn learn_name(&self, ask: impl FnOnce() -> Result<FileName, NtStatus>) {
        let known = self.name.shared().is_some();
        if !known && let Ok(name) = ask() {
            let before = self.name.exclusive().replace(name);
            drop(before);
        }
    }

    /// The file was given another name.
    pub fn forget_name(&self) {
        let name = self.name.exclusive().take();
        drop(name);
    }

    /// Lets `work` see the stream's name in UTF-16, empty if it is not known.
    pub fn with_name<T>(&self, work: impl FnOnce(&[u16]) -> T) -> T {
        let name = self.name.shared();
        work(name.as_ref().map_or(&[], FileName::units))
    }

    /// A write was recorded. IRQL <= DISPATCH_LEVEL.
    pub fn count_write(&self) {
        self.statistics.writes.one();
        STATISTICS.writes.one();
    }

    /// How many records have begun.
    pub fn records(&self) -> u64 {
        self.records.load(Ordering::SeqCst)
    }

    /// This thread is about to create a section of the filter's own that can be written, for a moment
    /// in which it holds the committer's lock.
    pub fn begin_own_section(&self) {
        self.own_section
            .store(process::current_thread(), Ordering::SeqCst);
    }

    pub fn end_own_section(&self) {
        self.own_section.store(0, Ordering::SeqCst);
    }

    /// The process that calls is about to create a section that can be written, unless the filter
    /// itself is. Any IRQL.
    pub fn note_writable_section(&self, file: FileRef<'_>) {
        if self.own_section.load(Ordering::SeqCst) == process::current_thread() {
            return;
        }
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

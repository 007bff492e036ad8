//! Making a stream durable: the engine's commit over the stream's view.

use super::{
    STATISTICS, backing::ViewBacking, stream::Stream, tell::tell, undrained::Undrained,
    volume::Volume,
};
use crate::{
    nt::{
        file::{FileObject, FileRef},
        instance::Instance,
        processor::{self, Processor},
        shared::Shared,
        status::NtStatus,
        time, trace,
    },
    settings::SETTINGS,
};
use core::ops::Range;
use daxflush_engine::{Arrival, Committed, Committer, MAX_OFFSET, Statistics};

/// Makes durable what was stored to `scope` of a stream before the call, whoever told of it. On
/// failure it stays dirty. IRQL PASSIVE_LEVEL, with no file system resources held.
pub fn commit(
    stream: &Shared<Stream>,
    instance: Instance<'_>,
    file: Option<FileRef<'_>>,
    scope: Range<u64>,
) -> Result<Committed, NtStatus> {
    commit_as(stream, instance, file, scope, &Manner::FULL)
}

/// Begins to make durable what [`commit`] would; it is when [`drain`] or a later commit of the stream
/// has succeeded. IRQL PASSIVE_LEVEL, with no file system resources held.
pub fn begin_commit(
    stream: &Shared<Stream>,
    instance: Instance<'_>,
    file: FileRef<'_>,
    scope: Range<u64>,
) -> Result<Committed, NtStatus> {
    let manner = Manner {
        drains: false,
        ..Manner::FULL
    };
    commit_as(stream, instance, Some(file), scope, &manner)
}

/// Ends what [`begin_commit`] has begun; whether there was anything to end. IRQL PASSIVE_LEVEL.
///
/// # Errors
/// DEVICE_DOES_NOT_EXIST: what was begun is dirty again, or was made so by another's commit.
pub fn drain(stream: &Stream) -> Result<bool, NtStatus> {
    let drained = stream.committer.exclusive().undrained.settle(stream)?;
    if drained {
        count(stream, |statistics| statistics.drains.one());
    } else if stream.volume.is_removed() {
        return Err(NtStatus::DEVICE_DOES_NOT_EXIST);
    }
    Ok(drained)
}

/// Ends what [`begin_commit`] has begun, for a stream whose last user goes. IRQL <= APC_LEVEL.
pub fn settle(stream: &Stream) {
    match stream.committer.exclusive().undrained.settle(stream) {
        Ok(true) => count(stream, |statistics| statistics.drains.one()),
        Ok(false) => {}
        Err(status) => tell(status),
    }
}

/// Makes the lines of one write durable, with no look at what mapped views may have stored there.
/// IRQL PASSIVE_LEVEL, with no file system resources held.
pub fn commit_write(
    stream: &Shared<Stream>,
    instance: Instance<'_>,
    file: FileRef<'_>,
    scope: Range<u64>,
) -> Result<Committed, NtStatus> {
    let manner = Manner {
        gathers: false,
        ..Manner::FULL
    };
    commit_as(stream, instance, Some(file), scope, &manner)
}

/// What a commit does.
pub struct Manner {
    /// Looks at what mapped views may have stored.
    pub gathers: bool,
    /// Waits until it is durable.
    pub drains: bool,
}

impl Manner {
    pub const FULL: Self = Self {
        gathers: true,
        drains: true,
    };
}

fn commit_as(
    stream: &Shared<Stream>,
    instance: Instance<'_>,
    file: Option<FileRef<'_>>,
    scope: Range<u64>,
    manner: &Manner,
) -> Result<Committed, NtStatus> {
    let begun = time::now();
    // Before the turn: what was marked until now is what this commit answers for.
    let arrival = stream.group.arrive();
    let mut commits = stream.committer.exclusive();
    stream.view.close_if_in_conflict();
    let anchor = stream.anchor.take();
    let reach = file.or(anchor.as_ref().map(FileObject::lend));
    let mut backing = ViewBacking::new(stream, instance, reach, scope.clone(), manner);
    let result = commits.run(arrival, scope, &mut backing);
    let lines = backing.lines;
    let keep = !stream.map.is_clean() || stream.may_change_unseen(reach);
    let kept = if keep {
        anchor
            .or(file.map(FileRef::keep))
            .and_then(|file| stream.anchor.put_back(file))
    } else {
        anchor
    };
    // The last reference to a file object may go here, and the file system must not be called with
    // the lock held.
    drop(commits);
    drop(kept);
    let result = result.map(|committed| {
        let coarse_lines = committed.coarse_lines.min(lines);
        Committed {
            lines,
            coarse_lines,
            drains: if manner.drains { committed.drains } else { 0 },
            ..committed
        }
    });
    // Nothing that completed was left undone (see commit_volume).
    if result != Err(NtStatus::FILE_CLOSED) {
        let ended = time::now();
        let took = ended.saturating_sub(begun);
        let done = result.as_ref().ok();
        count(stream, |statistics| statistics.record_commit(done, took));
        stream.last.note(ended, took, &result);
        trace::commit(stream, took, &result);
    }
    result
}

/// Counts for the stream, its volume and all.
fn count(stream: &Stream, event: impl Fn(&Statistics)) {
    event(&stream.statistics);
    event(&stream.volume.statistics);
    event(&STATISTICS);
}

/// The commits of one stream, one at a time.
pub struct Commits {
    committer: Committer,
    pub undrained: Undrained,
}

impl Commits {
    pub const fn new() -> Self {
        Self {
            committer: Committer::new(),
            undrained: Undrained::new(),
        }
    }

    /// Whether every line that is not dirty is durable.
    pub const fn is_settled(&self) -> bool {
        self.undrained.is_settled()
    }

    fn run(
        &mut self,
        arrival: Arrival,
        scope: Range<u64>,
        backing: &mut ViewBacking<'_>,
    ) -> Result<Committed, NtStatus> {
        let stream = backing.stream;
        // Lines that a commit without a drain has taken are clean and not yet durable.
        if backing.manner.drains && self.undrained.settle(stream)? {
            count(stream, |statistics| statistics.drains.one());
        }
        self.committer.set_batch(SETTINGS.batch_ranges());
        let done = processor::stay(|| {
            let done =
                self.committer
                    .commit_in_group(&stream.group, arrival, &stream.map, scope, backing);
            (done, Processor::current())
        });
        let (done, processor) = done;
        self.note_flushed(backing, processor)?;
        done
    }

    /// Remembers what was flushed and is not to be drained.
    pub fn note_flushed(
        &mut self,
        backing: &mut ViewBacking<'_>,
        processor: Processor,
    ) -> Result<(), NtStatus> {
        match backing.flushed.take() {
            Some(span) if !backing.manner.drains => {
                self.undrained.note(backing.stream, processor, span)
            }
            _ => Ok(()),
        }
    }
}

/// Commits every stream of a volume and returns the first failure.
///
/// A stream that can be reached through no file object has no write that completed: a record in
/// progress fills the anchor once more when it has marked, and a stream to be deleted needs none.
pub fn commit_volume(volume: &Volume) -> Result<(), NtStatus> {
    volume.each(
        |stream| match commit(stream, volume.instance.lend(), None, 0..MAX_OFFSET) {
            Ok(_) | Err(NtStatus::FILE_CLOSED) => Ok(()),
            Err(status) => Err(status),
        },
    )
}

//! A DAX volume that the filter is attached to.

use super::{STATISTICS, registry::Registry, stream::Stream};
use crate::{
    nt::{
        event_log::{self, Event},
        file::FileObject,
        instance::{Instance, KeptInstance},
        push_lock::PushLock,
        shared::Shared,
        status::NtStatus,
        trace,
    },
    settings::SETTINGS,
};
use core::{
    borrow::Borrow,
    sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
};
use daxflush_engine::{Reserve, Statistics};

/// All volumes that the filter is attached to.
pub static VOLUMES: PushLock<Registry<Shared<Volume>>> = PushLock::new(Registry::new());

/// Bits of an id that are an index.
const INDEX_BITS: u32 = 24;

/// What names a volume or stream to programs: a number that is never used again, and where it is in its
/// list.
pub fn id_of(number: u64, index: usize) -> u64 {
    let mask = (1 << INDEX_BITS) - 1;
    number.wrapping_shl(INDEX_BITS) | (index as u64 & mask)
}

/// Where the volume or stream of an id is in its list, if it is still there.
pub fn index_of(id: u64) -> usize {
    let mask = (1 << INDEX_BITS) - 1;
    (id & mask) as usize
}

/// Indices of volumes are below this.
pub fn limit() -> usize {
    VOLUMES.shared().limit()
}

/// The volume at an index, if there is one.
pub fn at(index: usize) -> Option<Shared<Volume>> {
    VOLUMES.shared().get(index).cloned()
}

/// Numbers of volumes.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// The instance's context.
pub struct Volume {
    pub instance: KeptInstance,
    /// Memory for the dirty maps; when there is no more, tracking becomes coarser.
    pub reserve: Reserve,
    /// What happened on this volume; writes are those of streams that are gone.
    pub statistics: Statistics,
    number: u64,
    streams: PushLock<Registry<Shared<Stream>>>,
    /// Files may have been open, and mapped, before the filter saw any of it.
    attached_late: bool,
    /// The device went away without a word.
    removed: AtomicBool,
    index: AtomicUsize,
}

impl Borrow<Reserve> for Shared<Volume> {
    fn borrow(&self) -> &Reserve {
        &self.reserve
    }
}

/// Makes the context of a new instance.
pub fn add(instance: Instance<'_>, newly_mounted: bool) -> Result<Shared<Volume>, NtStatus> {
    let leaves = SETTINGS.tracking_bytes() / Reserve::LEAF_BYTES as u64;
    let leaves = u32::try_from(leaves).unwrap_or(u32::MAX);
    let reserve = Reserve::with_leaves(leaves).map_err(|_| NtStatus::INSUFFICIENT_RESOURCES)?;
    let volume = Shared::try_new(Volume {
        instance: instance.kept(),
        reserve,
        statistics: Statistics::new(),
        number: NEXT.fetch_add(1, Ordering::Relaxed),
        streams: PushLock::new(Registry::new()),
        attached_late: !newly_mounted,
        removed: AtomicBool::new(false),
        index: AtomicUsize::new(usize::MAX),
    })?;
    volume.streams.initialize();
    let index = VOLUMES.exclusive().insert(volume.clone())?;
    volume.index.store(index, Ordering::Relaxed);
    trace::attached(&volume, instance);
    Ok(volume)
}

/// Takes a volume out of the list.
pub fn remove(volume: &Volume) {
    trace::detached(volume.id());
    STATISTICS.coarse_marks.add(volume.reserve.coarse_marks());
    let gone = VOLUMES
        .exclusive()
        .remove(volume.index.load(Ordering::Relaxed));
    drop(gone);
}

/// Calls `work` for every volume, without the list's lock, and returns the first failure.
pub fn each(mut work: impl FnMut(&Volume) -> Result<(), NtStatus>) -> Result<(), NtStatus> {
    let mut result = Ok(());
    let limit = VOLUMES.shared().limit();
    for index in 0..limit {
        let volume = VOLUMES.shared().get(index).cloned();
        let next = volume.map_or(Ok(()), |volume| work(&volume));
        result = result.and(next);
    }
    result
}

impl Volume {
    /// Names the volume to programs; never used again.
    pub fn id(&self) -> u64 {
        id_of(self.number, self.index.load(Ordering::Relaxed))
    }

    /// Indices of streams are below this.
    pub fn limit(&self) -> usize {
        self.streams.shared().limit()
    }

    /// The stream at an index, if there is one.
    pub fn stream_at(&self, index: usize) -> Option<Shared<Stream>> {
        self.streams.shared().get(index).cloned()
    }

    /// Adds a stream to the list and returns its index. IRQL <= APC_LEVEL.
    pub fn remember(&self, stream: &Shared<Stream>) -> Result<usize, NtStatus> {
        let mut streams = self.streams.exclusive();
        if streams.count() >> INDEX_BITS != 0 {
            return Err(NtStatus::INSUFFICIENT_RESOURCES);
        }
        streams.insert(stream.clone())
    }

    /// Takes a stream out of the list.
    pub fn forget(&self, stream: &Stream) {
        self.statistics.writes.add(stream.statistics.writes.get());
        let gone = self.streams.exclusive().remove(stream.index());
        drop(gone);
    }

    /// Calls `work` for every stream, without the list's lock, and returns the first failure.
    pub fn each(
        &self,
        mut work: impl FnMut(&Shared<Stream>) -> Result<(), NtStatus>,
    ) -> Result<(), NtStatus> {
        let mut result = Ok(());
        let limit = self.streams.shared().limit();
        for index in 0..limit {
            let stream = self.streams.shared().get(index).cloned();
            let next = stream.map_or(Ok(()), |stream| work(&stream));
            result = result.and(next);
        }
        result
    }

    pub fn was_attached_late(&self) -> bool {
        self.attached_late
    }

    /// Closes every view, and lets go of the file objects of streams that are clean, so that
    /// nothing of the filter's stands in the way of the volume's going.
    pub fn let_go(&self) {
        let _ = self.each(|stream| {
            stream.view.close_soon();
            let turn = stream.committer.exclusive();
            let anchor = stream.anchor.take();
            let reach = anchor.as_ref().map(FileObject::lend);
            let needed = !stream.map.is_clean() || stream.may_change_unseen(reach);
            let kept = anchor
                .filter(|_| needed)
                .and_then(|file| stream.anchor.put_back(file));
            drop(turn);
            drop(kept);
            Ok(())
        });
    }

    /// The device is gone: its memory is not touched any more, and what was not durable is lost.
    pub fn set_removed(&self) {
        self.removed.store(true, Ordering::SeqCst);
        let dirty = self.each(|stream| {
            // Behind a commit under way, which marks again what it could not flush.
            let settled = stream.committer.shared().is_settled();
            if settled && stream.map.is_clean() {
                Ok(())
            } else {
                Err(NtStatus::DEVICE_DOES_NOT_EXIST)
            }
        });
        if let Err(status) = dirty {
            event_log::write(Event::VolumeLost, status, "");
        }
    }

    pub fn is_removed(&self) -> bool {
        self.removed.load(Ordering::SeqCst)
    }
}

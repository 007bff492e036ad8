//! A DAX volume that the filter is attached to.

use super::{registry::Registry, stream::Stream};
use crate::nt::{
    instance::{Instance, KeptInstance},
    push_lock::PushLock,
    shared::Shared,
    status::NtStatus,
};
use core::{
    borrow::Borrow,
    sync::atomic::{AtomicUsize, Ordering},
};
use daxflush_engine::Reserve;

/// Nodes of 4 KiB for each volume's dirty maps: 1 MiB, enough for about 500 MiB of file touched
/// between two commits; beyond that tracking becomes coarser.
const RESERVE_NODES: u32 = 256;

/// All volumes that the filter is attached to.
pub static VOLUMES: PushLock<Registry<Shared<Volume>>> = PushLock::new(Registry::new());

/// The instance's context.
pub struct Volume {
    pub instance: KeptInstance,
    reserve: Reserve,
    streams: PushLock<Registry<Shared<Stream>>>,
    index: AtomicUsize,
}

impl Borrow<Reserve> for Shared<Volume> {
    fn borrow(&self) -> &Reserve {
        &self.reserve
    }
}

/// Makes the context of a new instance.
pub fn add(instance: Instance<'_>) -> Result<Shared<Volume>, NtStatus> {
    let reserve =
        Reserve::with_nodes(RESERVE_NODES).map_err(|_| NtStatus::INSUFFICIENT_RESOURCES)?;
    let volume = Shared::try_new(Volume {
        instance: instance.kept(),
        reserve,
        streams: PushLock::new(Registry::new()),
        index: AtomicUsize::new(usize::MAX),
    })?;
    volume.streams.initialize();
    let index = VOLUMES.exclusive().insert(volume.clone())?;
    volume.index.store(index, Ordering::Relaxed);
    Ok(volume)
}

/// Takes a volume out of the list.
pub fn remove(volume: &Volume) {
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
    /// Adds a stream to the list and returns its index. IRQL <= APC_LEVEL.
    pub fn remember(&self, stream: &Shared<Stream>) -> Result<usize, NtStatus> {
        self.streams.exclusive().insert(stream.clone())
    }

    /// Takes a stream out of the list.
    pub fn forget(&self, stream: &Stream) {
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

    pub fn close_views(&self) {
        let _ = self.each(|stream| {
            stream.close_view();
            Ok(())
        });
    }
}

//! The minifilter: which volumes it attaches to, what it watches, how it goes.

mod backing;
mod by_token;
mod cc_flush;
mod cleanup;
mod commit;
mod create;
mod extent;
mod flush;
mod fs_control;
pub mod logs;
mod mdl_write;
mod pnp;
mod registry;
mod section_sync;
mod set_information;
mod shutdown;
pub mod stream;
mod tell;
pub mod tokens;
mod undrained;
mod view_slot;
pub mod views;
pub mod volume;
mod write;

pub use by_token::{flush_ranges, store};
pub use commit::{begin_commit, commit, drain};
pub use registry::Registry;
pub use stream::{Stream, of as stream_of};
pub use volume::Volume;

use crate::nt::{
    device,
    instance::Instance,
    irql,
    minifilter::{Minifilter, VolumeFacts, operations},
    shared::Shared,
    status::NtStatus,
    time, withdraw,
};
use crate::settings;
use commit::commit_volume;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use daxflush_engine::Statistics;

/// When the driver was loaded.
pub static LOADED: AtomicU64 = AtomicU64::new(0);

/// What happened since the driver was loaded.
pub static STATISTICS: Statistics = Statistics::new();

/// The operations with callbacks.
pub type Watched = operations![
    create::Create,
    write::Write,
    flush::Flush,
    cleanup::Cleanup,
    set_information::SetInformation,
    section_sync::SectionSync,
    cc_flush::CcFlush,
    fs_control::FsControl,
    mdl_write::PrepareMdlWrite,
    mdl_write::MdlWriteComplete,
    pnp::Pnp,
    shutdown::Shutdown,
];

/// Readies what lives in statics; [`discard`] undoes it.
pub fn prepare() {
    LOADED.store(time::now(), Relaxed);
    volume::VOLUMES.initialize();
    views::initialize();
}

pub fn discard() {
    // A static is never dropped, so what it has allocated is given back by hand.
    drop(core::mem::take(&mut *volume::VOLUMES.exclusive()));
    volume::VOLUMES.delete();
    views::discard();
    settings::discard();
}

/// Calls `work` for every volume that the filter is attached to, and returns the first failure.
pub fn each_volume(work: impl FnMut(&Volume) -> Result<(), NtStatus>) -> Result<(), NtStatus> {
    volume::each(work)
}

/// The filter's answers to the Filter Manager.
pub struct Daxflush;

impl Minifilter for Daxflush {
    type Stream = Stream;
    type Volume = Volume;

    fn attach(instance: Instance<'_>, facts: &VolumeFacts) -> Result<Shared<Volume>, NtStatus> {
        if !facts.is_dax || !facts.is_ntfs {
            return Err(NtStatus::FLT_DO_NOT_ATTACH);
        }
        instance.register_for_data_scan()?;
        volume::add(instance, facts.is_newly_mounted)
    }

    fn may_detach(volume: &Volume) -> bool {
        commit_volume(volume).is_ok()
    }

    fn detach(volume: &Volume, drained: bool) {
        if let Err(status) = commit_volume(volume) {
            tell::tell(status);
        }
        if drained {
            volume.let_go();
            volume::remove(volume);
        }
    }

    fn stream_gone(stream: &Shared<Stream>) {
        logs::close_all(stream);
        tokens::close_all(stream);
        // What a request under way has left since the cleanup.
        commit::settle(stream);
        stream.view.close_soon();
        stream.volume.forget(stream);
    }

    fn section_conflict(stream: &Stream) {
        STATISTICS.section_conflicts.one();
        // Unmapping needs PASSIVE_LEVEL; above it the next commit closes the view, which the
        // section's conflict mark keeps from being used.
        if irql::may_wait_for_io() {
            stream.view.close_soon();
        }
    }

    fn may_unload(mandatory: bool) -> bool {
        let committed = volume::each(commit_volume).is_ok();
        mandatory || (committed && device::open_handles() == 0)
    }

    fn unload(unregister: impl FnOnce()) {
        withdraw(unregister);
        discard();
    }
}

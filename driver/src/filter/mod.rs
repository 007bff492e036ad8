//! The minifilter: which volumes it attaches to, what it watches, how it goes.

mod cc_flush;
mod cleanup;
mod commit;
mod create;
mod flush;
mod registry;
mod section_sync;
mod set_information;
mod stream;
mod volume;
mod write;

pub use commit::{commit, commit_volume};
pub use stream::{Stream, of as stream_of};
pub use volume::Volume;

use crate::nt::{
    device,
    instance::Instance,
    irql,
    minifilter::{Minifilter, VolumeFacts},
    shared::Shared,
    status::NtStatus,
    withdraw,
};
use daxflush_engine::Statistics;

/// What happened since the driver was loaded.
pub static STATISTICS: Statistics = Statistics::new();

/// The operations with callbacks.
pub type Watched = (
    create::Create,
    (
        write::Write,
        (
            flush::Flush,
            (
                cleanup::Cleanup,
                (
                    set_information::SetInformation,
                    (section_sync::SectionSync, (cc_flush::CcFlush, ())),
                ),
            ),
        ),
    ),
);

/// Readies what lives in statics; [`discard`] undoes it.
pub fn prepare() {
    volume::VOLUMES.initialize();
}

pub fn discard() {
    // A static is never dropped, so what it has allocated is given back by hand.
    drop(core::mem::take(&mut *volume::VOLUMES.exclusive()));
    volume::VOLUMES.delete();
}

/// Calls `work` for every stream that is tracked, and returns the first failure.
pub fn each_stream(
    mut work: impl FnMut(&Shared<Stream>) -> Result<(), NtStatus>,
) -> Result<(), NtStatus> {
    volume::each(|volume| volume.each(&mut work))
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
        volume::add(instance)
    }

    fn detach(volume: &Volume, drained: bool) {
        // A failure is counted, and nobody is left to be told of it here.
        let _ = commit_volume(volume);
        if drained {
            volume.close_views();
            volume::remove(volume);
        }
    }

    fn stream_gone(stream: &Shared<Stream>) {
        stream.close_view();
        stream.volume.forget(stream);
    }

    fn section_conflict(stream: &Stream) {
        // Unmapping needs PASSIVE_LEVEL; above it the next commit closes the view, which the
        // section's conflict mark keeps from being used.
        if irql::may_wait_for_io() {
            stream.close_view();
        }
    }

    fn may_unload(mandatory: bool) -> bool {
        let committed = volume::each(commit_volume).is_ok();
        mandatory || (committed && !device::is_open())
    }

    fn unload(unregister: impl FnOnce()) {
        withdraw(unregister);
        discard();
    }
}

//! TraceLogging events of the provider `Daxflush`. Nothing is called when nobody listens.

use super::{instance::Instance, names::VolumeName, status::NtStatus};
use crate::{
    filter::{Stream, Volume},
    settings::SETTINGS,
};
use daxflush_engine::Committed;
use tracelogging::{Level, define_provider, write_event};

define_provider!(PROVIDER, "Daxflush");

/// Keywords, for whoever listens to choose from.
mod keyword {
    pub const VOLUME: u64 = 0x1;
    pub const COMMIT: u64 = 0x2;
    pub const DEGRADED: u64 = 0x4;
    pub const FAILURE: u64 = 0x8;
    pub const CHANGE: u64 = 0x10;
}

/// Makes the provider known. IRQL PASSIVE_LEVEL, once, in DriverEntry (nf-wdm-etwregister). Without it
/// the driver works as well.
pub(in crate::nt) fn register() {
    // SAFETY: a static, which `unregister` is called for before the driver is unloaded.
    let _ = unsafe { PROVIDER.register() };
}

/// Takes the provider back; does nothing if it is not known. IRQL PASSIVE_LEVEL.
pub(in crate::nt) fn unregister() {
    let _ = PROVIDER.unregister();
}

/// Whether a session listens to anything.
pub fn is_listened() -> bool {
    PROVIDER.enabled(Level::Critical, 0)
}

fn wants(level: Level, keyword: u64) -> bool {
    PROVIDER.enabled(level, keyword) && u32::from(level.as_int()) <= SETTINGS.trace_level()
}

/// The filter is attached to a volume. IRQL <= APC_LEVEL.
pub fn attached(volume: &Volume, instance: Instance<'_>) {
    if wants(Level::Informational, keyword::VOLUME) {
        let late = u8::from(volume.was_attached_late());
        let name = VolumeName::of(instance);
        let name = name.as_ref().map_or(&[][..], VolumeName::units);
        write_event!(
            PROVIDER,
            "Attach",
            level(Informational),
            keyword(0x1),
            u64("Volume", &volume.id()),
            str16("Name", name),
            u8("Late", &late),
        );
    }
}

/// The filter is detached from a volume.
pub fn detached(volume: u64) {
    if wants(Level::Informational, keyword::VOLUME) {
        write_event!(
            PROVIDER,
            "Detach",
            level(Informational),
            keyword(0x1),
            u64("Volume", &volume),
        );
    }
}

/// A commit has ended, which ran for `took` units of 100 ns. IRQL <= APC_LEVEL.
pub fn commit(stream: &Stream, took: u64, result: &Result<Committed, NtStatus>) {
    match result {
        Ok(done) => {
            if wants(Level::Informational, keyword::COMMIT) {
                let joined = u8::from(done.joined);
                stream.with_name(|name| {
                    write_event!(
                        PROVIDER,
                        "Commit",
                        level(Informational),
                        keyword(0x2),
                        u64("Volume", &stream.volume.id()),
                        u64("Stream", &stream.id()),
                        str16("Name", name),
                        u64("Ranges", &done.ranges),
                        u64("Lines", &done.lines),
                        u64("CoarseLines", &done.coarse_lines),
                        u64("Drains", &done.drains),
                        u8("Joined", &joined),
                        u64("Time100ns", &took),
                    )
                });
            }
            if done.coarse_lines != 0 {
                degraded(stream, "coarse tracking", done.coarse_lines);
            }
        }
        Err(status) => {
            if wants(Level::Error, keyword::FAILURE) {
                stream.with_name(|name| {
                    write_event!(
                        PROVIDER,
                        "CommitFailed",
                        level(Error),
                        keyword(0x8),
                        u64("Volume", &stream.volume.id()),
                        u64("Stream", &stream.id()),
                        str16("Name", name),
                        win_ntstatus("Status", &status.raw()),
                        u64("Time100ns", &took),
                    )
                });
            }
        }
    }
}

/// More than what was stored had to be taken for dirty. IRQL <= APC_LEVEL.
pub fn degraded(stream: &Stream, why: &str, lines: u64) {
    if wants(Level::Warning, keyword::DEGRADED) {
        stream.with_name(|name| {
            write_event!(
                PROVIDER,
                "Degraded",
                level(Warning),
                keyword(0x4),
                u64("Volume", &stream.volume.id()),
                u64("Stream", &stream.id()),
                str16("Name", name),
                str8("Why", why),
                u64("Lines", &lines),
            )
        });
    }
}

/// A request was refused because it could not be tracked. Any IRQL.
pub fn refused(status: NtStatus) {
    if wants(Level::Warning, keyword::DEGRADED) {
        write_event!(
            PROVIDER,
            "Refused",
            level(Warning),
            keyword(0x4),
            win_ntstatus("Status", &status.raw()),
        );
    }
}

/// A handle of a stream was opened. IRQL <= APC_LEVEL.
pub fn opened(stream: &Stream) {
    if wants(Level::Verbose, keyword::CHANGE) {
        stream.with_name(|name| {
            write_event!(
                PROVIDER,
                "Open",
                level(Verbose),
                keyword(0x10),
                u64("Stream", &stream.id()),
                str16("Name", name),
            )
        });
    }
}

/// Bytes were stored by a request. IRQL <= DISPATCH_LEVEL.
pub fn written(stream: u64, offset: u64, length: u64) {
    if wants(Level::Verbose, keyword::CHANGE) {
        write_event!(
            PROVIDER,
            "Write",
            level(Verbose),
            keyword(0x10),
            u64("Stream", &stream),
            u64("Offset", &offset),
            u64("Length", &length),
        );
    }
}

/// Bytes were reported to be stored. IRQL <= APC_LEVEL.
pub fn reported(stream: u64, offset: u64, length: u64) {
    if wants(Level::Verbose, keyword::CHANGE) {
        write_event!(
            PROVIDER,
            "Store",
            level(Verbose),
            keyword(0x10),
            u64("Stream", &stream),
            u64("Offset", &offset),
            u64("Length", &length),
        );
    }
}

/// A stream was cut. IRQL <= APC_LEVEL.
pub fn truncated(stream: u64, size: u64) {
    if wants(Level::Verbose, keyword::CHANGE) {
        write_event!(
            PROVIDER,
            "Truncate",
            level(Verbose),
            keyword(0x10),
            u64("Stream", &stream),
            u64("Size", &size),
        );
    }
}

/// A program has asked for a flush of a stream, which begins now. IRQL PASSIVE_LEVEL.
pub fn flush(stream: u64) {
    if wants(Level::Verbose, keyword::CHANGE) {
        write_event!(
            PROVIDER,
            "Flush",
            level(Verbose),
            keyword(0x10),
            u64("Stream", &stream),
        );
    }
}

//! Dirty logs: stores that programs write down in shared memory instead of reporting each.

use super::{STATISTICS, stream::Stream};
use crate::nt::{
    file::FileRef, process, shared::Shared, shared_memory::SharedMemory, status::NtStatus, trace,
};
use core::sync::atomic::{AtomicU64, Ordering};
use daxflush_engine::LogReader;
use daxflush_protocol::{LogReply, log_bytes};

/// Logs that one stream may have.
const MAX_LOGS: usize = 64;

/// Numbers of logs are never used again.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// One open log.
pub struct Log {
    id: u64,
    /// The file object that it was made for; its cleanup ends the log.
    file: usize,
    process: u64,
    /// The process that has attached to it last, and appends.
    attached: Option<u64>,
    memory: SharedMemory,
    reader: LogReader,
}

/// How a log ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Its program has said so, and has appended all it stored.
    Asked,
    /// Its handles went away, perhaps because the program crashed between a store and its entry.
    Abandoned,
}

/// Makes a log for a file of the process that calls, and maps it there. IRQL PASSIVE_LEVEL.
///
/// # Errors
/// INVALID_PARAMETER for a number of entries that is not allowed, QUOTA_EXCEEDED for too many logs,
/// and the kernel's.
pub fn open(stream: &Stream, file: FileRef<'_>, entries: u32) -> Result<LogReply, NtStatus> {
    let bytes = log_bytes(entries);
    if !entries.is_power_of_two() || entries > daxflush_protocol::MAX_LOG_ENTRIES {
        return Err(NtStatus::INVALID_PARAMETER);
    }
    let memory = SharedMemory::create(bytes)?;
    let reader = memory
        .with(|words| LogReader::create(words, entries))
        .ok_or(NtStatus::INVALID_PARAMETER)?;
    let address = memory.map_for_caller()?;
    let id = NEXT.fetch_add(1, Ordering::Relaxed);
    let process = process::current();
    let log = Log {
        id,
        file: file.identity(),
        process,
        attached: None,
        memory,
        reader,
    };
    // What was stored before there was a log stands in none. Recorded on both sides of the moment
    // from which the process is believed, as a commit may come between.
    let silent = stream.is_unreported();
    if silent {
        stream.record_all(file);
    }
    let mut logs = stream.logs.exclusive();
    let added = if logs.count() < MAX_LOGS && stream.mappers.open_log(process) {
        logs.insert(log)
            .map(|_| ())
            .inspect_err(|_| stream.mappers.close_log(process))
    } else {
        Err(NtStatus::QUOTA_EXCEEDED)
    };
    drop(logs);
    if let Err(status) = added {
        SharedMemory::unmap_for_caller(address);
        return Err(status);
    }
    if silent {
        stream.record_all(file);
    }
    // A commit without a file of its own must be able to reach what the log will hold.
    stream.anchor.fill(file);
    Ok(LogReply {
        log: id,
        address,
        bytes: bytes as u64,
    })
}

/// Maps a log for the process that calls, which appends from now on in place of the one before, and whose
/// file ends it from now on. Whoever has had it stays believed: it has handed it over. IRQL PASSIVE_LEVEL.
///
/// # Errors
/// INVALID_PARAMETER if the log has ended, QUOTA_EXCEEDED for too many processes, and the kernel's.
pub fn attach(stream: &Stream, file: FileRef<'_>, id: u64) -> Result<LogReply, NtStatus> {
    let process = process::current();
    // As for a new log: what this process has stored before stands in none.
    let silent = stream.is_unreported();
    if silent {
        stream.record_all(file);
    }
    let mut logs = stream.logs.exclusive();
    let log = logs.iter_mut().find(|log| log.id == id);
    let reply = log.ok_or(NtStatus::INVALID_PARAMETER).and_then(|log| {
        let address = log.memory.map_for_caller()?;
        if !stream.mappers.open_log(process) {
            SharedMemory::unmap_for_caller(address);
            return Err(NtStatus::QUOTA_EXCEEDED);
        }
        if let Some(before) = log.attached.replace(process) {
            stream.mappers.close_log(before);
        }
        log.file = file.identity();
        Ok(LogReply {
            log: id,
            address,
            bytes: log.memory.bytes() as u64,
        })
    });
    drop(logs);
    if silent && reply.is_ok() {
        stream.record_all(file);
    }
    reply
}

/// Marks what the logs of a stream hold. IRQL PASSIVE_LEVEL.
pub fn gather(stream: &Stream) {
    if stream.logs.shared().is_empty() {
        return;
    }
    for log in stream.logs.exclusive().iter_mut() {
        drain(stream, log);
    }
}

/// Whether a log has not ended. IRQL <= APC_LEVEL.
pub fn is_open(stream: &Stream, id: u64) -> bool {
    stream.logs.shared().any(|log| log.id == id)
}

/// Ends a log, if it is still open, and marks what it holds. IRQL PASSIVE_LEVEL.
pub fn close(stream: &Shared<Stream>, id: u64, ending: Ending) {
    close_those(stream, ending, |log| log.id == id);
}

/// Ends the logs that were made for a file object. IRQL PASSIVE_LEVEL.
pub fn close_of(stream: &Stream, file: FileRef<'_>) {
    close_those(stream, Ending::Abandoned, |log| log.file == file.identity());
}

/// Ends all logs of a stream that is going away.
pub fn close_all(stream: &Stream) {
    close_those(stream, Ending::Asked, |_| true);
}

fn close_those(stream: &Stream, ending: Ending, chosen: impl Fn(&Log) -> bool) {
    if stream.logs.shared().is_empty() {
        return;
    }
    loop {
        let mut logs = stream.logs.exclusive();
        let log = logs.take_first(&chosen);
        if let Some(mut log) = log {
            drain(stream, &mut log);
            if ending == Ending::Abandoned {
                stream.map.mark_all();
            }
            stream.mappers.close_log(log.process);
            if let Some(process) = log.attached {
                stream.mappers.close_log(process);
            }
            drop(logs);
            drop(log);
        } else {
            return;
        }
    }
}

fn drain(stream: &Stream, log: &mut Log) {
    let done = log
        .memory
        .with(|words| log.reader.drain(words, &stream.map));
    for statistics in [&STATISTICS, &stream.volume.statistics, &stream.statistics] {
        statistics.log_entries.add(done.entries);
        statistics.log_overflows.add(u64::from(done.everything));
    }
    if done.everything {
        trace::degraded(stream, "dirty log", 0);
    }
}

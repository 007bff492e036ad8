//! Watching an unmodified program on Linux (x86-64) and making a storage trace of it.
//!
//! The program runs under ptrace; its system calls are looked at when they begin and end, and what
//! they do to the watched files is handed to a [`TraceWriter`](crate::trace::TraceWriter). Stores
//! through shared views are found by comparing the memory with what the file held before, at the
//! points where it matters: msync, fsync, fdatasync, munmap, changes of the size, execve and the
//! end. Hence a store of the value that was there leaves no trace, several stores to a byte between
//! two such points are one, and within a cache line of 64 bytes one store reaches from the first
//! changed byte to the last.

mod calls;
mod error;
mod files;
mod interrupt;
mod memory;
mod process;
mod recording;
mod shadow;
mod spaces;
mod start;
mod tracer;

pub use error::RecordError;

use crate::trace::{Changes, Counts, TraceWriter};
use recording::Recording;
use std::{ffi::OsString, fmt, path::PathBuf, process::ExitStatus};

/// What to record.
#[derive(Clone, Debug)]
pub struct Options {
    /// The program and its arguments; it is looked for in `PATH` if it has no slash.
    pub program: Vec<OsString>,
    /// Folders and files: only files at or beneath them are recorded. If there are none, every
    /// regular file is that the program opens for writing, but for those in `/dev`, `/proc` and
    /// `/sys`.
    pub watch: Vec<PathBuf>,
    /// The trace; gzip if it ends in `.gz`.
    pub output: PathBuf,
}

/// How far the recording is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// What was recorded so far.
    pub counts: Counts,
    /// Processes and threads that run.
    pub threads: usize,
}

/// A file of the trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedFile {
    /// Its number in the trace; a file that took the place of a deleted one may have the same.
    pub number: u32,
    /// Its absolute name, which the trace does not tell.
    pub path: PathBuf,
}

/// How stores through views were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Comparison {
    /// All mapped bytes were compared.
    Everything,
}

/// Something that the program did and the trace does not tell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Missed {
    /// It uses io_uring; what it does there cannot be seen.
    IoUring,
    /// It uses io_submit; what it does there is not recorded.
    Aio,
    /// A part of it is a 32-bit program, which is not recorded.
    ThirtyTwoBit,
    /// It shared blocks of one file with another (FICLONE), which a trace cannot tell.
    Clone,
    /// It used remap_file_pages; stores to the moved pages are told at a wrong place.
    Remapped,
    /// A real-time signal to it was lost; it may wait for it or behave differently.
    RealTimeSignal,
    /// It wrote to a file that was open when it started; name the file to watch it.
    OpenedBefore(PathBuf),
    /// Stores to this file could not be read.
    Unreadable(PathBuf),
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IoUring => write!(
                f,
                "the program uses io_uring, which cannot be watched: the trace lacks what it \
                 wrote there; tell it to use plain system calls"
            ),
            Self::Aio => write!(
                f,
                "the program uses io_submit (AIO), which is not watched: the trace lacks what it \
                 wrote there; tell it to use plain system calls"
            ),
            Self::ThirtyTwoBit => write!(f, "a 32-bit part of the program was not watched"),
            Self::Clone => write!(f, "the program cloned files (FICLONE), which was left out"),
            Self::Remapped => write!(f, "the program used remap_file_pages, which was left out"),
            Self::RealTimeSignal => write!(
                f,
                "a real-time signal did not reach the program, which may behave differently"
            ),
            Self::OpenedBefore(path) => write!(
                f,
                "writes to {}, which was open when the program started; watch it by its name",
                path.display()
            ),
            Self::Unreadable(path) => {
                write!(f, "stores to {} that could not be read", path.display())
            }
        }
    }
}

/// What was recorded.
#[derive(Clone, Debug)]
pub struct Summary {
    /// How the program itself ended; processes that it left behind were recorded to their end.
    pub status: ExitStatus,
    /// The operations in the trace and their bytes.
    pub counts: Counts,
    /// The files in the order of their first opening.
    pub files: Vec<RecordedFile>,
    /// What the trace lacks, and how often; not empty means that it must not be trusted blindly.
    pub missed: Vec<(Missed, u64)>,
    /// Where the trace differs from what was seen, because a trace cannot say it.
    pub changes: Changes,
    /// How stores were found.
    pub comparison: Comparison,
    /// Whether the recording was asked to end (ctrl-C, SIGTERM or SIGHUP).
    pub interrupted: bool,
}

/// Runs a program to its end, and that of all processes that it started, and writes the trace.
///
/// `progress` is called about ten times a second while the program makes system calls. The old
/// trace, if any, is replaced at the end only. If the program is killed, or the recording is
/// interrupted, the trace up to there is kept. For that, SIGINT, SIGTERM and SIGHUP are blocked in
/// the calling thread meanwhile: call this before the process has other threads.
///
/// # Errors
/// The output cannot be written, the program cannot be started or may not be watched; then nothing
/// has run. Or the trace cannot be written at the end.
pub fn record(
    options: &Options,
    progress: &mut dyn FnMut(&Progress),
) -> Result<Summary, RecordError> {
    let writer = TraceWriter::create(&options.output).map_err(RecordError::Output)?;
    let mut recording = Recording::new(writer, &options.watch)?;
    let started = start::start(&options.program)?;
    let (ended, interrupted) =
        interrupt::forwarding(started, || tracer::run(started, &mut recording, progress))?;
    let status = ended?;
    recording.finish(status, interrupted)
}

//! Why nothing was recorded.

use crate::trace::WriteError;
use nix::errno::Errno;
use std::{io, path::PathBuf};

/// Why a program could not be recorded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// There is nothing to run.
    #[error("no program is given")]
    NoProgram,
    /// There is no such program.
    #[error("{}: no such program", .0.display())]
    NotFound(PathBuf),
    /// The file is there, but cannot be run.
    #[error("{}: may not be executed", .0.display())]
    NotExecutable(PathBuf),
    /// System calls of 32-bit programs are different ones.
    #[error("{}: a 32-bit program; only 64-bit programs (x86-64) can be recorded", .0.display())]
    ThirtyTwoBit(PathBuf),
    /// The program could not be started.
    #[error("{} cannot be started: {source}", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The system would not run the program, whose file looked well.
    #[error("the program was not run: the system refused its file, or it was killed before")]
    NotRun,
    /// The system does not let one process watch another.
    #[error(
        "this system does not permit ptrace ({0}): in a container, start it with \
         --cap-add=SYS_PTRACE and a seccomp profile that allows ptrace; else see \
         /proc/sys/kernel/yama/ptrace_scope, which must be less than 3 (2 wants root)"
    )]
    NotPermitted(Errno),
    /// Watching failed while the program ran; it was killed.
    #[error("the program can no longer be watched: {0}")]
    Watching(Errno),
    /// A file or folder to watch is in a folder that does not exist.
    #[error("{}: {source}", path.display())]
    Watch {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Signals could not be arranged.
    #[error("signals cannot be watched: {0}")]
    Signals(Errno),
    /// The trace cannot be written.
    #[error("the trace cannot be written: {0}")]
    Output(WriteError),
}

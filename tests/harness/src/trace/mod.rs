//! Storage traces: what a program did to its files, one operation a line.

mod check;
mod parse;
mod write;

pub use parse::{from_bytes, read};
pub use write::{Changes, Counts, TraceWriter, WriteError, Written};

use std::path::PathBuf;

/// One operation; `file` is the trace's number of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// CreateFile; a number is opened again after its file was deleted.
    Open {
        /// The file.
        file: u32,
        /// Its name.
        name: String,
    },
    /// WriteFile.
    Write {
        /// The file.
        file: u32,
        /// First byte.
        offset: u64,
        /// Bytes.
        length: u64,
    },
    /// CPU stores through a mapped view.
    Store {
        /// The file.
        file: u32,
        /// First byte.
        offset: u64,
        /// Bytes.
        length: u64,
    },
    /// CreateFileMapping and MapViewOfFile, writable.
    Map {
        /// The file.
        file: u32,
        /// First byte.
        offset: u64,
        /// Bytes.
        length: u64,
    },
    /// FlushFileBuffers.
    Flush {
        /// The file.
        file: u32,
    },
    /// FlushViewOfFile.
    FlushView {
        /// The file.
        file: u32,
        /// First byte.
        offset: u64,
        /// Bytes.
        length: u64,
    },
    /// SetEndOfFile.
    Truncate {
        /// The file.
        file: u32,
        /// The new size in bytes.
        size: u64,
    },
    /// DeleteFile.
    Delete {
        /// The file.
        file: u32,
    },
}

impl Op {
    /// Whether the operation makes its file durable.
    pub fn is_commit(&self) -> bool {
        matches!(self, Self::Flush { .. } | Self::FlushView { .. })
    }
}

/// An operation and the line it stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Line number, from 1.
    pub line: usize,
    /// The operation.
    pub op: Op,
}

/// A trace that makes sense from its first line to its last.
#[derive(Clone, Debug)]
pub struct Trace {
    /// Where it was read from.
    pub path: PathBuf,
    /// Its operations in order.
    pub steps: Vec<Step>,
}

/// Why a trace cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The file cannot be read or unpacked.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line is wrong.
    #[error("{}:{line}: {reason}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
}

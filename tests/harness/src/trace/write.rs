//! Writing a trace, plain or gzip, so that it is there as a whole or not at all.

mod fit;
mod names;

use super::{Op, Step, check, parse::HEADER};
use flate2::{Compression, write::GzEncoder};
use names::Names;
use serde::Serialize;
use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

/// How often each operation stands in a trace, and how many bytes it covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// `open`.
    pub opens: u64,
    /// `write`.
    pub writes: u64,
    /// Bytes of all `write`.
    pub bytes_written: u64,
    /// `store`.
    pub stores: u64,
    /// Bytes of all `store`.
    pub bytes_stored: u64,
    /// `map`.
    pub maps: u64,
    /// `flush`.
    pub flushes: u64,
    /// `flushview`.
    pub view_flushes: u64,
    /// `truncate`.
    pub truncates: u64,
    /// `delete`.
    pub deletes: u64,
}

impl Counts {
    /// Counts one operation.
    pub fn add(&mut self, op: &Op) {
        match op {
            Op::Open { .. } => self.opens += 1,
            Op::Write { length, .. } => {
                self.writes += 1;
                self.bytes_written += length;
            }
            Op::Store { length, .. } => {
                self.stores += 1;
                self.bytes_stored += length;
            }
            Op::Map { .. } => self.maps += 1,
            Op::Flush { .. } => self.flushes += 1,
            Op::FlushView { .. } => self.view_flushes += 1,
            Op::Truncate { .. } => self.truncates += 1,
            Op::Delete { .. } => self.deletes += 1,
        }
    }

    /// All operations.
    pub fn operations(&self) -> u64 {
        let changes = self.opens + self.writes + self.stores + self.maps;
        changes + self.flushes + self.view_flushes + self.truncates + self.deletes
    }
}

/// What was changed because a trace cannot say it: it has one view of a file, which is never
/// unmapped, and a largest file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// Files that are as large as their last view needs when the first one is mapped, by a
    /// `truncate` that the program did not ask for.
    pub grown_for_view: u64,
    /// Cuts of files that the program had unmapped; in the trace the files stay as large.
    pub cuts_left_out: u64,
    /// Operations that were shortened or left out because they are beyond 1 GiB.
    pub beyond_largest: u64,
}

/// A finished trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Its operations.
    pub counts: Counts,
    /// Where it differs from what was recorded.
    pub changes: Changes,
}

/// Why a trace could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The file, or the unfinished one beside it, cannot be written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The operations do not make sense one after another: a mistake of who recorded them.
    #[error("operation {operation} of the recording does not fit: {reason}")]
    Inconsistent {
        /// Number of the operation, from 1.
        operation: usize,
        /// What is wrong with it.
        reason: String,
    },
}

/// Takes operations from any source and makes a trace of them.
///
/// The operations are kept in memory until [`finish`](Self::finish), about 40 bytes each, because
/// the one view that a trace has of a file is known only then. Dropped unfinished, it leaves no
/// file behind and the old trace as it was.
pub struct TraceWriter {
    path: PathBuf,
    unfinished: PathBuf,
    file: Option<File>,
    names: Names,
    ops: Vec<Op>,
    counts: Counts,
}

impl TraceWriter {
    /// A trace that will replace the file at `path`; gzip if that ends in `.gz`.
    ///
    /// # Errors
    /// No file can be made beside it, or something that is not a file stands there.
    pub fn create(path: &Path) -> Result<Self, WriteError> {
        let failed = |source| WriteError::File {
            path: path.into(),
            source,
        };
        // A link to the trace stays a link.
        let target = path.canonicalize().unwrap_or_else(|_| path.into());
        let unusable = |reason| failed(io::Error::new(io::ErrorKind::InvalidInput, reason));
        if fs::metadata(&target).is_ok_and(|found| !found.is_file()) {
            return Err(unusable("not a regular file"));
        }
        let Some(name) = target.file_name() else {
            return Err(unusable("not a file name"));
        };
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}.unfinished", std::process::id()));
        let unfinished = target.with_file_name(hidden);
        let file = File::create(&unfinished).map_err(failed)?;
        Ok(Self {
            path: target,
            unfinished,
            file: Some(file),
            names: Names::default(),
            ops: Vec::new(),
            counts: Counts::default(),
        })
    }

    /// A file begins to exist, or to be watched, with 0 bytes; the result is its number. In the
    /// trace its name is `wanted` with what Windows does not accept replaced (`/` by `+`, others
    /// by `_`), and unlike that of any other file there is.
    pub fn open(&mut self, wanted: &str) -> u32 {
        let (file, name) = self.names.open(wanted);
        self.add(Op::Open { file, name });
        file
    }

    /// Adds an operation to a file that is open; an `open` is left to [`open`](Self::open).
    ///
    /// Views may be as many as there are, overlap and be left out; offsets and lengths of any
    /// size. Ranges of no bytes are ignored.
    ///
    /// # Panics
    /// The operation is an [`Op::Open`].
    pub fn push(&mut self, op: Op) {
        assert!(!matches!(op, Op::Open { .. }), "files are opened by name");
        if let Op::Delete { file } = op {
            self.names.delete(file);
        }
        self.add(op);
    }

    fn add(&mut self, op: Op) {
        self.counts.add(&op);
        self.ops.push(op);
    }

    /// What was taken so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Writes the trace and puts it in its place.
    ///
    /// # Errors
    /// It cannot be written, or does not make sense; the old trace is left as it was.
    pub fn finish(mut self) -> Result<Written, WriteError> {
        let (ops, changes) = fit::fit(std::mem::take(&mut self.ops));
        let mut counts = Counts::default();
        let mut steps = Vec::with_capacity(ops.len());
        for (index, op) in ops.into_iter().enumerate() {
            counts.add(&op);
            let line = index + 1;
            steps.push(Step { line, op });
        }
        check::check(&steps)
            .map_err(|(operation, reason)| WriteError::Inconsistent { operation, reason })?;
        let written = self.write(&steps);
        written.map_err(|source| WriteError::File {
            path: self.path.clone(),
            source,
        })?;
        Ok(Written { counts, changes })
    }

    fn write(&mut self, steps: &[Step]) -> io::Result<()> {
        let Some(file) = self.file.take() else {
            return Ok(());
        };
        let file = if self.path.extension().is_some_and(|name| name == "gz") {
            let mut packed = GzEncoder::new(BufWriter::new(file), Compression::best());
            lines(&mut packed, steps)?;
            packed.finish()?
        } else {
            let mut plain = BufWriter::new(file);
            lines(&mut plain, steps)?;
            plain
        };
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        drop(file);
        fs::rename(&self.unfinished, &self.path)
    }
}

impl Drop for TraceWriter {
    fn drop(&mut self) {
        self.file = None;
        // Gone already if the trace was finished.
        let _ = fs::remove_file(&self.unfinished);
    }
}

fn lines(to: &mut impl Write, steps: &[Step]) -> io::Result<()> {
    writeln!(to, "{HEADER}: op<TAB>file<TAB>args")?;
    for step in steps {
        match &step.op {
            Op::Open { file, name } => writeln!(to, "open\t{file}\t{name}"),
            Op::Write {
                file,
                offset,
                length,
            } => writeln!(to, "write\t{file}\t{offset}\t{length}"),
            Op::Store {
                file,
                offset,
                length,
            } => writeln!(to, "store\t{file}\t{offset}\t{length}"),
            Op::Map {
                file,
                offset,
                length,
            } => writeln!(to, "map\t{file}\t{offset}\t{length}"),
            Op::Flush { file } => writeln!(to, "flush\t{file}"),
            Op::FlushView {
                file,
                offset,
                length,
            } => writeln!(to, "flushview\t{file}\t{offset}\t{length}"),
            Op::Truncate { file, size } => writeln!(to, "truncate\t{file}\t{size}"),
            Op::Delete { file } => writeln!(to, "delete\t{file}"),
        }?;
    }
    to.flush()
}

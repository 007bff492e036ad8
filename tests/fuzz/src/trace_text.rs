//! Traces of any bytes: read, written again and read again.

use crate::trace::{Op, Trace, TraceWriter, from_bytes, read};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::LazyLock,
};

/// A place in memory if there is one: a trace is forced to the disk when it is written.
static PLACE: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() {
        memory.into()
    } else {
        std::env::temp_dir()
    };
    folder.join(format!("daxflush-fuzz-{}.tsv", std::process::id()))
});

/// Reads a trace, plain or gzip.
///
/// # Panics
/// A trace that was read is another one when it was written and read.
pub fn run(data: &[u8]) {
    let Ok(trace) = from_bytes(Path::new("input"), data) else {
        return;
    };
    let again = written(&trace);
    let (before, after) = (numbered(&trace), numbered(&again));
    assert_eq!(before, after, "not the same when it was written and read");
}

fn written(trace: &Trace) -> Trace {
    let mut writer = TraceWriter::create(&PLACE).expect("a place for a trace");
    let mut numbers = HashMap::new();
    for step in &trace.steps {
        if let Op::Open { file, name } = &step.op {
            numbers.insert(*file, writer.open(name));
        } else {
            writer.push(with_file(&step.op, |file| numbers[&file]));
        }
    }
    let written = writer.finish().expect("a trace that was read makes sense");
    assert_eq!(written.changes, Default::default(), "a trace was changed");
    let trace = read(&PLACE).expect("what was written can be read");
    let removed = std::fs::remove_file(&*PLACE);
    removed.expect("the trace was there");
    trace
}

/// With files numbered by their first `open`, and without the names, which are made fit for a volume.
fn numbered(trace: &Trace) -> Vec<Op> {
    let mut numbers = HashMap::new();
    let mut next = 0;
    let renumber = |op: &Op| {
        if let Op::Open { file, .. } = op {
            next += 1;
            numbers.insert(*file, next);
        }
        with_file(op, |file| numbers[&file])
    };
    trace
        .steps
        .iter()
        .map(|step| &step.op)
        .map(renumber)
        .collect()
}

fn with_file(op: &Op, number: impl Fn(u32) -> u32) -> Op {
    let mut op = op.clone();
    match &mut op {
        Op::Open { file, name } => {
            *file = number(*file);
            name.clear();
        }
        Op::Write { file, .. }
        | Op::Store { file, .. }
        | Op::Map { file, .. }
        | Op::Flush { file }
        | Op::FlushView { file, .. }
        | Op::Truncate { file, .. }
        | Op::Delete { file } => *file = number(*file),
    }
    op
}

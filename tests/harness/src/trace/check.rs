//! Whether the operations of a trace make sense one after another.

use super::{Op, Step};
use std::collections::HashMap;

/// The largest file that a trace may make, in bytes: what the simulated volume holds.
pub(super) const MAX_SIZE: u64 = 1 << 30;

#[derive(Default)]
struct File {
    size: u64,
    mapped: Option<(u64, u64)>,
}

type Wrong = (usize, String);

/// Finds the first operation that cannot be done.
pub(super) fn check(steps: &[Step]) -> Result<(), Wrong> {
    let mut files: HashMap<u32, File> = HashMap::new();
    for step in steps {
        apply(&mut files, &step.op).map_err(|reason| (step.line, reason))?;
    }
    Ok(())
}

fn apply(files: &mut HashMap<u32, File>, op: &Op) -> Result<(), String> {
    match *op {
        Op::Open { file, ref name } => {
            if name.is_empty() || name.contains(['\\', '/', ':', '*', '?', '"', '<', '>', '|']) {
                return Err(format!("'{}' is not a file name", name.escape_debug()));
            }
            if files.insert(file, File::default()).is_some() {
                return Err(format!("file {file} is open already"));
            }
        }
        Op::Write {
            file,
            offset,
            length,
        } => {
            let end = end(offset, length)?;
            let file = opened(files, file)?;
            file.size = file.size.max(end);
        }
        Op::Map {
            file,
            offset,
            length,
        } => {
            let end = end(offset, length)?;
            let opened = opened(files, file)?;
            if !offset.is_multiple_of(4096) || end > opened.size {
                return Err("a view must begin on a 4096-byte page and end within the file".into());
            }
            if opened.mapped.is_some() {
                return Err(format!("file {file} is mapped already"));
            }
            opened.mapped = Some((offset, end));
        }
        Op::Store {
            file,
            offset,
            length,
        }
        | Op::FlushView {
            file,
            offset,
            length,
        } => {
            let end = end(offset, length)?;
            let mapped = opened(files, file)?.mapped;
            if !mapped.is_some_and(|(first, last)| first <= offset && end <= last) {
                return Err(format!(
                    "bytes {offset} to {end} of file {file} are not mapped"
                ));
            }
        }
        Op::Truncate { file, size } => {
            end(0, size.max(1))?;
            let opened = opened(files, file)?;
            if opened.mapped.is_some() && size < opened.size {
                return Err(format!("file {file} is mapped and cannot be cut"));
            }
            opened.size = size;
        }
        Op::Flush { file } => {
            opened(files, file)?;
        }
        Op::Delete { file } => {
            opened(files, file)?;
            files.remove(&file);
        }
    }
    Ok(())
}

fn opened(files: &mut HashMap<u32, File>, file: u32) -> Result<&mut File, String> {
    files
        .get_mut(&file)
        .ok_or_else(|| format!("file {file} is not open"))
}

fn end(offset: u64, length: u64) -> Result<u64, String> {
    if length == 0 {
        return Err("the length is 0".into());
    }
    let end = offset.checked_add(length).filter(|end| *end <= MAX_SIZE);
    end.ok_or_else(|| format!("bytes {offset} + {length} are beyond the largest file, {MAX_SIZE}"))
}

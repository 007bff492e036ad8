//! What a trace cannot say, said as nearly as it can: one view of each file that is never unmapped,
//! and no byte beyond the largest file.

use super::{
    super::{Op, check::MAX_SIZE},
    Changes,
};
use std::{
    collections::HashMap,
    mem::{replace, take},
};

const PAGE: u64 = 4096;

/// One file from its opening to its deletion.
#[derive(Default)]
struct Life {
    /// First and last byte of all views together.
    view: Option<(u64, u64)>,
    /// The size in the fitted trace, in bytes.
    size: u64,
    /// The size that the program saw, in bytes.
    seen: u64,
    mapped: bool,
}

impl Life {
    fn touch(&mut self, offset: u64, end: u64) {
        let first = offset / PAGE * PAGE;
        let (from, to) = self.view.unwrap_or((first, end));
        self.view = Some((from.min(first), to.max(end)));
    }
}

/// The lives of all files in the order of their beginning, and which one a number stands for now.
#[derive(Default)]
struct Lives {
    all: Vec<Life>,
    now: HashMap<u32, usize>,
    begun: usize,
}

impl Lives {
    fn begin(&mut self, file: u32) {
        if self.begun == self.all.len() {
            self.all.push(Life::default());
        }
        self.now.insert(file, self.begun);
        self.begun += 1;
    }

    fn get(&mut self, file: u32) -> Option<&mut Life> {
        let index = *self.now.get(&file)?;
        self.all.get_mut(index)
    }

    fn again(&mut self) {
        self.now.clear();
        self.begun = 0;
    }
}

/// Makes operations acceptable to the checker; those of files that are not open are left for it to
/// refuse.
pub(super) fn fit(ops: Vec<Op>) -> (Vec<Op>, Changes) {
    let mut changes = Changes::default();
    let mut lives = Lives::default();
    let ops: Vec<Op> = ops
        .into_iter()
        .filter_map(|op| within_limits(op, &mut changes))
        .collect();
    for op in &ops {
        match *op {
            Op::Open { file, .. } => lives.begin(file),
            Op::Map {
                file,
                offset,
                length,
            }
            | Op::Store {
                file,
                offset,
                length,
            }
            | Op::FlushView {
                file,
                offset,
                length,
            } => {
                if let Some(life) = lives.get(file) {
                    life.touch(offset, offset + length);
                }
            }
            _ => {}
        }
    }
    lives.again();
    let mut fitted = Vec::with_capacity(ops.len());
    for op in ops {
        place(op, &mut lives, &mut fitted, &mut changes);
    }
    (fitted, changes)
}

fn place(op: Op, lives: &mut Lives, fitted: &mut Vec<Op>, changes: &mut Changes) {
    match op {
        Op::Open { file, .. } => lives.begin(file),
        Op::Write {
            file,
            offset,
            length,
        } => {
            if let Some(life) = lives.get(file) {
                life.size = life.size.max(offset + length);
                life.seen = life.seen.max(offset + length);
            }
        }
        Op::Map { file, .. } | Op::Store { file, .. } | Op::FlushView { file, .. } => {
            let Some(life) = lives.get(file) else {
                fitted.push(op);
                return;
            };
            if !replace(&mut life.mapped, true) {
                view(file, life, fitted, changes);
            }
            if matches!(op, Op::Map { .. }) {
                return;
            }
        }
        Op::Truncate { file, size } => {
            if let Some(life) = lives.get(file) {
                let seen = replace(&mut life.seen, size);
                if life.mapped && size < life.size {
                    changes.cuts_left_out += u64::from(size < seen);
                    return;
                }
                life.size = size;
            }
        }
        Op::Delete { file } => {
            if let Some(life) = lives.get(file) {
                take(life);
            }
            lives.now.remove(&file);
        }
        Op::Flush { .. } => {}
    }
    fitted.push(op);
}

/// The one view of the file, and before it the size that it needs.
fn view(file: u32, life: &mut Life, fitted: &mut Vec<Op>, changes: &mut Changes) {
    let Some((first, end)) = life.view else {
        return;
    };
    if end > life.size {
        fitted.push(Op::Truncate { file, size: end });
        life.size = end;
        changes.grown_for_view += 1;
    }
    fitted.push(Op::Map {
        file,
        offset: first,
        length: end - first,
    });
}

/// The part of an operation that a trace can hold; a range of no bytes is nothing.
fn within_limits(mut op: Op, changes: &mut Changes) -> Option<Op> {
    match &mut op {
        Op::Write { offset, length, .. }
        | Op::Store { offset, length, .. }
        | Op::Map { offset, length, .. }
        | Op::FlushView { offset, length, .. } => {
            if *length == 0 {
                return None;
            }
            let room = MAX_SIZE.saturating_sub(*offset);
            changes.beyond_largest += u64::from(*length > room);
            *length = (*length).min(room);
            (*length != 0).then_some(op)
        }
        Op::Truncate { size, .. } => {
            changes.beyond_largest += u64::from(*size > MAX_SIZE);
            *size = (*size).min(MAX_SIZE);
            Some(op)
        }
        _ => Some(op),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(file: u32) -> Op {
        Op::Open {
            file,
            name: format!("f{file}"),
        }
    }

    fn map(offset: u64, length: u64) -> Op {
        Op::Map {
            file: 0,
            offset,
            length,
        }
    }

    fn store(offset: u64, length: u64) -> Op {
        Op::Store {
            file: 0,
            offset,
            length,
        }
    }

    fn truncate(size: u64) -> Op {
        Op::Truncate { file: 0, size }
    }

    #[test]
    fn views_become_one() {
        let ops = vec![
            open(0),
            truncate(4096),
            map(0, 4096),
            store(1, 2),
            truncate(8192),
            map(4096, 4096),
            store(4097, 2),
        ];
        let (fitted, changes) = fit(ops);
        let expected = [
            open(0),
            truncate(4096),
            truncate(8192),
            map(0, 8192),
            store(1, 2),
            truncate(8192),
            store(4097, 2),
        ];
        assert_eq!(fitted, expected);
        assert_eq!((changes.grown_for_view, changes.cuts_left_out), (1, 0));
    }

    #[test]
    fn a_mapped_file_is_not_cut_and_a_new_one_starts_afresh() {
        let ops = vec![
            open(0),
            truncate(8192),
            map(0, 8192),
            truncate(100),
            truncate(200),
            Op::Delete { file: 0 },
            open(0),
            truncate(50),
            truncate(20),
        ];
        let (fitted, changes) = fit(ops);
        let expected = [
            open(0),
            truncate(8192),
            map(0, 8192),
            Op::Delete { file: 0 },
            open(0),
            truncate(50),
            truncate(20),
        ];
        assert_eq!(fitted, expected);
        assert_eq!((changes.grown_for_view, changes.cuts_left_out), (0, 1));
    }

    #[test]
    fn nothing_is_beyond_the_largest_file() {
        let ops = vec![
            open(0),
            truncate(MAX_SIZE + 1),
            map(0, MAX_SIZE * 2),
            store(MAX_SIZE, 8),
            store(MAX_SIZE - 4, 8),
        ];
        let (fitted, changes) = fit(ops);
        let expected = [
            open(0),
            truncate(MAX_SIZE),
            map(0, MAX_SIZE),
            store(MAX_SIZE - 4, 4),
        ];
        assert_eq!(fitted, expected);
        assert_eq!(changes.beyond_largest, 4);
    }
}

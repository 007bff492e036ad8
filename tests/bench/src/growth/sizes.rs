//! Larger files, more dirty lines, more files.

use super::{COMMIT, RECORD, tracking};
use crate::{
    measure::Contender,
    peers::{Map, Recorder, Store, Sum},
    results::{Axis, Comparison, Scale},
    suite::{Case, Course, bytes, thousands},
    workloads::scattered,
};
use daxflush_engine::{MAX_OFFSET, Reserve};
use std::{cell::RefCell, error::Error, hint::black_box};

/// What grows.
pub struct Kind {
    pub workload: &'static str,
    pub title: &'static str,
    pub axis: Axis,
}

const fn kind(
    workload: &'static str,
    title: &'static str,
    name: &'static str,
    scale: Scale,
) -> Kind {
    Kind {
        workload,
        title,
        axis: Axis { name, scale },
    }
}

pub const SIZE: &Kind = &kind(
    "file-size",
    "1,024 lines in files of different sizes: ns a line",
    "bytes of file",
    Scale::Binary,
);
pub const LINES: &Kind = &kind(
    "dirty-lines",
    "Lines in a file of 1 GiB: ns a line",
    "dirty lines",
    Scale::Binary,
);
pub const FILES: &Kind = &kind(
    "files",
    "Files of 1 MiB with 16 dirty lines each: ns a line",
    "files",
    Scale::Decimal,
);
pub const KINDS: [&Kind; 3] = [SIZE, LINES, FILES];

pub const NOTE: &str = "Of 10,000 files more than an eighth of the reserve is in use, so that commits give clean leaves back \
     and records take them again.";

type Points = Result<Vec<(Comparison, usize)>, Box<dyn Error>>;

const LINE: u64 = 64;
const FIXED_LINES: usize = 1024;
/// Of files that differ in number.
const FILE_SIZE: u64 = 1 << 20;
const FILE_LINES: usize = 16;

/// 1,024 lines in 1 MiB to 1 TiB.
pub fn by_file_size(course: &mut Course) -> Points {
    let sizes: Vec<u64> = (20..=40).step_by(2).map(|power| 1 << power).collect();
    course.expect(sizes.len());
    let reserve = Reserve::with_leaves(32768)?;
    let point = |size| {
        let stores = scattered(size, FIXED_LINES, LINE, &mut course.random);
        let case = case(SIZE, bytes(size), size as f64, FIXED_LINES);
        compared(course, case, 1, stores, &reserve)
    };
    checked(sizes.into_iter().map(point).collect(), &reserve)
}

/// 1 to 4 Mi lines in 1 GiB.
pub fn by_dirty_lines(course: &mut Course) -> Points {
    let counts: Vec<usize> = (0..=22).step_by(2).map(|power| 1 << power).collect();
    course.expect(counts.len());
    let reserve = Reserve::with_leaves(8192)?;
    let point = |count| {
        let stores = scattered(1 << 30, count, LINE, &mut course.random);
        let case = case(LINES, thousands(count), count as f64, count);
        compared(course, case, 1, stores, &reserve)
    };
    checked(counts.into_iter().map(point).collect(), &reserve)
}

/// 1 to 10,000 files with 16 lines each, on one reserve.
pub fn by_files(course: &mut Course) -> Points {
    let counts = [1, 3, 10, 30, 100, 300, 1000, 3000, 10000];
    course.expect(counts.len());
    let reserve = Reserve::with_leaves(98304)?;
    let point = |count| {
        let stores = scattered(FILE_SIZE, FILE_LINES, LINE, &mut course.random);
        let case = case(FILES, thousands(count), count as f64, count * FILE_LINES);
        compared(course, case, count, stores, &reserve)
    };
    checked(counts.into_iter().map(point).collect(), &reserve)
}

fn checked(points: Vec<(Comparison, usize)>, reserve: &Reserve) -> Points {
    if reserve.coarse_marks() != 0 {
        return Err("the reserve was too small: tracking became coarse".into());
    }
    Ok(points)
}

fn case(kind: &Kind, name: String, size: f64, lines: usize) -> Case {
    Case {
        workload: kind.workload,
        name,
        size,
        unit: "ns a line",
        operations: lines * repeats(lines),
        sparing: if lines >= 1 << 16 { 4 } else { 1 },
    }
}

/// How often a round does few lines, so that the clock's resolution does not matter.
fn repeats(lines: usize) -> usize {
    (1024 / lines).max(1)
}

/// Times recording and committing the same stores in each of `files` files; and memory.
fn compared(
    course: &mut Course,
    case: Case,
    files: usize,
    stores: Vec<Store>,
    reserve: &Reserve,
) -> (Comparison, usize) {
    let memory = tracking(&stores, reserve) * files;
    let repeats = repeats(files * stores.len());
    let maps = RefCell::new((0..files).map(|_| Map::new(reserve)).collect::<Vec<_>>());
    let record = |maps: &mut &RefCell<Vec<Map<'_>>>| {
        for map in maps.borrow_mut().iter_mut() {
            stores.iter().for_each(|store| map.record(store));
        }
    };
    let commit = |maps: &mut &RefCell<Vec<Map<'_>>>| {
        for map in maps.borrow_mut().iter_mut() {
            let mut sum = Sum::default();
            let Ok(_) = map.commit(0..MAX_OFFSET, &mut sum);
            black_box(sum);
        }
    };
    let recorder = Contender::repeated(RECORD, &maps, repeats, commit, record);
    let committer = Contender::repeated(COMMIT, &maps, repeats, record, commit);
    (course.compete(case, &mut [recorder, committer]), memory)
}

//! A program, played.

use super::{
    events::{Event, Program},
    ways::{Disk, Way},
};
use crate::peers::Store;
use std::time::{Duration, Instant};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timed {
    /// Stores, what is done about them, and commits.
    Program,
    Commits,
}

/// Makes the program's stores and commits; the time, and the lines that were flushed.
pub fn play(program: &Program, disk: &Disk, way: &mut impl Way, timed: Timed) -> (Duration, u64) {
    let mut sizes = vec![0; disk.files.len()];
    let mut lines = 0;
    let mut commits = Duration::ZERO;
    let begin = Instant::now();
    for (file, event) in &program.events {
        let size = &mut sizes[*file];
        match event {
            Event::Store(store) => {
                disk.memories[*file].fill(store.offset as usize, store.length as usize);
                *size = store.end().max(*size);
                lines += way.stored(*file, store);
            }
            Event::Commit(part) => {
                let scope = part.unwrap_or(Store::new(0, *size));
                let scope = scope.offset..scope.end().min(*size);
                let begin = (timed == Timed::Commits).then(Instant::now);
                lines += way.commit(*file, scope);
                commits += begin.map_or(Duration::ZERO, |begin| begin.elapsed());
            }
            Event::Truncate(to) => {
                *size = *to;
                way.truncated(*file, *to);
            }
        }
    }
    let elapsed = match timed {
        Timed::Program => begin.elapsed(),
        Timed::Commits => commits,
    };
    (elapsed, lines)
}

#[cfg(test)]
mod tests {
    use super::{Timed, play};
    use crate::{
        backing::Region,
        traces::{
            events::Program,
            path,
            ways::{Disk, Engine, Nothing, Whole},
        },
    };
    use daxflush_engine::Reserve;
    use daxflush_nvmem::NvMemory;

    /// As the driver in the simulator flushes them.
    const LINES: [(&str, usize, u64); 3] = [
        ("sqlite-wal", 412, 127_791),
        ("sqlite-rollback", 1209, 288_314),
        ("lmdb-writemap", 600, 71_893),
    ];

    #[test]
    fn the_engine_flushes_the_lines_that_were_dirty() {
        for (name, commits, dirty) in LINES {
            let program = Program::read(&path(name)).expect("a trace");
            let disk = Disk::new(&program).expect("memory");
            let nv = NvMemory::<8>::new();
            nv.init(1);
            let regions = disk.memories.iter().map(|memory| Region::new(memory, &nv));
            let regions: Vec<_> = regions.collect::<Result<_, _>>().expect("tokens");
            let reserve = Reserve::with_leaves(512).expect("memory");
            let mut engine = Engine::lines(&regions, &reserve);
            let (_, lines) = play(&program, &disk, &mut engine, Timed::Program);
            assert_eq!((program.commits, lines), (commits, dirty), "{name}");
            let mut pages = Engine::pages(&regions, &reserve);
            let (_, by_page) = play(&program, &disk, &mut pages, Timed::Commits);
            let (_, asked) = play(&program, &disk, &mut Whole(&regions), Timed::Commits);
            assert!(
                dirty < by_page && by_page < asked,
                "{name}: {by_page}, {asked}"
            );
            let (_, none) = play(&program, &disk, &mut Nothing, Timed::Program);
            assert_eq!(none, 0);
        }
    }
}

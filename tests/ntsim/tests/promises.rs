//! The promises P1 and P2 under pressure: a scenario with each kernel call failing in turn, and
//! several threads at once.

mod common;

use common::{driver, machine};
use ntsim::{Access, CutPolicy, Disposition, Handle, NtStatus, Sim, SimError};

/// A file, what was written to it, and what of that was committed. `None` is a byte that no write
/// has stored: what the file system zeroes between writes it makes durable itself, or not.
struct Tracked {
    handle: Handle,
    contents: Vec<Option<u8>>,
    committed: Option<Vec<Option<u8>>>,
}

impl Tracked {
    fn open(sim: &Sim, name: &str) -> Result<Self, NtStatus> {
        let path = format!(r"D:\{name}");
        let handle = sim.create_file(&path, Access::ReadWrite, Disposition::OpenAlways)?;
        Ok(Self {
            handle,
            contents: Vec::new(),
            committed: None,
        })
    }

    /// A write; if the driver refuses it, nothing was stored.
    fn write(&mut self, sim: &Sim, offset: usize, data: &[u8]) {
        if sim.write_file(self.handle, offset as u64, data).is_ok() {
            let end = offset + data.len();
            self.contents.resize(self.contents.len().max(end), None);
            for (byte, stored) in self.contents[offset..end].iter_mut().zip(data) {
                *byte = Some(*stored);
            }
            self.committed = None;
        }
    }

    fn truncate(&mut self, sim: &Sim, size: usize) {
        if sim.set_end_of_file(self.handle, size as u64).is_ok() {
            self.contents.resize(size, None);
            self.committed = None;
        }
    }

    /// A flush; only its success promises anything, and then it promises everything.
    fn flush(&mut self, sim: &Sim) -> bool {
        let flushed = sim.flush_file_buffers(self.handle).is_ok();
        if flushed {
            self.committed = Some(self.contents.clone());
            self.check(sim);
        }
        flushed
    }

    /// A volume that the driver could not attach to is the file system's alone.
    fn check(&self, sim: &Sim) {
        let committed = self.committed.as_ref().filter(|_| sim.is_attached('D'));
        let Some(committed) = committed else { return };
        let id = sim.file_id(self.handle).expect("an open file");
        let mut found = vec![0; committed.len()];
        assert!(sim.power_cut(CutPolicy::Durable).read(id, 0, &mut found));
        let wrong = found
            .iter()
            .zip(committed)
            .position(|(a, b)| b.is_some_and(|b| *a != b));
        assert_eq!(wrong, None, "a committed byte is lost");
    }
}

/// Everything a stream goes through, with `routine` failing at its `nth` call. Returns whether
/// that call was reached.
fn scenario(routine: &str, nth: u64) -> bool {
    let sim = machine();
    sim.fail_nth(routine, nth);
    match sim.load_driver(&driver(), "daxflush") {
        Ok(()) => {}
        Err(SimError::Driver { .. }) => {
            sim.check_nothing_left();
            assert_eq!(sim.violations(), [], "{routine} {nth}");
            return true;
        }
        Err(error) => panic!("{error}"),
    }
    let mut file = Tracked::open(&sim, "a").expect("opening is never refused");
    file.write(&sim, 0, &[1; 10_000]);
    file.flush(&sim);
    file.write(&sim, 5000, &[2; 10_000]);
    file.flush(&sim);
    file.truncate(&sim, 6000);
    file.write(&sim, 100, &[3; 64]);
    file.flush(&sim);
    let reached = !sim.is_failure_pending(routine);
    if sim.is_attached('D') {
        // Whatever failed, nothing was forgotten: a flush that succeeds covers all of it.
        assert!(file.flush(&sim) || file.flush(&sim), "{routine} {nth}");
    }
    sim.close_handle(file.handle).expect("close");
    if sim.unload_driver("daxflush").is_err() {
        sim.unload_driver("daxflush").expect("the driver unloads");
    }
    assert_eq!(sim.violations(), [], "{routine} {nth}");
    reached
}

#[test]
fn every_single_failure_is_survived() {
    let mut failures = 0;
    for routine in [
        "ExAllocatePoolWithTag",
        "FltAllocateContext",
        "FltSetStreamContext",
        "FltSetInstanceContext",
        "FltRegisterForDataScan",
        "FltCreateSectionForDataScan",
        "ZwMapViewOfSection",
        "ZwOpenKey",
        "IoCreateDevice",
        "IoCreateSymbolicLink",
        "FltRegisterFilter",
        "FltStartFiltering",
    ] {
        let reached = (1..).take_while(|nth| scenario(routine, *nth)).count();
        assert!(reached > 0, "{routine} is never called");
        failures += reached;
    }
    println!("{failures} failures, one at a time");
    assert!(failures > 20);
}

/// A small generator, so that a failing run can be repeated from its seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Threads that write, flush and truncate files of their own on one volume, all of them also
/// flushing the volume; each checks its own promises.
#[test]
fn threads_lose_nothing() {
    let sim = machine();
    sim.load_driver(&driver(), "daxflush")
        .expect("the driver loads");
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let sim = &sim;
            scope.spawn(move || {
                let mut random = Random(0x5eed + thread);
                let mut file = Tracked::open(sim, &format!("t{thread}")).expect("a file");
                for round in 0..300_u64 {
                    let offset = random.below(100_000) as usize;
                    let length = random.below(3000) as usize + 1;
                    match random.below(10) {
                        0 => file.truncate(sim, offset),
                        1..=3 => assert!(file.flush(sim), "thread {thread}, round {round}"),
                        4 => {
                            let volume = sim.open_volume('D').expect("the volume");
                            sim.flush_file_buffers(volume).expect("a flush");
                            sim.close_handle(volume).expect("close");
                            file.committed = Some(file.contents.clone());
                            file.check(sim);
                        }
                        _ => file.write(sim, offset, &vec![round as u8 | 1; length]),
                    }
                }
                assert!(file.flush(sim));
                sim.close_handle(file.handle).expect("close");
            });
        }
    });
    sim.unload_driver("daxflush").expect("the driver unloads");
    assert_eq!(sim.violations(), []);
}

/// Two threads flush one file while a third writes it: whoever is told of success finds his data
/// durable, also what the other's commit had in flight.
#[test]
fn commits_of_one_stream_wait_for_each_other() {
    let sim = machine();
    sim.load_driver(&driver(), "daxflush")
        .expect("the driver loads");
    let path = r"D:\shared";
    let open = || {
        sim.create_file(path, Access::ReadWrite, Disposition::OpenAlways)
            .expect("open")
    };
    let first = open();
    sim.set_end_of_file(first, 1 << 20).expect("a size");
    std::thread::scope(|scope| {
        for thread in 0..3_usize {
            let (sim, open) = (&sim, &open);
            scope.spawn(move || {
                let handle = open();
                let id = sim.file_id(handle).expect("an open file");
                let base = thread * 64;
                for round in 0..150_usize {
                    // Lines of the three threads lie side by side: runs are merged over them.
                    let offset = (base + (round % 100) * 192) as u64;
                    let data = [round as u8 | 1; 64];
                    sim.write_file(handle, offset, &data).expect("a write");
                    sim.flush_file_buffers(handle).expect("a flush");
                    let mut found = [0; 64];
                    assert!(
                        sim.power_cut(CutPolicy::Durable)
                            .read(id, offset, &mut found)
                    );
                    assert_eq!(found, data, "thread {thread}, round {round}");
                }
                sim.close_handle(handle).expect("close");
            });
        }
    });
    sim.close_handle(first).expect("close");
    sim.unload_driver("daxflush").expect("the driver unloads");
    assert_eq!(sim.violations(), []);
}

//! Shortage of everything: tracking becomes coarser, commits and requests may fail, and nothing is
//! forgotten.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use daxctl::random::Random;
use daxflush_protocol::{FileRange, log_bytes, log_layout};
use daxflush_system_tests::{Client, World, whole};
use ntsim::{Handle, Sim, SimOptions, WriteOptions};

const SET_ZERO_DATA: u32 = 0x9_80c8;

/// 64 KiB of tracking memory have no leaf for each 2 MiB of this file.
#[test]
fn with_little_memory_tracking_becomes_coarser_and_exact_again() {
    let mut world = World::with(SimOptions::default(), &[("TrackingKiB", 64)]);
    let client = Client::open(&world.sim);
    let file = world.open("a");
    let size = 48_u64 << 20;
    world.truncate(file, size);
    let seed = 0x5eed;
    println!("seed {seed:#x}");
    let mut random = Random::new(seed, 0);
    for _ in 0..3 {
        for _ in 0..60 {
            let offset = random.below(size - 64);
            world.write(file, offset, 64);
        }
        let counts = client.statistics();
        assert!(counts.tracking_bytes <= counts.tracking_limit);
        assert!(counts.tracking_limit <= 64 << 10);
        assert_ne!(counts.coarse_marks, 0);
        let dirty = world.dirty(&[whole(file)]);
        let coarse = counts.coarse_lines;
        world.sim.flush_file_buffers(file).expect("a flush");
        world.model(file, |model| model.commit());
        world.cut("after a coarse commit");
        assert!(client.statistics().coarse_lines > coarse);
        assert!(client.statistics().lines > dirty);
        // With few places written it is exact.
        for n in 0..4 {
            world.write(file, n * 10_000, 100);
        }
        world.flush(file);
    }
    world.close(file);
    client.close();
    world.end();
}

/// The program of the failures: everything a stream can go through, done by somebody who goes on
/// whatever is refused.
struct Program<'a> {
    world: &'a mut World,
    client: Client,
    file: Handle,
}

impl Program<'_> {
    fn flush(&mut self) -> bool {
        let file = self.file;
        self.world.may_commit("a flush", &[whole(file)], |sim| {
            sim.flush_file_buffers(file)
        })
    }

    fn write(&mut self, offset: u64, length: u64, options: WriteOptions) {
        let file = self.file;
        let done = self.world.may_store(file, offset, length, |sim, data| {
            sim.write_file_with(file, offset, data, options).map(|_| ())
        });
        if done && options.write_through {
            let scope = (file, Some(offset..offset + length));
            self.world
                .commits_anyhow("a write-through", &[scope], |_| Ok(()));
        }
    }

    fn write_by_mdl(&mut self, fast: bool) {
        let file = self.file;
        self.world.may_store(file, 9000, 20_000, |sim, data| {
            let write = sim.prepare_mdl_write(file, 9000, data.len(), fast)?;
            sim.store_mdl(&write, 0, data);
            sim.complete_mdl_write(write)
        });
    }

    fn zero(&mut self) {
        let file = self.file;
        let input: Vec<u8> = [100_u64, 700]
            .iter()
            .flat_map(|w| w.to_le_bytes())
            .collect();
        if self
            .world
            .sim
            .fsctl(file, SET_ZERO_DATA, &input, &mut [])
            .is_ok()
        {
            self.world.model(file, |model| model.store(100, &[0; 600]));
        }
    }

    /// Stores through a view, told by a log if there is one, else by a report that is tried again
    /// until it is taken.
    fn store_through_views(&mut self) {
        let (sim, file) = (self.world.sim.clone(), self.file);
        let Ok(view) = sim.map_view(file, 0, 32_768, true) else {
            return;
        };
        let log = self.client.create_log(file, 64).ok();
        let data = self.world.data(file, 20_000, 300);
        view.store(20_000, &data);
        self.world.model(file, |model| model.store(20_000, &data));
        match &log {
            Some(log) => append(&sim, log.address, 20_000, 300),
            None => {
                let range = FileRange {
                    offset: 20_000,
                    length: 300,
                };
                let mut tries = (0..3).map(|_| self.client.mark(file, &[range]));
                assert!(tries.any(|done| done.is_ok()));
            }
        }
        self.flush();
        let range = FileRange {
            offset: 0,
            length: 25_000,
        };
        let client = &self.client;
        self.world
            .may_commit("a range", &[(file, Some(0..25_000))], |_| {
                client.commit(file, range).map(|_| ())
            });
        if let Some(log) = log {
            let _ = self.client.close_log(log.log);
            sim.unmap_shared(log.address).expect("unmapped");
        }
        sim.unmap_view(view);
    }

    fn write_and_delete_another(&mut self) {
        let other = self.world.open("b");
        let id = self.world.sim.file_id(other).expect("open");
        self.world.may_store(other, 0, 5000, |sim, data| {
            sim.write_file(other, 0, data).map(|_| ())
        });
        self.world
            .sim
            .set_disposition(other, true)
            .expect("a deletion");
        self.world.sim.close_handle(other).expect("close");
        self.world.forget(id);
    }

    fn detach_and_attach(&mut self) {
        let file = self.file;
        self.world
            .may_commit("a detach", &[whole(file)], |sim| sim.detach('D'));
        if !self.world.sim.is_attached('D') {
            let _ = self.world.sim.attach('D');
        }
    }
}

fn append(sim: &Sim, address: u64, offset: u64, length: u64) {
    let log = sim.shared_view(address, log_bytes(64)).expect("the log");
    log.store(log_layout::ENTRIES / 8, offset);
    log.store(log_layout::ENTRIES / 8 + 1, length);
    log.store(log_layout::TAIL / 8, 1);
}

/// Everything, with `routine` failing at its `nth` call. Returns whether that call was reached.
fn scenario(routine: &str, nth: u64) -> bool {
    let mut world = World::new();
    let client = Client::open(&world.sim);
    world.sim.fail_nth(routine, nth);
    let file = world.open("a");
    let mut program = Program {
        world: &mut world,
        client,
        file,
    };
    let plain = WriteOptions::default();
    let through = WriteOptions {
        write_through: true,
        ..plain
    };
    program.write(0, 40_000, plain);
    program.write(30_000, 500, through);
    program.flush();
    program.write_by_mdl(false);
    program.write_by_mdl(true);
    program.zero();
    program.flush();
    if program.world.sim.file_size(file) == Ok(40_000) {
        program.store_through_views();
    }
    program.write(50, 10_000, plain);
    program.detach_and_attach();
    if program.world.sim.is_attached('D') {
        program.write(100, 64, plain);
        // Whatever failed, nothing was forgotten.
        assert!(program.flush() || program.flush(), "{routine} {nth}");
    }
    program.write_and_delete_another();
    let Program { client, .. } = program;
    let reached = !world.sim.is_failure_pending(routine);
    world.sim.close_handle(file).expect("close");
    client.close();
    world.end();
    reached
}

#[test]
fn every_single_failure_is_survived_by_everything() {
    let mut failures = 0;
    for routine in [
        "ExAllocatePoolWithTag",
        "FltAllocateContext",
        "FltSetStreamContext",
        "FltSetInstanceContext",
        "FltRegisterForDataScan",
        "FltCreateSectionForDataScan",
        "FltQueryInformationFile",
        "ZwMapViewOfSection",
        "ZwCreateSection",
        "ObReferenceObjectByHandle",
    ] {
        let reached = (1..).take_while(|nth| scenario(routine, *nth)).count();
        assert!(reached > 0, "{routine} is never called");
        println!("{routine}: {reached}");
        failures += reached;
    }
    println!("{failures} failures, one at a time");
    assert!(failures > 40);
}

/// The client's device handle needs memory too.
#[test]
fn the_control_device_is_refused_without_memory() {
    let world = World::new();
    world.sim.fail_nth("ExAllocatePoolWithTag", 1);
    assert!(world.sim.open_device(daxflush_protocol::USER_PATH).is_err());
    Client::open(&world.sim).close();
    world.end();
}

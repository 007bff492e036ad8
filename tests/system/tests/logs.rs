//! Dirty logs: exact for honest programs, and for others a cost to nobody but themselves.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use daxflush_protocol::{
    AttachLogRequest, FileRange, Ioctl, LogReply, MAX_LOG_ENTRIES, log_bytes, log_layout,
};
use daxflush_system_tests::{Client, World, whole};
use ntsim::{Access, Disposition, FlushKind, Handle, MappedView, NtStatus, SharedView, Sim};
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
};
use zerocopy::IntoBytes;

const SIZE: u64 = 256 << 10;
const ENTRIES: u32 = 64;

/// A program with a mapped file and a dirty log.
struct Program {
    file: Handle,
    view: MappedView,
    client: Client,
    reply: LogReply,
    log: SharedView,
    tail: u64,
}

impl Program {
    fn start(world: &mut World, name: &str) -> Self {
        let file = world.open(name);
        world.truncate(file, SIZE);
        let client = Client::open(&world.sim);
        let reply = client.create_log(file, ENTRIES).expect("a log");
        let view = world.sim.map_view(file, 0, SIZE, true).expect("a view");
        assert_eq!(reply.bytes, log_bytes(ENTRIES) as u64);
        let log = world
            .sim
            .shared_view(reply.address, reply.bytes as usize)
            .expect("the log is mapped");
        Self {
            file,
            view,
            client,
            reply,
            log,
            tail: 0,
        }
    }

    /// CPU stores, of which the log is told.
    fn store(&mut self, world: &mut World, offset: u64, length: u64) {
        self.store_silently(world, offset, length);
        self.append(offset, length);
    }

    fn store_silently(&self, world: &mut World, offset: u64, length: u64) {
        let data = world.data(self.file, offset, length);
        self.view.store(offset, &data);
        world.model(self.file, |model| model.store(offset, &data));
    }

    fn append(&mut self, offset: u64, length: u64) {
        let head = self.log.load(log_layout::HEAD / 8);
        if self.tail - head >= u64::from(ENTRIES) {
            return self.log.store(log_layout::OVERFLOW / 8, 1);
        }
        let slot = log_layout::ENTRIES / 8 + 2 * (self.tail % u64::from(ENTRIES)) as usize;
        self.log.store(slot, offset);
        self.log.store(slot + 1, length);
        self.tail += 1;
        self.log.store(log_layout::TAIL / 8, self.tail);
    }

    /// Lets go of everything, without a word about the log.
    fn leave(self, sim: &Sim) {
        self.client.close();
        sim.unmap_shared(self.reply.address).expect("unmapped");
        sim.unmap_view(self.view);
        sim.close_handle(self.file).expect("close");
    }

    /// Ends as a program should, and is exact to the end.
    fn end(self, world: &mut World) {
        self.client.close_log(self.reply.log).expect("closed");
        world
            .sim
            .unmap_shared(self.reply.address)
            .expect("unmapped");
        world.sim.unmap_view(self.view);
        // Nobody reports any more, and the section might still be somewhere.
        world.commits_anyhow("the end", &[whole(self.file)], |sim| {
            sim.close_handle(self.file)
        });
        self.client.close();
    }
}

#[test]
fn every_commit_takes_what_the_log_holds() {
    let mut world = World::new();
    let mut program = Program::start(&mut world, "a");
    let file = program.file;
    let volume = world.sim.open_volume('D').expect("the volume");
    for round in 0..6 {
        for n in 0..40 {
            program.store(&mut world, (round * 997 + n * 6151) % (SIZE - 100), 1 + n);
        }
        world.write(file, round * 4096, 100);
        let client = &program.client;
        match round % 3 {
            0 => world.flush(file),
            1 => world.commits("a volume flush", &[whole(file)], |sim| {
                sim.flush_file(volume, FlushKind::Normal)
            }),
            _ => world.commits("the IOCTL", &[whole(file)], |_| {
                client.commit(file, FileRange::default()).map(|_| ())
            }),
        }
    }
    assert_eq!(program.client.statistics().log_entries, 6 * 40);
    assert_eq!(program.client.statistics().log_overflows, 0);
    world.sim.close_handle(volume).expect("close");
    program.end(&mut world);
    world.end();
}

/// A handle that can write, in the process that calls.
fn open_existing(sim: &Sim, name: &str) -> Handle {
    let path = format!(r"D:\{name}");
    let file = sim.create_file(&path, Access::ReadWrite, Disposition::OpenExisting);
    file.expect("the file")
}

fn attach(client: &Client, log: u64, file: Handle) -> Result<LogReply, NtStatus> {
    let file = file.as_raw();
    client.ask(Ioctl::AttachLog, AttachLogRequest { log, file }.as_bytes())
}

/// A second process takes the log over through a duplicated handle of the device; the first ends.
#[test]
fn another_process_goes_on_appending() {
    const OTHER: u64 = 0x2000;
    let mut world = World::new();
    let mut program = Program::start(&mut world, "a");
    let (sim, file) = (world.sim.clone(), program.file);
    program.store(&mut world, 5000, 100);
    let device = sim
        .duplicate_device_handle(program.client.device, OTHER)
        .expect("a handle");
    let (own, reply) = sim.in_process(OTHER, || {
        let own = open_existing(&sim, "a");
        let client = Client::over(&sim, device);
        let reply = attach(&client, program.reply.log, own);
        (own, reply.expect("attached"))
    });
    let (view, log) = sim.in_process(OTHER, || {
        let view = sim.map_view(own, 0, SIZE, true).expect("a view");
        let log = sim.shared_view(reply.address, reply.bytes as usize);
        (view, log.expect("the log is mapped"))
    });
    // What the first has appended is there, and the second goes on behind it.
    let mut second = Program {
        file: own,
        view,
        client: Client::over(&sim, device),
        reply,
        log,
        tail: program.tail,
    };
    sim.in_process(OTHER, || second.store(&mut world, 9000, 64));
    // One file and one model: both handles name it.
    world.commits("both processes' stores", &[whole(file)], |_| {
        program
            .client
            .commit(file, FileRange::default())
            .map(|_| ())
    });
    // The first lets go of everything, and the log stays.
    sim.unmap_view(program.view);
    sim.unmap_shared(program.reply.address).expect("unmapped");
    sim.close_handle(file).expect("close");
    program.client.close();
    sim.in_process(OTHER, || {
        second.store(&mut world, 20_000, 640);
        world.commits("the second's stores", &[whole(own)], |sim| {
            sim.flush_file_buffers(own)
        });
        second.end(&mut world);
    });
    world.end();
}

#[test]
fn a_commit_of_a_range_takes_the_log_and_keeps_the_rest_dirty() {
    let mut world = World::new();
    let mut program = Program::start(&mut world, "a");
    let file = program.file;
    (0..30).for_each(|n| program.store(&mut world, n * 8000, 64));
    let range = FileRange {
        offset: 8000,
        length: 16_000,
    };
    world.commits("a range", &[(file, Some(8000..24_000))], |_| {
        program.client.commit(file, range).map(|_| ())
    });
    world.flush(file);
    program.end(&mut world);
    world.end();
}

#[test]
fn an_overflow_costs_the_file_and_loses_nothing() {
    let mut world = World::new();
    let mut program = Program::start(&mut world, "a");
    let file = program.file;
    (0..100).for_each(|n| program.store(&mut world, n * 1000, 8));
    let flushed = world.commits_anyhow("a flush", &[whole(file)], |sim| {
        sim.flush_file_buffers(file)
    });
    assert_eq!(flushed, SIZE / 64);
    assert_eq!(program.client.statistics().log_overflows, 1);
    program.store(&mut world, 5000, 8);
    world.flush(file);
    program.end(&mut world);
    world.end();
}

/// Whatever a program writes into its log, another file costs what it did, and no rule is broken.
#[test]
fn nonsense_in_a_log_is_the_programs_own_cost() {
    let words = [
        (log_layout::TAIL, u64::MAX),
        (log_layout::TAIL, 1 << 40),
        (log_layout::HEAD, 0x1234_5678),
        (log_layout::MAGIC, u64::MAX),
        (log_layout::OVERFLOW, u64::MAX),
        (log_layout::ENTRIES, u64::MAX),
        (log_layout::ENTRIES + 8, u64::MAX),
    ];
    for (at, value) in words {
        let mut world = World::new();
        let mut program = Program::start(&mut world, "a");
        let other = world.open("b");
        world.write(other, 0, 5000);
        program.store(&mut world, 100, 8);
        program.log.store(at / 8, value);
        let file = program.file;
        world.commits_anyhow("a flush", &[whole(file)], |sim| {
            sim.flush_file_buffers(file)
        });
        world.flush(other);
        world.close(other);
        program.end(&mut world);
        world.end();
    }
}

#[test]
fn a_log_that_goes_with_its_handle_costs_the_file() {
    for by_device in [false, true] {
        let mut world = World::new();
        let mut program = Program::start(&mut world, "a");
        let other = world.open("a");
        program.store(&mut world, 100, 8);
        world.flush(other);
        // The program dies between a store and its entry.
        program.store_silently(&mut world, 70_000, 8);
        let views = world.sim.system_views();
        let Program {
            file,
            view,
            client,
            reply,
            ..
        } = program;
        if by_device {
            client.close();
            let flushed = world.commits_anyhow("a flush", &[whole(other)], |sim| {
                sim.flush_file_buffers(other)
            });
            assert_eq!(flushed, SIZE / 64);
            world.sim.close_handle(file).expect("close");
        } else {
            let flushed = world.commits_anyhow("the end of the handle", &[whole(other)], |sim| {
                sim.close_handle(file)
            });
            assert_eq!(flushed, SIZE / 64);
            assert_eq!(client.close_log(reply.log), Ok(()), "already ended");
            client.close();
        }
        world.sim.unmap_shared(reply.address).expect("unmapped");
        assert!(world.sim.system_views() < views);
        world.sim.unmap_view(view);
        world.sim.close_handle(other).expect("close");
        world.end();
    }
}

#[test]
fn what_was_stored_before_there_was_a_log_is_not_lost() {
    let mut world = World::new();
    let client = Client::open(&world.sim);
    let file = world.open("a");
    world.truncate(file, SIZE);
    let view = world.sim.map_view(file, 0, SIZE, true).expect("a view");
    let data = world.data(file, 70_000, 8);
    view.store(70_000, &data);
    world.model(file, |model| model.store(70_000, &data));
    let log = client.create_log(file, ENTRIES).expect("a log");
    let flushed = world.commits_anyhow("a flush", &[whole(file)], |sim| {
        sim.flush_file_buffers(file)
    });
    assert_eq!(flushed, SIZE / 64);
    // From then on the log is believed.
    world.flush(file);
    client.close_log(log.log).expect("closed");
    world.sim.unmap_shared(log.address).expect("unmapped");
    world.sim.unmap_view(view);
    world.commits_anyhow("the end", &[whole(file)], |sim| sim.close_handle(file));
    client.close();
    world.end();
}

/// A second process has the file mapped, and a duplicate of the first one's handle of the device; it has
/// told nobody of anything yet.
struct Second {
    own: Handle,
    view: MappedView,
    client: Client,
}

impl Second {
    const PROCESS: u64 = 0x2000;

    fn start(first: &Program, sim: &Sim) -> Self {
        let device = sim.duplicate_device_handle(first.client.device, Self::PROCESS);
        let client = Client::over(sim, device.expect("a handle"));
        sim.in_process(Self::PROCESS, || {
            let own = open_existing(sim, "a");
            let view = sim.map_view(own, 0, SIZE, true).expect("a view");
            Self { own, view, client }
        })
    }

    fn end(self, sim: &Sim, reply: &LogReply) {
        sim.in_process(Self::PROCESS, || {
            sim.unmap_shared(reply.address).expect("unmapped");
            sim.unmap_view(self.view);
            sim.close_handle(self.own).expect("close");
            self.client.close();
        });
    }
}

/// What a process has stored before it attached to another's log stands in none, and nobody would ever
/// flush it.
#[test]
fn what_was_stored_before_a_log_was_attached_is_not_lost() {
    type Point = fn(&Sim, &Client, Handle, Handle) -> Result<(), NtStatus>;
    let points: [(&str, Point); 4] = [
        ("a flush", |sim, _, file, _| sim.flush_file_buffers(file)),
        ("the IOCTL", |_, client, file, _| {
            client.commit(file, FileRange::default()).map(|_| ())
        }),
        ("a volume flush", |sim, _, _, volume| {
            sim.flush_file_buffers(volume)
        }),
        ("a detach", |sim, _, _, _| sim.detach('D')),
    ];
    for (what, point) in points {
        let mut world = World::new();
        let mut program = Program::start(&mut world, "a");
        let (sim, file) = (world.sim.clone(), program.file);
        let volume = sim.open_volume('D').expect("the volume");
        program.store(&mut world, 5000, 100);
        world.flush(file);
        // Nobody is silent until now.
        let second = Second::start(&program, &sim);
        let data = world.data(file, 70_000, 8);
        second.view.store(70_000, &data);
        world.model(file, |model| model.store(70_000, &data));
        let log = program.reply.log;
        let reply = sim.in_process(Second::PROCESS, || {
            attach(&second.client, log, second.own).expect("attached")
        });
        assert!(world.would_lose(file), "so there is something to test");
        let flushed = world.commits_anyhow(what, &[whole(file)], |sim| {
            point(sim, &program.client, file, volume)
        });
        assert_eq!(flushed, SIZE / 64, "{what}");
        if what != "a detach" {
            // From then on the log is believed.
            program.store(&mut world, 9000, 64);
            world.flush(file);
        }
        sim.close_handle(volume).expect("close");
        second.end(&sim, &reply);
        program.leave(&sim);
        world.end();
    }
}

/// Another thread of the process that attaches commits and then stores, whenever the driver is about to
/// take a lock.
#[test]
fn what_is_stored_while_a_log_is_being_attached_is_not_lost() {
    for nth in 1.. {
        let mut world = World::new();
        let program = Program::start(&mut world, "a");
        let (sim, file) = (world.sim.clone(), program.file);
        let second = Arc::new(Second::start(&program, &sim));
        let data = world.data(file, 70_000, 8);
        let (hooked, stored, count) = (second.clone(), data.clone(), AtomicU64::new(0));
        let reached = Arc::new(AtomicBool::new(false));
        let (machine, told) = (sim.clone(), reached.clone());
        sim.set_call_hook(Some(Box::new(move |routine| {
            if routine == "FltAcquirePushLockExclusive" && count.fetch_add(1, SeqCst) + 1 == nth {
                machine.flush_file_buffers(hooked.own).expect("a flush");
                hooked.view.store(70_000, &stored);
                told.store(true, SeqCst);
            }
        })));
        let log = program.reply.log;
        let reply = sim.in_process(Second::PROCESS, || {
            attach(&second.client, log, second.own).expect("attached")
        });
        sim.set_call_hook(None);
        let reached = reached.load(SeqCst);
        if reached {
            world.model(file, |model| model.store(70_000, &data));
            world.commits_anyhow("a flush", &[whole(file)], |sim| {
                sim.flush_file_buffers(file)
            });
        }
        let second = Arc::into_inner(second).expect("no hook");
        second.end(&sim, &reply);
        program.leave(&sim);
        world.end();
        if !reached {
            assert!(nth > 1, "no lock is ever taken");
            break;
        }
    }
}

/// A program that also reports is believed to report, so only its log's end tells that it may have
/// died between a store and its entry.
#[test]
fn a_log_that_is_abandoned_costs_the_file_even_of_who_reports() {
    let mut world = World::new();
    let mut program = Program::start(&mut world, "a");
    let other = world.open("a");
    program.store(&mut world, 100, 8);
    let range = FileRange {
        offset: 100,
        length: 8,
    };
    program
        .client
        .mark(program.file, &[range])
        .expect("a report");
    world.flush(other);
    program.store_silently(&mut world, 70_000, 8);
    let Program {
        file,
        view,
        client,
        reply,
        ..
    } = program;
    client.close();
    let flushed = world.commits_anyhow("a flush", &[whole(other)], |sim| {
        sim.flush_file_buffers(other)
    });
    assert_eq!(flushed, SIZE / 64);
    world.sim.unmap_shared(reply.address).expect("unmapped");
    world.sim.unmap_view(view);
    for handle in [file, other] {
        world.sim.close_handle(handle).expect("close");
    }
    world.end();
}

#[test]
fn the_end_of_a_process_ends_its_logs() {
    let mut world = World::new();
    let other = world.open("a");
    let sim = world.sim.clone();
    let view = sim.in_process(0x2000, || {
        let mut program = Program::start(&mut world, "a");
        program.store(&mut world, 100, 8);
        program.store_silently(&mut world, 70_000, 8);
        program.view
    });
    let flushed = world.commits_anyhow("the end of a process", &[whole(other)], |sim| {
        sim.exit_process(0x2000);
        sim.flush_file_buffers(other)
    });
    assert!(flushed >= SIZE / 64);
    sim.unmap_view(view);
    world.sim.close_handle(other).expect("close");
    world.end();
}

#[test]
fn who_maps_and_reports_nothing_makes_the_file_count_as_dirty_for_all() {
    let mut world = World::new();
    let mut program = Program::start(&mut world, "a");
    let file = program.file;
    let sim = world.sim.clone();
    let silent = sim.in_process(0x2000, || {
        let file = open_existing(&sim, "a");
        let view = sim.map_view(file, 0, SIZE, true).expect("a view");
        (file, view)
    });
    program.store(&mut world, 100, 8);
    let data = world.data(file, 50_000, 8);
    silent.1.store(50_000, &data);
    world.model(file, |model| model.store(50_000, &data));
    let flushed = world.commits_anyhow("a flush", &[whole(file)], |sim| {
        sim.flush_file_buffers(file)
    });
    assert_eq!(flushed, SIZE / 64);
    // From its first report on it is believed.
    sim.in_process(0x2000, || {
        let client = Client::open(&sim);
        let range = FileRange {
            offset: 50_000,
            length: 8,
        };
        let data = world.data(silent.0, 50_000, 8);
        silent.1.store(50_000, &data);
        world.model(silent.0, |model| model.store(50_000, &data));
        client.mark(silent.0, &[range]).expect("a report");
        client.close();
    });
    world.flush(file);
    sim.in_process(0x2000, || {
        sim.unmap_view(silent.1);
        world.close(silent.0);
    });
    program.end(&mut world);
    world.end();
}

#[test]
fn requests_for_logs_are_checked() {
    let mut world = World::new();
    let client = Client::open(&world.sim);
    let file = world.open("a");
    world.write(file, 0, 100);
    world.flush(file);
    let views = world.sim.system_views();
    for entries in [
        0,
        1,
        32,
        63,
        65,
        100,
        MAX_LOG_ENTRIES + 1,
        MAX_LOG_ENTRIES * 2,
        u32::MAX,
    ] {
        let refused = client.create_log(file, entries).map(|_| ());
        assert_eq!(refused, Err(NtStatus::INVALID_PARAMETER), "{entries}");
    }
    let reader = world.open_to_read("a");
    let refused = client.create_log(reader, 64).map(|_| ());
    assert_eq!(refused, Err(NtStatus::ACCESS_DENIED));
    let foreign = world.sim.in_process(0x2000, || {
        let client = Client::open(&world.sim);
        let refused = client.create_log(file, 64).map(|_| ());
        client.close();
        refused
    });
    assert_eq!(foreign, Err(NtStatus::INVALID_HANDLE));
    let other = Client::open(&world.sim);
    let log = client.create_log(file, 64).expect("a log");
    assert_eq!(other.close_log(log.log), Err(NtStatus::INVALID_PARAMETER));
    assert_eq!(
        client.close_log(log.log + 1),
        Err(NtStatus::INVALID_PARAMETER)
    );
    assert_eq!(client.close_log(log.log), Ok(()));
    assert_eq!(client.close_log(log.log), Err(NtStatus::INVALID_PARAMETER));
    world.sim.unmap_shared(log.address).expect("unmapped");
    assert_eq!(world.sim.system_views(), views, "nothing is left of them");
    for handle in [reader, file] {
        world.sim.close_handle(handle).expect("close");
    }
    other.close();
    client.close();
    world.end();
}

#[test]
fn logs_that_ended_with_their_files_take_no_room() {
    let mut world = World::new();
    let client = Client::open(&world.sim);
    for _ in 0..70 {
        let file = world.open("a");
        world.truncate(file, 8192);
        let log = client.create_log(file, 64).expect("a log");
        world.commits_anyhow("the end of a file", &[whole(file)], |sim| {
            sim.close_handle(file)
        });
        world.sim.unmap_shared(log.address).expect("unmapped");
    }
    client.close();
    world.end();
}

#[test]
fn logs_are_limited() {
    let mut world = World::new();
    let client = Client::open(&world.sim);
    let file = world.open("a");
    world.write(file, 0, 100);
    let logs: Vec<_> = (0..64)
        .map(|_| client.create_log(file, 64).expect("a log"))
        .collect();
    let refused = client.create_log(file, 64).map(|_| ());
    assert_eq!(refused, Err(NtStatus::QUOTA_EXCEEDED));
    let other = Client::open(&world.sim);
    let refused = other.create_log(file, 64).map(|_| ());
    assert_eq!(refused, Err(NtStatus::QUOTA_EXCEEDED), "of the stream");
    client.close_log(logs[0].log).expect("closed");
    let again = other.create_log(file, 64).expect("room for one");
    other.close_log(again.log).expect("closed");
    for log in logs.iter().chain([&again]) {
        world.sim.unmap_shared(log.address).expect("unmapped");
    }
    client.close();
    other.close();
    world.commits_anyhow("the end", &[whole(file)], |sim| sim.close_handle(file));
    world.end();
}

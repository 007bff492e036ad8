//! Commits without a drain: nothing is durable for certain until the drain, or a later commit of the
//! stream by anybody, has succeeded; then all of it is, and no line was flushed twice.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use daxflush_protocol::{FileRange, volume_flag, write_flag};
use daxflush_system_tests::{Client, World, driver, whole};
use ntsim::{
    CreateFileOptions, CutPolicy, FsEvent, Handle, NtStatus, Sim, SimOptions, WriteOptions,
};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
};

/// IRP_MJ_PNP
const PNP: u8 = 0x1b;
const ALL: FileRange = FileRange {
    offset: 0,
    length: 0,
};

/// Some lines here and there; returns how many.
fn scatter(world: &mut World, file: Handle) -> u64 {
    for (offset, length) in [(0, 10), (4090, 12), (10_000, 300), (64 << 10, 64)] {
        world.write(file, offset, length);
    }
    1 + 2 + 5 + 1
}

/// Runs a request on another processor.
fn elsewhere<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(work).join().expect("another thread"))
}

/// Begins a commit of all of a file, which flushes so many lines and makes nothing durable.
fn begin(world: &mut World, client: &Client, file: Handle, lines: u64) {
    let flushed = world.begins("a commit without a drain", |_| {
        assert_eq!(client.begin(file, ALL), Ok(lines));
        Ok(())
    });
    assert_eq!(flushed, lines);
}

#[test]
fn without_a_drain_a_power_cut_loses_something() {
    let mut world = World::new();
    let client = Client::open(&world.sim);
    let file = world.open("a");
    let lines = scatter(&mut world, file);
    let fences = world.sim.observed().fences;
    begin(&mut world, &client, file, lines);
    assert_eq!(world.sim.observed().fences, fences);
    assert!(world.would_lose(file), "so there is something to test");
    assert_eq!(client.statistics().dirty_lines, 0);
    assert_eq!(client.statistics().drains, 0);
    assert_eq!(client.drain(), Ok(1));
    assert!(!world.would_lose(file));
    assert_eq!(client.statistics().drains, 1);
    world.model(file, |model| model.commit());
    world.close(file);
    client.close();
    world.end();
}

#[test]
fn a_drain_executes_a_fence_and_no_flush() {
    for other in [false, true] {
        let mut world = World::new();
        let client = Client::open(&world.sim);
        let file = world.open("a");
        for _ in 0..2 {
            let lines = scatter(&mut world, file);
            begin(&mut world, &client, file, lines);
            let fences = world.sim.observed().fences;
            let flushed = world.commits_anyhow("a drain", &[whole(file)], |_| {
                let drain = || client.drain();
                let drained = if other { elsewhere(drain) } else { drain() };
                assert_eq!(drained, Ok(1));
                Ok(())
            });
            assert_eq!(flushed, 0);
            assert!(world.sim.observed().fences > fences);
            let fences = world.sim.observed().fences;
            assert_eq!(client.drain(), Ok(0), "nothing is left to drain");
            assert_eq!(world.sim.observed().fences, fences);
        }
        world.close(file);
        client.close();
        world.end();
    }
}

#[test]
fn a_commit_of_a_range_without_a_drain_leaves_the_rest_dirty() {
    let mut world = World::new();
    let client = Client::open(&world.sim);
    let file = world.open("a");
    let lines = scatter(&mut world, file);
    let range = FileRange {
        offset: 4096,
        length: 8192,
    };
    let flushed = world.begins("a range", |_| client.begin(file, range).map(|_| ()));
    assert_eq!(flushed, 1 + 5);
    assert_eq!(client.statistics().dirty_lines, lines - 6);
    let scope = (file, Some(4096..12_288));
    let again = world.commits_anyhow("a drain", &[scope], |_| client.drain().map(|_| ()));
    assert_eq!(again, 0);
    world.flush(file);
    world.close(file);
    client.close();
    world.end();
}

/// Every commit point, and how many of the later lines it takes with it.
#[test]
fn any_later_commit_drains_and_flushes_only_what_is_new() {
    type Point = fn(&Sim, &Client, Handle, Handle) -> Result<(), NtStatus>;
    let points: [(&str, Point); 7] = [
        ("a flush", |sim, _, file, _| sim.flush_file_buffers(file)),
        ("the IOCTL", |_, client, file, _| {
            client.commit(file, ALL).map(|_| ())
        }),
        ("a volume flush", |sim, _, _, volume| {
            sim.flush_file_buffers(volume)
        }),
        ("a flush elsewhere", |sim, _, file, _| {
            elsewhere(|| sim.flush_file_buffers(file))
        }),
        ("a volume flush elsewhere", |sim, _, _, volume| {
            elsewhere(|| sim.flush_file_buffers(volume))
        }),
        ("another's cleanup", |sim, _, _, _| {
            sim.close_handle(sim.create_file_with(r"D:\a", CreateFileOptions::default())?)
        }),
        ("a detach", |sim, _, _, _| sim.detach('D')),
    ];
    for (what, point) in points {
        for more in [false, true] {
            let mut world = World::new();
            let client = Client::open(&world.sim);
            let other = Client::open(&world.sim);
            let file = world.open("a");
            let volume = world.sim.open_volume('D').expect("the volume");
            let lines = scatter(&mut world, file);
            begin(&mut world, &client, file, lines);
            assert!(world.would_lose(file));
            if more {
                // A line that was flushed, and one that never was.
                world.write(file, 10_000, 1);
                world.write(file, 100_000, 1);
            }
            let flushed =
                world.commits_anyhow(what, &[whole(file)], |sim| point(sim, &other, file, volume));
            assert_eq!(flushed, 2 * u64::from(more), "{what}");
            for handle in [volume, file] {
                world.sim.close_handle(handle).expect("close");
            }
            client.close();
            other.close();
            world.end();
        }
    }
}

#[test]
fn an_unload_drains() {
    let mut world = World::new();
    let client = Client::open(&world.sim);
    let file = world.open("a");
    let lines = scatter(&mut world, file);
    begin(&mut world, &client, file, lines);
    // With the handle open only a mandatory one is possible.
    world.sim.unload_driver("daxflush").expect_err("refused");
    assert!(!world.would_lose(file), "but it has committed by then");
    world.model(file, |model| model.commit());
    let lines = scatter(&mut world, file);
    begin(&mut world, &client, file, lines);
    client.close();
    world.commits_anyhow("an unload", &[whole(file)], |sim| {
        sim.unload_driver("daxflush").expect("unloads");
        Ok(())
    });
    world.sim.close_handle(file).expect("close");
    assert_eq!(world.sim.violations(), []);
}

#[test]
fn a_write_through_drains_what_was_begun() {
    let mut world = World::new();
    let client = Client::open(&world.sim);
    let file = world.open("a");
    let lines = scatter(&mut world, file);
    begin(&mut world, &client, file, lines);
    let through = WriteOptions {
        write_through: true,
        ..WriteOptions::default()
    };
    let data = world.data(file, 200_000, 64);
    world.model(file, |model| model.store(200_000, &data));
    let flushed = world.commits_anyhow("a write-through", &[whole(file)], |sim| {
        let write = || sim.write_file_with(file, 200_000, &data, through);
        elsewhere(write).map(|_| ())
    });
    assert_eq!(flushed, 1);
    world.close(file);
    client.close();
    world.end();
}

#[test]
fn one_drain_ends_the_commits_of_several_files() {
    let mut world = World::new();
    let client = Client::open(&world.sim);
    let files = ["a", "b", "c", "d"].map(|name| world.open(name));
    for (n, file) in files.into_iter().enumerate() {
        let lines = scatter(&mut world, file);
        if n % 2 == 0 {
            begin(&mut world, &client, file, lines);
        } else {
            assert_eq!(elsewhere(|| client.begin(file, ALL)), Ok(lines));
        }
    }
    world.cut("before the drain");
    assert!(files.iter().all(|file| world.would_lose(*file)));
    let flushed = world.commits_anyhow("a drain", &files.map(whole), |_| {
        assert_eq!(client.drain(), Ok(4));
        Ok(())
    });
    assert_eq!(flushed, 0);
    files.into_iter().for_each(|file| world.close(file));
    client.close();
    world.end();
}

/// The second has to drain what the first has left on its own processor, before it is forgotten.
#[test]
fn commits_of_one_stream_on_two_processors_are_drained_by_one_drain() {
    let mut world = World::new();
    let client = Client::open(&world.sim);
    let file = world.open("a");
    let volume = world.sim.open_volume('D').expect("the volume");
    for by_drain in [true, false] {
        let lines = scatter(&mut world, file);
        assert_eq!(elsewhere(|| client.begin(file, ALL)), Ok(lines));
        world.write(file, 320_000, 100);
        begin(&mut world, &client, file, 2);
        world.write(file, 400_000, 1);
        assert_eq!(elsewhere(|| client.begin(file, ALL)), Ok(1));
        let flushed = world.commits_anyhow("the end", &[whole(file)], |sim| {
            if by_drain {
                return elsewhere(|| client.drain()).map(|_| ());
            }
            sim.flush_file_buffers(volume)
        });
        assert_eq!(flushed, 0);
    }
    world.close(file);
    world.sim.close_handle(volume).expect("close");
    client.close();
    world.end();
}

#[test]
fn the_end_of_the_device_handle_drains() {
    for by_exit in [false, true] {
        let mut world = World::new();
        let file = world.open("a");
        let lines = scatter(&mut world, file);
        let sim = world.sim.clone();
        if by_exit {
            sim.in_process(0x2000, || {
                let client = Client::open(&sim);
                let own = world.open("a");
                assert_eq!(elsewhere_in(&sim, || client.begin(own, ALL)), Ok(lines));
            });
            assert!(world.would_lose(file));
            world.commits("an exit", &[], |sim| {
                sim.exit_process(0x2000);
                Ok(())
            });
        } else {
            let client = Client::open(&sim);
            begin(&mut world, &client, file, lines);
            assert!(world.would_lose(file));
            elsewhere(|| client.close());
        }
        world.model(file, |model| model.commit());
        world.cut("after the end of the handle");
        world.close(file);
        world.end();
    }
}

/// As [`elsewhere`], in process 0x2000.
fn elsewhere_in<T: Send>(sim: &Sim, work: impl FnOnce() -> T + Send) -> T {
    elsewhere(|| sim.in_process(0x2000, work))
}

#[test]
fn a_duplicate_of_the_handle_drains_and_another_handle_does_not() {
    let mut world = World::new();
    let client = Client::open(&world.sim);
    let stranger = Client::open(&world.sim);
    let file = world.open("a");
    let lines = scatter(&mut world, file);
    begin(&mut world, &client, file, lines);
    assert_eq!(stranger.drain(), Ok(0));
    assert!(
        world.would_lose(file),
        "a stranger's drain promises nothing"
    );
    let sim = world.sim.clone();
    let copy = sim.duplicate_device_handle(client.device, 0x2000);
    let copy = copy.expect("a duplicate");
    // The first handle goes, and the file object stays.
    client.close();
    assert!(world.would_lose(file));
    world.commits_anyhow("a drain", &[whole(file)], |sim| {
        sim.in_process(0x2000, || {
            let mut answer = [0; 16];
            let code = daxflush_protocol::Ioctl::Drain.code();
            sim.device_io_control(copy, code, &[], &mut answer)?;
            assert_eq!(answer[8..], 1_u64.to_le_bytes());
            Ok(())
        })
    });
    sim.in_process(0x2000, || sim.close_handle(copy))
        .expect("close");
    world.close(file);
    stranger.close();
    world.end();
}

#[test]
fn when_the_device_is_gone_a_drain_fails_and_the_lines_are_dirty_again() {
    let mut world = World::new();
    let client = Arc::new(Client::open(&world.sim));
    let file = world.open("a");
    let lines = scatter(&mut world, file);
    begin(&mut world, &client, file, lines);
    assert_eq!(client.statistics().dirty_lines, 0);
    let fences = world.sim.observed().fences;
    let (hooked, seen) = (client.clone(), Arc::new(AtomicU64::new(0)));
    let dirty = seen.clone();
    world.sim.set_file_system_hook(Some(Box::new(move |event| {
        if matches!(event, FsEvent::AfterAction { major: PNP, .. }) {
            let drained = hooked.drain();
            assert_eq!(drained, Err(NtStatus::DEVICE_DOES_NOT_EXIST));
            dirty.store(hooked.statistics().dirty_lines, SeqCst);
        }
    })));
    world.sim.surprise_remove('D').expect("gone");
    world.sim.set_file_system_hook(None);
    assert!(seen.load(SeqCst) >= lines);
    assert_eq!(world.sim.observed().fences, fences);
    assert_eq!(client.drain(), Ok(0));
    assert!(client.begin(file, ALL).is_err());
    world.sim.close_handle(file).expect("close");
    Arc::into_inner(client).expect("no hook").close();
    world.end();
}

/// Somebody else's commit was the first to find the device gone; who has begun a commit must hear it.
#[test]
fn a_drain_fails_although_another_commit_has_failed_before() {
    let mut world = World::new();
    let client = Client::open(&world.sim);
    let file = world.open("a");
    let lines = scatter(&mut world, file);
    begin(&mut world, &client, file, lines);
    world.sim.surprise_remove('D').expect("gone");
    assert!(world.sim.flush_file_buffers(file).is_err());
    assert!(world.would_lose(file));
    assert_eq!(client.drain(), Err(NtStatus::DEVICE_DOES_NOT_EXIST));
    assert_eq!(client.drain(), Ok(0));
    world.sim.close_handle(file).expect("close");
    client.close();
    world.end();
}

/// The device goes while a second commit without a drain flushes on another processor than the first.
#[test]
fn when_the_device_goes_between_two_commits_the_lines_of_both_are_dirty_again() {
    let mut world = World::new();
    let client = Arc::new(Client::open(&world.sim));
    let file = world.open("a");
    world.write(file, 0, 64);
    assert_eq!(elsewhere(|| client.begin(file, ALL)), Ok(1));
    world.write(file, 1 << 20, 192);
    let (sim, hooked) = (world.sim.clone(), client.clone());
    // What was dirty is looked at before the volume is torn down.
    let released = Arc::new(AtomicBool::new(false));
    let may_go = released.clone();
    world.sim.set_file_system_hook(Some(Box::new(move |event| {
        if matches!(event, FsEvent::AfterAction { major: PNP, .. }) {
            while !may_go.load(SeqCst) {
                std::thread::yield_now();
            }
        }
    })));
    let removing = Arc::new(Mutex::new(None));
    let started = removing.clone();
    world.sim.set_call_hook(Some(Box::new(move |routine| {
        // Behind the flushes.
        if routine == "KeGetCurrentProcessorNumberEx" {
            let sim = sim.clone();
            let thread = std::thread::spawn(move || sim.surprise_remove('D').expect("gone"));
            *started.lock().expect("a thread") = Some(thread);
            while hooked.volumes()[0].0.flags & volume_flag::REMOVED == 0 {
                std::thread::yield_now();
            }
        }
    })));
    let second = client.begin(file, ALL);
    world.sim.set_call_hook(None);
    let dirty = client.statistics().dirty_lines;
    released.store(true, SeqCst);
    let thread = removing.lock().expect("a thread").take();
    thread.expect("started").join().expect("removed");
    world.sim.set_file_system_hook(None);
    assert_eq!(second, Err(NtStatus::DEVICE_DOES_NOT_EXIST));
    assert_eq!(dirty, 4);
    world.sim.close_handle(file).expect("close");
    Arc::into_inner(client).expect("no hook").close();
    world.end();
}

/// A drain of another thread finds nothing yet when the commit has only announced itself.
#[test]
fn a_drain_between_the_announcement_and_the_commit_forgets_nothing() {
    for by_token in [false, true] {
        for nth in 1..12 {
            let mut world = World::new();
            let client = Arc::new(Client::open(&world.sim));
            let file = world.open("a");
            world.truncate(file, 8192);
            let token = client.get_token(file, 0..8192).expect("a token");
            world.write(file, 0, 64);
            let data = world.data(file, 4096, 64);
            let (hooked, count) = (client.clone(), AtomicU64::new(0));
            world.sim.set_call_hook(Some(Box::new(move |routine| {
                if routine == "FltAllocateContext" {
                    // For a section: the stream's turn has come, and a drain would wait for it.
                    count.store(u64::MAX / 2, SeqCst);
                } else if may_drain(routine) && count.fetch_add(1, SeqCst) + 1 == nth {
                    hooked.drain().expect("a drain");
                }
            })));
            let scope = if by_token {
                let flags = write_flag::FLUSH | write_flag::NO_DRAIN;
                let written = client.write_token(token, 4096, &data, flags);
                written.expect("written");
                world.model(file, |model| model.store(4096, &data));
                4096..4160
            } else {
                assert_eq!(client.begin(file, ALL), Ok(1));
                0..64
            };
            world.sim.set_call_hook(None);
            let scope = [(file, Some(scope))];
            world.commits_anyhow("a drain", &scope, |_| client.drain().map(|_| ()));
            world.close(file);
            Arc::into_inner(client).expect("no hook").close();
            world.end();
        }
    }
}

/// Of two drains through one handle at once the second finds nothing in the list, and waits for the
/// first all the same.
#[test]
fn a_drain_does_not_end_before_another_that_has_taken_its_streams() {
    let mut world = World::new();
    let client = Arc::new(Client::open(&world.sim));
    let file = world.open("a");
    let id = world.sim.file_id(file).expect("open");
    world.write(file, 0, 64);
    let data = world.model(file, |model| model.contents(0, 64));
    assert_eq!(elsewhere(|| client.begin(file, ALL)), Ok(1));
    let second = Arc::new(Mutex::new(None));
    let (sim, hooked, started) = (world.sim.clone(), client.clone(), second.clone());
    world.sim.set_call_hook(Some(Box::new(move |routine| {
        if routine != "KeSetSystemGroupAffinityThread" {
            return;
        }
        let mut started = started.lock().expect("a thread");
        if started.is_some() {
            return;
        }
        // The first is about to execute its fence.
        let (sim, client, data) = (sim.clone(), hooked.clone(), data.clone());
        *started = Some(std::thread::spawn(move || {
            let drained = client.drain();
            let mut found = vec![0; data.len()];
            sim.power_cut(CutPolicy::Durable).read(id, 0, &mut found);
            (drained, found == data)
        }));
        drop(started);
        std::thread::sleep(std::time::Duration::from_millis(50));
    })));
    assert_eq!(client.drain(), Ok(1));
    world.sim.set_call_hook(None);
    let thread = second.lock().expect("a thread").take();
    let found = thread.expect("started").join().expect("ended");
    assert_eq!(found, (Ok(0), true));
    world.model(file, |model| model.commit());
    world.close(file);
    Arc::into_inner(client).expect("no hook").close();
    world.end();
}

/// Routines that a request calls while it holds no lock that a drain waits for.
fn may_drain(routine: &str) -> bool {
    [
        "KeQueryInterruptTimePrecise",
        "ObReferenceObjectByHandle",
        "FltGetInstanceContext",
        "FltGetStreamContext",
        "FltReleaseContext",
        "FltObjectDereference",
    ]
    .contains(&routine)
}

#[test]
fn calls_that_fail_in_between_lose_nothing() {
    for routine in [
        "FltCreateSectionForDataScan",
        "ZwMapViewOfSection",
        "ExAllocatePoolWithTag",
        "FltAllocateContext",
        "ObReferenceObjectByHandle",
    ] {
        for nth in 1.. {
            let mut world = World::new();
            let client = Client::open(&world.sim);
            let file = world.open("a");
            let lines = scatter(&mut world, file);
            world.sim.fail_nth(routine, nth);
            let first = client.begin(file, ALL);
            // What failed is dirty still; what succeeded is not durable, and not dirty.
            assert!(first == Ok(lines) || client.statistics().dirty_lines == lines);
            world.cut("after a commit without a drain");
            world.write(file, 500_000, 1);
            let second = client.begin(file, ALL);
            world.cut("after another");
            let drained = client.drain();
            if drained.is_ok() && first.is_ok() && second.is_ok() {
                world.model(file, |model| model.commit());
            }
            world.cut("after a drain");
            let reached = !world.sim.is_failure_pending(routine);
            world.commits_anyhow("a flush", &[whole(file)], |sim| {
                sim.flush_file_buffers(file)
                    .or_else(|_| sim.flush_file_buffers(file))
            });
            world.sim.close_handle(file).expect("close");
            client.close();
            world.end();
            if !reached {
                assert!(nth > 1, "{routine} is never called");
                break;
            }
        }
    }
}

/// With no commit at the end of a handle nothing else remembers what was begun: neither the file's
/// next life nor the volume would know of it.
#[test]
fn what_was_begun_on_a_file_that_is_closed_is_not_forgotten() {
    for by_volume in [false, true] {
        let mut world = World::with(SimOptions::default(), &[("CleanupCommits", 0)]);
        let client = Client::open(&world.sim);
        let file = world.open("a");
        let id = world.sim.file_id(file).expect("open");
        let lines = scatter(&mut world, file);
        elsewhere(|| client.begin(file, ALL)).expect("begun");
        assert!(lines > 0 && world.would_lose(file));
        world.sim.close_handle(file).expect("close");
        if by_volume {
            let volume = world.sim.open_volume('D').expect("the volume");
            world.sim.flush_file_buffers(volume).expect("a flush");
            world.sim.close_handle(volume).expect("close");
            let file = world.open("a");
            assert_eq!(world.sim.file_id(file), Ok(id));
            world.model(file, |model| model.commit());
            world.cut("after a volume flush");
            world.sim.close_handle(file).expect("close");
        } else {
            let file = world.open("a");
            world.commits_anyhow("a flush", &[whole(file)], |sim| {
                sim.flush_file_buffers(file)
            });
            world.sim.close_handle(file).expect("close");
        }
        client.close();
        world.end();
    }
}

/// A request takes its file before the last handle goes, and flushes behind the cleanup. Its view keeps
/// the file until it has to make room; then neither the file's next life nor the volume would know of
/// what is not drained.
#[test]
fn what_is_begun_behind_the_cleanup_is_drained_when_the_stream_goes() {
    let settings = [("CleanupCommits", 0), ("MaxViews", 1)];
    for by_volume in [false, true] {
        let mut world = World::with(SimOptions::default(), &settings);
        let client = Client::open(&world.sim);
        let other = world.open("b");
        world.write(other, 0, 64);
        let file = world.open("a");
        let id = world.sim.file_id(file).expect("open");
        let lines = scatter(&mut world, file);
        let data = world.model(file, |model| model.contents(0, 10));
        let survives = |sim: &Sim| {
            let mut found = vec![0; data.len()];
            sim.power_cut(CutPolicy::Durable).read(id, 0, &mut found);
            found == data
        };
        let (sim, closed) = (world.sim.clone(), AtomicBool::new(false));
        world.sim.set_call_hook(Some(Box::new(move |routine| {
            // Behind the request's reference to the file, and before its turn.
            if routine == "FltGetStreamContext" && !closed.swap(true, SeqCst) {
                sim.close_handle(file).expect("close");
            }
        })));
        assert_eq!(elsewhere(|| client.begin(file, ALL)), Ok(lines));
        world.sim.set_call_hook(None);
        assert!(world.sim.file_id(file).is_err(), "the handle is gone");
        let streams = client.streams(client.volumes()[0].0.id).len();
        assert!(!survives(&world.sim), "so there is something to test");
        // The one view that may be goes to another file.
        world.flush(other);
        let left = client.streams(client.volumes()[0].0.id).len();
        assert_eq!(left, streams - 1, "the stream is gone");
        if by_volume {
            let volume = world.sim.open_volume('D').expect("the volume");
            world.sim.flush_file_buffers(volume).expect("a flush");
            world.sim.close_handle(volume).expect("close");
        }
        let file = world.open("a");
        assert_eq!(world.sim.file_id(file), Ok(id));
        if by_volume {
            world.model(file, |model| model.commit());
            world.cut("after a volume flush");
        } else {
            world.commits_anyhow("a flush", &[whole(file)], |sim| {
                sim.flush_file_buffers(file)
            });
        }
        assert!(survives(&world.sim));
        for handle in [file, other] {
            world.sim.close_handle(handle).expect("close");
        }
        client.close();
        world.end();
    }
}

#[test]
fn flags_and_rooms_are_checked_before_anything_is_flushed() {
    let mut world = World::new();
    let client = Client::open(&world.sim);
    let file = world.open("a");
    let lines = scatter(&mut world, file);
    let flushes = world.sim.observed().flushes;
    for flags in [2, 4, u32::MAX] {
        let refused = client.commit_as(file, ALL, flags).map(|_| ());
        assert_eq!(refused, Err(NtStatus::INVALID_PARAMETER));
    }
    let code = daxflush_protocol::Ioctl::Drain.code();
    assert_eq!(client.raw(code, &[0], 16).0, NtStatus::INVALID_PARAMETER);
    begin(&mut world, &client, file, lines);
    let flushes = flushes + lines;
    // Without room for the answer nothing was done: it is to be drained still.
    assert_eq!(client.raw(code, &[], 7).0, NtStatus::BUFFER_TOO_SMALL);
    assert_eq!(client.raw(code, &[], 8).0, NtStatus::BUFFER_OVERFLOW);
    assert!(world.would_lose(file));
    assert_eq!(world.sim.observed().flushes, flushes);
    assert_eq!(client.drain(), Ok(1));
    world.model(file, |model| model.commit());
    world.close(file);
    client.close();
    world.end();
}

#[test]
fn streams_to_be_drained_are_limited() {
    let mut world = World::new();
    let client = Client::open(&world.sim);
    let files: Vec<_> = (0..257)
        .map(|n| {
            let file = world.open(&format!("f{n}"));
            world.write(file, 0, 64);
            file
        })
        .collect();
    for file in &files[..256] {
        assert_eq!(client.begin(*file, ALL), Ok(1));
    }
    let refused = client.begin(files[256], ALL);
    assert_eq!(refused, Err(NtStatus::QUOTA_EXCEEDED));
    assert_eq!(client.begin(files[0], ALL), Ok(0), "one that is known");
    let scopes: Vec<_> = files[..256].iter().map(|file| whole(*file)).collect();
    world.commits_anyhow("a drain", &scopes, |_| {
        assert_eq!(client.drain(), Ok(256));
        Ok(())
    });
    files.into_iter().for_each(|file| world.close(file));
    client.close();
    world.end();
}

/// A machine on which the driver was loaded again starts with nothing to drain.
#[test]
fn a_new_driver_knows_of_nothing_to_drain() {
    let mut world = World::new();
    let file = world.open("a");
    let lines = scatter(&mut world, file);
    let client = Client::open(&world.sim);
    begin(&mut world, &client, file, lines);
    client.close();
    world.model(file, |model| model.commit());
    world.sim.unload_driver("daxflush").expect("unloads");
    world.sim.load_driver(&driver(), "daxflush").expect("loads");
    world.watch();
    let client = Client::open(&world.sim);
    assert_eq!(client.drain(), Ok(0));
    client.close();
    world.close(file);
    world.end();
}

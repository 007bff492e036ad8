//! Failures, races, and limits.

use crate::{ALL, begin, elsewhere, scatter};
use daxflush_protocol::{volume_flag, write_flag};
use daxflush_system_tests::{Client, World, whole};
use ntsim::{CutPolicy, FsEvent, NtStatus};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
};

/// IRP_MJ_PNP
const PNP: u8 = 0x1b;

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

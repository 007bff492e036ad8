//! The ends of files and of device handles.

use crate::{ALL, begin, elsewhere, scatter};
use daxflush_system_tests::{Client, World, driver, whole};
use ntsim::{CutPolicy, Sim, SimOptions};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

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

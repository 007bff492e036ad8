//! What a commit without a drain does, and what drains it.

use crate::{ALL, begin, elsewhere, scatter};
use daxflush_protocol::FileRange;
use daxflush_system_tests::{Client, World, whole};
use ntsim::{CreateFileOptions, Handle, NtStatus, Sim, WriteOptions};

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

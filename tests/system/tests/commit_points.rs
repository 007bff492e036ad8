//! Every commit point: what it covers is durable when it succeeds, whatever instruction the power goes
//! at, and nothing else is flushed.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use daxflush_protocol::FileRange;
use daxflush_system_tests::{Client, World, whole};
use ntsim::{CreateFileOptions, FlushKind, NtStatus, SimOptions, WriteOptions};

const KINDS: [FlushKind; 5] = [
    FlushKind::Normal,
    FlushKind::DataOnly,
    FlushKind::NoSync,
    FlushKind::DataSyncOnly,
    FlushKind::AndPurge,
];

/// Some lines here and there.
fn scatter(world: &mut World, file: ntsim::Handle) {
    for (offset, length) in [
        (0, 10),
        (4090, 12),
        (10_000, 300),
        (64 << 10, 64),
        (200_000, 1),
    ] {
        world.write(file, offset, length);
    }
}

#[test]
fn a_flush_of_any_kind_commits_the_file() {
    let mut world = World::new();
    let file = world.open("a");
    for kind in KINDS {
        for _ in 0..2 {
            scatter(&mut world, file);
            world.commits("a flush", &[whole(file)], |sim| sim.flush_file(file, kind));
        }
        world.commits("nothing to flush", &[whole(file)], |sim| {
            sim.flush_file(file, kind)
        });
    }
    world.close(file);
    world.end();
}

#[test]
fn a_purge_finds_no_view_in_its_way() {
    let mut world = World::new();
    let client = Client::open(&world.sim);
    let file = world.open("a");
    scatter(&mut world, file);
    world.flush(file);
    assert_eq!(
        (world.sim.open_sections(), world.sim.system_views()),
        (1, 1)
    );
    scatter(&mut world, file);
    world.commits("a purge", &[whole(file)], |sim| {
        sim.flush_file(file, FlushKind::AndPurge)
    });
    assert_eq!(
        (world.sim.open_sections(), world.sim.system_views()),
        (0, 0)
    );
    // Nor has the file system had to ask.
    assert_eq!(client.statistics().section_conflicts, 0);
    client.close();
    world.close(file);
    world.end();
}

#[test]
fn a_flush_of_one_file_leaves_another_dirty() {
    let mut world = World::new();
    let (one, other) = (world.open("one"), world.open("other"));
    scatter(&mut world, one);
    scatter(&mut world, other);
    world.flush(one);
    world.commits("the other", &[whole(other)], |sim| {
        sim.flush_file_buffers(other)
    });
    world.close(one);
    world.close(other);
    world.end();
}

#[test]
fn a_flush_of_the_volume_or_of_a_directory_commits_every_file() {
    let mut world = World::new();
    let files = ["a", "b", "c"].map(|name| world.open(name));
    let covered = files.map(whole);
    let volume = world.sim.open_volume('D').expect("the volume");
    let root = world.sim.open_directory(r"D:\").expect("the root");
    let folder = world.sim.open_directory(r"D:\folder").expect("a folder");
    for handle in [volume, root, folder] {
        files.iter().for_each(|file| scatter(&mut world, *file));
        world.commits("a flush of all", &covered, |sim| {
            sim.flush_file_buffers(handle)
        });
    }
    for handle in [volume, root, folder] {
        world.sim.close_handle(handle).expect("close");
    }
    files.into_iter().for_each(|file| world.close(file));
    world.end();
}

/// The machines on which writes complete in their own thread, at DISPATCH_LEVEL, or in another.
fn machines() -> [SimOptions; 3] {
    [(false, false), (true, false), (true, true)].map(|(dispatch, other)| SimOptions {
        post_write_at_dispatch: dispatch,
        post_write_in_other_thread: other,
        ..SimOptions::default()
    })
}

#[test]
fn a_write_through_is_durable_when_it_completes_and_takes_nothing_with_it() {
    for machine in machines() {
        for (by_file, fast_io, asynchronous) in [
            (true, false, false),
            (false, false, false),
            (true, true, false),
            (true, false, true),
            (false, false, true),
        ] {
            let mut world = World::with(machine.clone(), &[]);
            let plain = world.open("a");
            let options = CreateFileOptions {
                write_through: by_file,
                asynchronous,
                ..CreateFileOptions::default()
            };
            let through = world.open_with("a", options);
            let options = WriteOptions {
                fast_io,
                write_through: !by_file,
                ..WriteOptions::default()
            };
            world.write(plain, 0, 4096);
            for (offset, length) in [(100_000_u64, 200_u64), (100_050, 64), (50, 20)] {
                let data = world.data(through, offset, length);
                world.model(through, |model| model.store(offset, &data));
                let range = offset..offset + length;
                world.commits("a write", &[(through, Some(range))], |sim| {
                    sim.write_file_with(through, offset, &data, options)
                        .map(|_| ())
                });
            }
            assert_eq!(world.dirty(&[whole(plain)]), 64 - 2);
            world.flush(plain);
            world.close(through);
            world.close(plain);
            world.end();
        }
    }
}

#[test]
fn a_write_through_that_cannot_be_made_durable_fails_and_stays_dirty() {
    for (routine, asynchronous) in [
        ("FltCreateSectionForDataScan", false),
        ("ZwMapViewOfSection", false),
        ("FltAllocateDeferredIoWorkItem", true),
        ("FltQueueDeferredIoWorkItem", true),
        ("FltCreateSectionForDataScan", true),
    ] {
        let mut world = World::new();
        let options = CreateFileOptions {
            write_through: true,
            asynchronous,
            ..CreateFileOptions::default()
        };
        let file = world.open_with("a", options);
        let data = world.data(file, 0, 1000);
        // It is stored all the same.
        world.model(file, |model| model.store(0, &data));
        world.sim.fail_nth(routine, 1);
        assert!(world.sim.write_file(file, 0, &data).is_err(), "{routine}");
        assert!(!world.sim.is_failure_pending(routine), "{routine}");
        world.cut("after a write that failed");
        world.flush(file);
        world.close(file);
        world.end();
    }
}

#[test]
fn the_end_of_any_handle_commits_and_the_last_lets_the_file_go() {
    let mut world = World::new();
    let (one, two) = (world.open("a"), world.open("a"));
    scatter(&mut world, one);
    world.commits("the end of one handle", &[whole(two)], |sim| {
        sim.close_handle(one)
    });
    scatter(&mut world, two);
    world.close(two);
    assert_eq!(
        (world.sim.open_sections(), world.sim.system_views()),
        (0, 0)
    );
    assert_eq!(world.sim.open_file_objects(), 0);
    world.end();
}

#[test]
fn without_cleanup_commits_a_closed_file_stays_dirty_until_another_commit() {
    let mut world = World::with(SimOptions::default(), &[("CleanupCommits", 0)]);
    let file = world.open("a");
    scatter(&mut world, file);
    let flushes = world.sim.observed().flushes;
    let volume = world.sim.open_volume('D').expect("the volume");
    let again = world.open("a");
    world.sim.close_handle(file).expect("close");
    assert_eq!(world.sim.observed().flushes, flushes);
    world.sim.close_handle(again).expect("close");
    assert_eq!(world.sim.observed().flushes, flushes);
    // Opened for its identity only: the lines are still there to be committed.
    let again = world.open("a");
    world.commits("a volume flush", &[whole(again)], |sim| {
        sim.flush_file_buffers(volume)
    });
    for handle in [again, volume] {
        world.sim.close_handle(handle).expect("close");
    }
    world.end();
}

#[test]
fn the_commit_ioctl_covers_the_file_or_a_range() {
    let mut world = World::new();
    let client = Client::open(&world.sim);
    let file = world.open("a");
    for (offset, length) in [(0_u64, 64_u64), (100, 300), (4000, 200), (0, 1 << 20)] {
        scatter(&mut world, file);
        let range = FileRange { offset, length };
        let scope = (file, Some(offset..offset + length));
        world.commits("a range", &[scope], |_| {
            client.commit(file, range).map(|_| ())
        });
    }
    scatter(&mut world, file);
    world.commits("the file", &[whole(file)], |_| {
        client.commit(file, FileRange::default()).map(|_| ())
    });
    world.close(file);
    client.close();
    world.end();
}

#[test]
fn a_commit_that_fails_is_counted_and_changes_nothing() {
    let mut world = World::new();
    let client = Client::open(&world.sim);
    let file = world.open("a");
    scatter(&mut world, file);
    let dirty = world.dirty(&[whole(file)]);
    for routine in ["FltCreateSectionForDataScan", "ZwMapViewOfSection"] {
        world.sim.fail_nth(routine, 1);
        let failed = world.sim.flush_file_buffers(file);
        assert_eq!(failed, Err(NtStatus::INSUFFICIENT_RESOURCES));
        world.cut("after a flush that failed");
        assert_eq!(client.statistics().dirty_lines, dirty);
    }
    let counts = client.statistics();
    assert_eq!((counts.failed_commits, counts.view_failures), (2, 2));
    world.flush(file);
    world.close(file);
    client.close();
    world.end();
}

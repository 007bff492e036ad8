//! How the filter, the volume, the device and the system go: with everything durable, or refused.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use daxflush_system_tests::{World, driver, whole};
use ntsim::{CreateFileOptions, FsEvent, Handle, NtStatus};

const LOCK_VOLUME: u32 = 0x9_0018;
const UNLOCK_VOLUME: u32 = 0x9_001c;
const DISMOUNT_VOLUME: u32 = 0x9_0020;

fn dirty_files(world: &mut World) -> [Handle; 2] {
    ["a", "b"].map(|name| {
        let file = world.open(name);
        world.write(file, 0, 5000);
        world.write(file, 70_000, 100);
        file
    })
}

#[test]
fn detaching_commits_and_attaching_again_goes_on() {
    let mut world = World::new();
    let files = dirty_files(&mut world);
    world.commits("a detach", &files.map(whole), |sim| sim.detach('D'));
    assert!(!world.sim.is_attached('D'));
    assert_eq!(
        (world.sim.open_sections(), world.sim.system_views()),
        (0, 0)
    );
    world.sim.attach('D').expect("attached again");
    for file in files {
        world.write(file, 100, 100);
        world.flush(file);
        world.close(file);
    }
    world.end();
}

#[test]
fn detaching_is_refused_while_a_commit_fails() {
    let mut world = World::new();
    let files = dirty_files(&mut world);
    world.sim.fail_nth("FltCreateSectionForDataScan", 1);
    assert_eq!(world.sim.detach('D'), Err(NtStatus::FLT_DO_NOT_DETACH));
    assert!(world.sim.is_attached('D'));
    world.cut("after a detach that was refused");
    // The other file was committed all the same.
    world.model(files[1], |model| model.commit());
    world.cut("after a detach that was refused");
    world.commits("a detach", &files.map(whole), |sim| sim.detach('D'));
    for file in files {
        world.sim.close_handle(file).expect("close");
    }
    world.end();
}

#[test]
fn unloading_commits_what_is_open() {
    let mut world = World::new();
    let files = dirty_files(&mut world);
    let covered = files.map(whole);
    world.commits_anyhow("an unload", &covered, |sim| {
        sim.unload_driver("daxflush").expect("unloads");
        Ok(())
    });
    world.sim.load_driver(&driver(), "daxflush").expect("loads");
    world.watch();
    for file in files {
        world.write(file, 0, 64);
        world.flush(file);
        world.close(file);
    }
    world.end();
}

#[test]
fn a_mandatory_unload_commits_too() {
    let mut world = World::new();
    let files = dirty_files(&mut world);
    world.commits_anyhow("a mandatory unload", &files.map(whole), |sim| {
        sim.stop_driver_mandatory("daxflush").expect("unloads");
        Ok(())
    });
    assert_eq!(world.sim.violations(), []);
}

#[test]
fn locking_a_volume_commits_it_and_nothing_of_the_filter_is_in_the_way() {
    let mut world = World::with(ntsim::SimOptions::default(), &[("CleanupCommits", 0)]);
    let files = dirty_files(&mut world);
    for file in files {
        world.flush(file);
        world.write(file, 0, 64);
    }
    let ids = files.map(|file| world.sim.file_id(file).expect("open"));
    let volume = world.sim.open_volume('D').expect("the volume");
    let lock = |sim: &ntsim::Sim| sim.fsctl(volume, LOCK_VOLUME, &[], &mut []).map(|_| ());
    assert_eq!(
        lock(&world.sim),
        Err(NtStatus::ACCESS_DENIED),
        "files are open"
    );
    // The attempt has committed them; they become dirty again, and are closed so.
    for file in files {
        world.model(file, |model| model.commit());
    }
    for file in files {
        world.write(file, 64, 64);
        world.sim.close_handle(file).expect("close");
    }
    assert_eq!(lock(&world.sim), Ok(()));
    let unlocked = world.sim.fsctl(volume, UNLOCK_VOLUME, &[], &mut []);
    unlocked.expect("unlocked");
    let files = ["a", "b"].map(|name| world.open(name));
    assert_eq!(
        files.map(|file| world.sim.file_id(file).expect("open")),
        ids
    );
    for file in files {
        world.model(file, |model| model.commit());
    }
    world.cut("after the lock");
    for handle in files.into_iter().chain([volume]) {
        world.sim.close_handle(handle).expect("close");
    }
    world.end();
}

#[test]
fn dismounting_a_volume_commits_it() {
    for forced in [false, true] {
        let mut world = World::new();
        let files = dirty_files(&mut world);
        let volume = world.sim.open_volume('D').expect("the volume");
        world.commits("a dismount", &files.map(whole), |sim| {
            if forced {
                return sim.dismount('D');
            }
            sim.fsctl(volume, DISMOUNT_VOLUME, &[], &mut []).map(|_| ())
        });
        assert_eq!(
            (world.sim.open_sections(), world.sim.system_views()),
            (0, 0)
        );
        for handle in files.into_iter().chain([volume]) {
            world.sim.close_handle(handle).expect("close");
        }
        world.end();
    }
}

#[test]
fn a_dismount_that_would_lose_something_is_refused() {
    let mut world = World::new();
    let files = dirty_files(&mut world);
    let volume = world.sim.open_volume('D').expect("the volume");
    world.sim.fail_nth("FltCreateSectionForDataScan", 1);
    let refused = world.sim.fsctl(volume, DISMOUNT_VOLUME, &[], &mut []);
    assert_eq!(refused, Err(NtStatus::INSUFFICIENT_RESOURCES));
    assert!(world.sim.is_attached('D'));
    world.model(files[1], |model| model.commit());
    world.cut("after a dismount that was refused");
    files.into_iter().for_each(|file| world.close(file));
    world.sim.close_handle(volume).expect("close");
    world.end();
}

#[test]
fn a_query_to_remove_the_device_commits_or_is_refused() {
    let mut world = World::new();
    let files = dirty_files(&mut world);
    world.sim.fail_nth("FltCreateSectionForDataScan", 1);
    let refused = world.sim.query_remove('D');
    assert_eq!(refused, Err(NtStatus::INSUFFICIENT_RESOURCES));
    world.model(files[1], |model| model.commit());
    world.cut("after a query that was refused");
    // Open files are the file system's reason to refuse, and the filter has committed by then.
    world.commits("a query", &files.map(whole), |sim| {
        assert_eq!(sim.query_remove('D'), Err(NtStatus::ACCESS_DENIED));
        Ok(())
    });
    for file in files {
        world.write(file, 0, 100);
        world.close(file);
    }
    world.sim.query_remove('D').expect("nothing is open");
    world.sim.cancel_remove('D').expect("cancelled");
    let file = world.open("a");
    world.write(file, 0, 100);
    world.flush(file);
    world.close(file);
    world.sim.query_remove('D').expect("nothing is open");
    world.sim.remove('D').expect("removed");
    world.end();
}

#[test]
fn when_the_device_is_gone_nothing_is_touched_and_commits_fail() {
    let mut world = World::new();
    let files = dirty_files(&mut world);
    world.flush(files[0]);
    world.write(files[0], 0, 64);
    let flushes = world.sim.observed().flushes;
    world.sim.surprise_remove('D').expect("gone");
    for file in files {
        assert!(world.sim.flush_file_buffers(file).is_err());
        world.sim.close_handle(file).expect("close");
    }
    assert_eq!(world.sim.observed().flushes, flushes);
    assert_eq!(
        (world.sim.open_sections(), world.sim.system_views()),
        (0, 0)
    );
    world.end();
}

#[test]
fn a_shutdown_commits_every_file() {
    let mut world = World::new();
    let files = dirty_files(&mut world);
    world.commits("a shutdown", &files.map(whole), |sim| {
        sim.shutdown();
        Ok(())
    });
    assert_eq!(world.sim.violations(), []);
}

/// Files that are dirty, closed, and once had a view: nobody has them open but the filter.
#[test]
fn dirty_files_that_nobody_has_open_are_committed_before_the_volume_goes() {
    type Going = fn(&ntsim::Sim, Handle) -> Result<(), NtStatus>;
    let ways: [(&str, Going); 4] = [
        ("a lock", |sim, volume| {
            sim.fsctl(volume, LOCK_VOLUME, &[], &mut [])?;
            sim.fsctl(volume, UNLOCK_VOLUME, &[], &mut []).map(|_| ())
        }),
        ("a query to remove", |sim, volume| {
            sim.close_handle(volume)?;
            sim.query_remove('D')?;
            sim.cancel_remove('D')
        }),
        ("a dismount by force", |sim, _| sim.dismount('D')),
        ("a detach", |sim, _| sim.detach('D')),
    ];
    for (what, going) in ways {
        let mut world = World::with(ntsim::SimOptions::default(), &[("CleanupCommits", 0)]);
        let files = dirty_files(&mut world);
        let ids = files.map(|file| world.sim.file_id(file).expect("open"));
        for file in files {
            world.flush(file);
            world.write(file, 64, 3000);
            world.sim.close_handle(file).expect("close, still dirty");
        }
        let volume = world.sim.open_volume('D').expect("the volume");
        world.commits_of(what, &ids, |sim| going(sim, volume));
        let _ = world.sim.close_handle(volume);
        assert_eq!(world.sim.open_file_objects(), 0, "after {what}");
        world.end();
    }
}

/// Detaches in another thread once the file system has stored a write, whose post-operation comes as
/// a draining one.
#[test]
fn a_write_that_is_drained_is_durable_when_the_filter_is_gone() {
    for other_thread in [false, true] {
        for write_through in [false, true] {
            let options = ntsim::SimOptions {
                post_write_in_other_thread: other_thread,
                ..ntsim::SimOptions::default()
            };
            let mut world = World::with(options, &[]);
            let options = CreateFileOptions {
                asynchronous: true,
                write_through,
                ..CreateFileOptions::default()
            };
            let file = world.open_with("a", options);
            let (sim, mut done) = (world.sim.clone(), false);
            world.sim.set_file_system_hook(Some(Box::new(move |event| {
                if !done && matches!(event, FsEvent::AfterAction { .. }) {
                    done = true;
                    std::thread::scope(|scope| {
                        scope.spawn(|| sim.detach('D').expect("detached"));
                    });
                }
            })));
            world.write(file, 5000, 1000);
            world.sim.set_file_system_hook(None);
            assert!(!world.sim.is_attached('D'));
            world.model(file, |model| model.commit());
            world.cut("after a detach in a write");
            world.sim.close_handle(file).expect("close");
            world.end();
        }
    }
}

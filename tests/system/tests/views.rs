//! Sections and views: made when a commit needs them, gone when the file system wants them gone.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use daxflush_system_tests::{Client, World, whole};
use ntsim::{FlushKind, Handle, Sim, SimOptions};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::SeqCst},
};

#[test]
fn clean_streams_have_neither_section_nor_view() {
    let mut world = World::new();
    let none = |world: &World| {
        assert_eq!(
            (world.sim.open_sections(), world.sim.system_views()),
            (0, 0)
        );
    };
    let file = world.open("a");
    world.truncate(file, 100_000);
    let mut data = [0; 100];
    world.sim.read_file(file, 0, &mut data).expect("read");
    world.flush(file);
    none(&world);
    world.write(file, 0, 100);
    none(&world);
    world.flush(file);
    assert_eq!(
        (world.sim.open_sections(), world.sim.system_views()),
        (1, 1)
    );
    world.close(file);
    none(&world);
    let file = world.open("a");
    world.flush(file);
    none(&world);
    world.close(file);
    world.end();
}

#[test]
fn a_file_that_grows_is_mapped_again() {
    let mut world = World::new();
    let file = world.open("a");
    for part in 0..20 {
        world.write(file, part * 5000, 5000);
        world.flush(file);
        assert_eq!(
            (world.sim.open_sections(), world.sim.system_views()),
            (1, 1)
        );
    }
    world.close(file);
    world.end();
}

/// Counts the driver's instructions, and does something at one of them, as another processor.
fn at_instruction(sim: &Sim, nth: u64, act: impl Fn(&Sim) + Send + 'static) -> Arc<AtomicU64> {
    let count = Arc::new(AtomicU64::new(0));
    let (counted, machine) = (count.clone(), sim.clone());
    sim.set_probe(Some(Box::new(move |_| {
        if counted.fetch_add(1, SeqCst) + 1 == nth {
            act(&machine);
        }
    })));
    count
}

/// The file system wants the section closed at each instruction of a commit in turn: another thread
/// truncates the file, and the commit and the truncation both end.
#[test]
fn a_truncation_in_the_middle_of_a_commit_wins_and_loses_nothing() {
    for (at_apc, early) in [
        (false, None),
        (true, None),
        (false, Some(1)),
        (false, Some(2)),
    ] {
        for nth in [1, 2, 40, 64, 65] {
            let options = SimOptions {
                conflict_at_apc: at_apc,
                conflict_before_create_returns: early,
                ..SimOptions::default()
            };
            let mut world = World::with(options, &[]);
            let file = world.open("a");
            world.write(file, 0, 4096);
            world.write(file, 100_000, 64);
            let truncating = Arc::new(std::sync::Mutex::new(None));
            let started = truncating.clone();
            let count = at_instruction(&world.sim, nth, move |sim| {
                let sim = sim.clone();
                let thread = std::thread::spawn(move || truncate_patiently(&sim, file));
                *started.lock().expect("a thread") = Some(thread);
            });
            world.sim.flush_file_buffers(file).expect("a flush");
            let thread = truncating.lock().expect("a thread").take();
            thread.expect("started").join().expect("truncated");
            assert!(count.load(SeqCst) >= nth);
            world.watch();
            world.model(file, |model| {
                model.commit();
                model.truncate(8192);
            });
            world.cut("after the truncation");
            world.write(file, 5000, 100);
            world.commits_anyhow("a flush", &[whole(file)], |sim| {
                sim.flush_file_buffers(file)
            });
            world.close(file);
            world.end();
        }
    }
}

/// A truncation that finds the section in use is tried again, as programs do. A conflict that came at
/// an IRQL too high to close the section is looked after by the next commit.
fn truncate_patiently(sim: &Sim, file: Handle) {
    for _ in 0..100 {
        if sim.set_end_of_file(file, 8192).is_ok() {
            return;
        }
        sim.flush_file_buffers(file).expect("a flush");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    panic!("the section was never closed");
}

#[test]
fn few_views_serve_many_files() {
    let settings = [("MaxViews", 2)];
    let mut world = World::with(SimOptions::default(), &settings);
    let client = Client::open(&world.sim);
    let files = ["a", "b", "c", "d", "e"].map(|name| world.open(name));
    for round in 0..6 {
        for file in files {
            world.write(file, round * 1000, 500);
            world.flush(file);
            assert!(world.sim.system_views() <= 2);
            assert!(world.sim.open_sections() <= 2);
        }
    }
    assert!(client.statistics().evicted_views >= 20);
    assert!(client.statistics().views <= 2);
    files.into_iter().for_each(|file| world.close(file));
    assert_eq!(client.statistics().views, 0);
    client.close();
    world.end();
}

#[test]
fn little_may_be_mapped_at_once() {
    let settings = [("MaxViewMiB", 2), ("ViewWindowMiB", 1)];
    let mut world = World::with(SimOptions::default(), &settings);
    let client = Client::open(&world.sim);
    let files = ["a", "b", "c", "d"].map(|name| world.open(name));
    for file in files {
        world.truncate(file, 3 << 20);
    }
    for round in 0..3_u64 {
        for file in files {
            world.write(file, round << 20, 500);
            world.flush(file);
            assert!(world.sim.system_view_bytes() <= 2 << 20);
            assert!(client.statistics().view_bytes <= 2 << 20);
        }
    }
    files.into_iter().for_each(|file| world.close(file));
    client.close();
    world.end();
}

#[test]
fn a_long_file_is_flushed_through_a_window() {
    let settings = [("ViewWindowMiB", 1)];
    let mut world = World::with(SimOptions::default(), &settings);
    let file = world.open("a");
    world.truncate(file, 5 << 20);
    for _ in 0..2 {
        for n in 0..300 {
            world.write(file, (n * 76_543) % ((5 << 20) - 200), 1 + n % 200);
        }
        // Across the windows' edges too.
        for edge in 1..5 {
            world.write(file, (edge << 20) - 100, 200);
        }
        world.flush(file);
        assert!(world.sim.system_view_bytes() <= 1 << 20);
        assert_eq!(
            (world.sim.open_sections(), world.sim.system_views()),
            (1, 1)
        );
    }
    world.close(file);
    world.end();
}

#[test]
fn everything_is_released_at_teardown() {
    for detach in [false, true] {
        let mut world = World::new();
        let file = world.open("a");
        world.write(file, 0, 8192);
        let view = world.sim.map_view(file, 0, 8192, true).expect("a view");
        let data = world.data(file, 100, 8);
        view.store(100, &data);
        world.model(file, |model| model.store(100, &data));
        world.commits_anyhow("a teardown", &[whole(file)], |sim| {
            if detach {
                return sim.detach('D');
            }
            sim.unload_driver("daxflush").expect("unloads");
            Ok(())
        });
        assert_eq!(
            (world.sim.open_sections(), world.sim.system_views()),
            (0, 0)
        );
        world.sim.unmap_view(view);
        world.sim.close_handle(file).expect("close");
        assert_eq!(world.sim.open_file_objects(), 0);
        assert_eq!(world.sim.violations(), []);
    }
}

#[test]
fn a_mapping_that_outlives_its_handles_is_still_committed() {
    let mut world = World::new();
    let file = world.open("a");
    world.write(file, 0, 8192);
    let view = world.sim.map_view(file, 0, 8192, true).expect("a view");
    world.commits_anyhow("a close", &[whole(file)], |sim| sim.close_handle(file));
    let file = world.open("a");
    let data = world.data(file, 100, 8);
    world.sim.close_handle(file).expect("close");
    view.store(100, &data);
    let file = world.open("a");
    world.model(file, |model| model.store(100, &data));
    let volume = world.sim.open_volume('D').expect("the volume");
    world.commits_anyhow("a volume flush", &[whole(file)], |sim| {
        sim.flush_file(volume, FlushKind::Normal)
    });
    world.sim.unmap_view(view);
    for handle in [file, volume] {
        world.sim.close_handle(handle).expect("close");
    }
    world.end();
}

/// The filter comes when a program has a file mapped already, and it will never say so.
#[test]
fn a_mapping_from_before_the_filter_counts_as_unreported() {
    let mut world = World::new();
    let file = world.open("a");
    world.write(file, 0, 100_000);
    world.flush_quietly(file);
    let view = world.sim.map_view(file, 0, 100_000, true).expect("a view");
    world.sim.detach('D').expect("detached");
    world.sim.attach('D').expect("attached again");
    let data = world.data(file, 50_000, 8);
    view.store(50_000, &data);
    world.model(file, |model| model.store(50_000, &data));
    // The handle is from before, too: its flush is the first that the filter hears of the file.
    let flushed = world.commits_anyhow("a flush", &[whole(file)], |sim| {
        sim.flush_file_buffers(file)
    });
    assert_eq!(flushed, 100_000_u64.div_ceil(64));
    let again = world.open("a");
    let data = world.data(file, 70_000, 8);
    view.store(70_000, &data);
    world.model(file, |model| model.store(70_000, &data));
    world.commits_anyhow("a flush", &[whole(file)], |sim| {
        sim.flush_file_buffers(again)
    });
    world.sim.unmap_view(view);
    for handle in [again, file] {
        world.sim.close_handle(handle).expect("close");
    }
    // Gone with its mapping, the file is tracked exactly again.
    let file = world.open("a");
    world.write(file, 0, 64);
    world.flush(file);
    world.close(file);
    world.end();
}

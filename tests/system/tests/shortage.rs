//! Shortage of memory: tracking becomes coarser, and nothing is forgotten. Failures of everything are
//! in tests/campaign.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use daxctl::random::Random;
use daxflush_system_tests::{Client, World, whole};
use ntsim::SimOptions;

/// What a file of more than 16 MiB has beside it, for its first GiB.
const TABLE: u64 = 4096 + 64;

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
        assert!(counts.tracking_limit <= (64 << 10) + TABLE);
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

/// Without memory for the table of a line beyond 16 MiB all of the file counts as dirty, once.
#[test]
fn without_a_table_everything_is_dirty_and_exact_again() {
    let mut world = World::new();
    let client = Client::open(&world.sim);
    let file = world.open("a");
    let size = 48_u64 << 20;
    world.truncate(file, size);
    world.write(file, 0, 100);
    world.flush(file);
    let before = client.statistics();
    world.sim.fail_nth("ExAllocatePoolWithTag", 1);
    world.write(file, 40 << 20, 100);
    let counts = client.statistics();
    assert_eq!(counts.coarse_marks, before.coarse_marks + 1);
    assert_eq!(counts.dirty_lines, size / 64);
    world.sim.flush_file_buffers(file).expect("a flush");
    world.model(file, |model| model.commit());
    world.cut("after a coarse commit");
    let after = client.statistics();
    assert_eq!(after.coarse_lines, before.coarse_lines + size / 64);
    world.write(file, 40 << 20, 100);
    world.flush(file);
    assert_eq!(client.statistics().coarse_lines, after.coarse_lines);
    world.close(file);
    client.close();
    world.end();
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

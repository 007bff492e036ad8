//! Every way data gets into a file: recorded where it was stored, with a commit at the worst moments.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use daxflush_system_tests::{Client, World, whole};
use ntsim::{
    CreateFileOptions, Disposition, FsEvent, Handle, NtStatus, Sim, SimOptions, WriteOptions,
};
use std::sync::{Arc, Mutex};

const SET_ZERO_DATA: u32 = 0x9_80c8;
const OFFLOAD_READ: u32 = 0x9_4264;
const OFFLOAD_WRITE: u32 = 0x9_8268;
const DUPLICATE_EXTENTS_TO_FILE: u32 = 0x9_8344;
const DUPLICATE_EXTENTS_TO_FILE_EX: u32 = 0x9_83e8;

fn words(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// Of the files below, in bytes.
const SIZE: u64 = 192 << 10;

/// What all of these begin with: a file, durable, and another.
fn start(settings: &[(&str, u32)]) -> (World, Handle, Handle) {
    let mut world = World::with(SimOptions::default(), settings);
    let files = ["a", "b"].map(|name| {
        let file = world.open(name);
        world.write(file, 0, SIZE);
        world.flush_quietly(file);
        file
    });
    (world, files[0], files[1])
}

fn finish(mut world: World, files: &[Handle]) {
    files.iter().for_each(|file| world.close(*file));
    world.end();
}

#[test]
fn writes_of_every_kind_are_recorded_exactly() {
    let (mut world, file, other) = start(&[]);
    let unbuffered = CreateFileOptions {
        no_intermediate_buffering: true,
        ..CreateFileOptions::default()
    };
    let unbuffered = world.open_with("a", unbuffered);
    let plain = WriteOptions::default();
    let kinds = [
        plain,
        WriteOptions {
            fast_io: true,
            ..plain
        },
        WriteOptions {
            no_cache: true,
            ..plain
        },
    ];
    for options in kinds {
        for handle in [file, unbuffered] {
            for (offset, length) in [(5, 100), (8192, 4096), (SIZE, 777)] {
                assert!(world.write_with(handle, offset, length, options).is_ok());
            }
            world.flush(file);
        }
    }
    finish(world, &[unbuffered, file, other]);
}

#[test]
fn appends_land_where_the_file_ends() {
    let (mut world, file, other) = start(&[]);
    for length in [64, 100, 5000] {
        let end = world.sim.file_size(file).expect("a size");
        world.stores(file, end, length, |sim, data| {
            sim.append_file(file, data).map(|_| ())
        });
        world.flush(file);
        world.stores(file, end + length, 10, |sim, data| {
            sim.write_at_current_position(file, data).map(|_| ())
        });
        world.flush(file);
    }
    finish(world, &[file, other]);
}

/// It has stored a part of its data, and not moved the file pointer from which its place is told.
#[test]
fn an_append_that_fails_loses_nothing_and_costs_the_file() {
    let (mut world, file, other) = start(&[]);
    world.write(file, 0, 1000);
    world.truncate(file, 3456);
    world.flush(file);
    let data = world.data(file, 3456, 400);
    let options = WriteOptions {
        fail: Some((200, NtStatus::DISK_FULL)),
        ..WriteOptions::default()
    };
    let written = world.sim.append_file_with(file, &data, options);
    assert_eq!(written, Err(NtStatus::DISK_FULL));
    world.model(file, |model| model.store(3456, &data[..200]));
    let lines = world.commits_anyhow("a flush", &[whole(file)], |sim| {
        sim.flush_file_buffers(file)
    });
    assert_eq!(lines, 3656_u64.div_ceil(64));
    finish(world, &[file, other]);
}

/// Nobody tells a filter where an asynchronous append went.
#[test]
fn an_asynchronous_append_loses_nothing_and_costs_the_file() {
    let (mut world, file, other) = start(&[]);
    let options = CreateFileOptions {
        asynchronous: true,
        ..CreateFileOptions::default()
    };
    let appender = world.open_with("a", options);
    let end = world.sim.file_size(file).expect("a size");
    world.stores(appender, end, 100, |sim, data| {
        sim.append_file(appender, data).map(|_| ())
    });
    let flushed = world.commits_anyhow("a flush", &[whole(file)], |sim| {
        sim.flush_file_buffers(file)
    });
    assert_eq!(flushed, (end + 100).div_ceil(64));
    world.flush(file);
    finish(world, &[appender, file, other]);
}

#[test]
fn failed_and_short_writes_record_what_was_stored() {
    let (mut world, file, other) = start(&[]);
    let short = WriteOptions {
        short: Some(1000),
        ..WriteOptions::default()
    };
    assert_eq!(world.write_with(file, 4096, 4096, short), Ok(1000));
    world.flush(file);
    let failing = WriteOptions {
        fail: Some((300, NtStatus::DISK_FULL)),
        ..WriteOptions::default()
    };
    let failed = world.write_with(file, 8192, 4096, failing);
    assert_eq!(failed, Err(NtStatus::DISK_FULL));
    // How much was stored nobody says, so it counts as all of it.
    let flushed = world.commits_anyhow("a flush", &[whole(file)], |sim| {
        sim.flush_file_buffers(file)
    });
    assert_eq!(flushed, 4096 / 64);
    world.flush(file);
    finish(world, &[file, other]);
}

#[test]
fn paging_writes_go_by() {
    let (mut world, file, other) = start(&[]);
    let options = WriteOptions {
        paging: true,
        ..WriteOptions::default()
    };
    let callbacks = world.sim.callbacks();
    assert!(world.write_with(file, 0, 4096, options).is_ok());
    assert_eq!(world.sim.callbacks(), callbacks);
    // The block stack has made it durable.
    world.model(file, |model| model.commit());
    world.cut("after a paging write");
    world.flush(file);
    finish(world, &[file, other]);
}

#[test]
fn mdl_writes_are_recorded_when_they_are_completed() {
    for fast in [false, true] {
        let (mut world, file, other) = start(&[]);
        for (offset, length) in [(100_u64, 50_u64), (10_000, 40_000), ((SIZE) - 10, 100)] {
            let sim = world.sim.clone();
            let write = sim
                .prepare_mdl_write(file, offset, length as usize, fast)
                .expect("pages");
            let data = world.data(file, offset, length);
            sim.store_mdl(&write, 0, &data);
            world.model(file, |model| model.store(offset, &data));
            // A commit meanwhile knows nothing of it, and may not forget it either.
            sim.flush_file_buffers(file).expect("a flush");
            world.cut("between the parts of an MDL write");
            sim.complete_mdl_write(write).expect("written");
            world.flush(file);
        }
        finish(world, &[file, other]);
    }
}

#[test]
fn an_mdl_write_without_memory_to_remember_it_is_not_lost() {
    for fast in [false, true] {
        let (mut world, file, other) = start(&[]);
        let sim = world.sim.clone();
        let write = sim
            .prepare_mdl_write(file, 5000, 1000, fast)
            .expect("pages");
        let data = world.data(file, 5000, 1000);
        sim.store_mdl(&write, 0, &data);
        world.model(file, |model| model.store(5000, &data));
        sim.fail_nth("ExAllocatePoolWithTag", 1);
        sim.complete_mdl_write(write).expect("written");
        assert!(!sim.is_failure_pending("ExAllocatePoolWithTag"));
        let flushed = world.commits_anyhow("a flush", &[whole(file)], |sim| {
            sim.flush_file_buffers(file)
        });
        assert_eq!(flushed, (SIZE) / 64, "all of the file");
        finish(world, &[file, other]);
    }
}

#[test]
fn zeroed_ranges_are_recorded() {
    let (mut world, file, other) = start(&[]);
    for (start, beyond) in [
        (100_u64, 5000_u64),
        (70_000, 70_064),
        ((SIZE) - 100, 2 * SIZE),
    ] {
        let input = words(&[start, beyond]);
        world
            .sim
            .fsctl(file, SET_ZERO_DATA, &input, &mut [])
            .expect("zeroed");
        let end = beyond.min(SIZE);
        world.model(file, |model| {
            model.store(start, &vec![0; (end - start) as usize])
        });
        world.flush(file);
    }
    finish(world, &[file, other]);
}

/// Copies a range by a control code, and models it.
fn clones(world: &mut World, code: u32, input: &[u8], files: [Handle; 2], at: [u64; 3]) {
    let [source, target] = files;
    let [from, to, length] = at;
    let mut data = vec![0; length as usize];
    world
        .sim
        .read_file(source, from, &mut data)
        .expect("the source");
    let mut output = [0; 16];
    let done = world.sim.fsctl(target, code, input, &mut output);
    done.expect("a copy");
    world.model(target, |model| model.store(to, &data));
}

#[test]
fn cloned_extents_are_recorded_in_their_target() {
    let (mut world, source, target) = start(&[]);
    world.write(source, 0, SIZE);
    world.flush(source);
    let (from, to, length) = (8192, 40_960, 12_288);
    let handle = source.as_raw();
    let at = [from, to, length];
    let plain = words(&[handle, from, to, length]);
    let code = DUPLICATE_EXTENTS_TO_FILE;
    clones(&mut world, code, &plain, [source, target], at);
    world.flush(target);
    let extended = words(&[48, handle, from, to + 65_536, length, 0]);
    let code = DUPLICATE_EXTENTS_TO_FILE_EX;
    let at = [from, to + 65_536, length];
    clones(&mut world, code, &extended, [source, target], at);
    world.flush(target);
    // With 4-byte sizes and handles.
    let narrow = words(&[40 | handle << 32, from, to + 131_072, length, 0]);
    let sim = world.sim.clone();
    let at = [from, to + 131_072, length];
    sim.as_32_bit(|| clones(&mut world, code, &narrow, [source, target], at));
    world.flush(target);
    finish(world, &[source, target]);
}

#[test]
fn offloaded_writes_are_recorded_as_far_as_they_went() {
    for limit in [None, Some(4096)] {
        let (mut world, source, target) = start(&[]);
        world.write(source, 0, SIZE);
        world.flush(source);
        let mut token = vec![0; 16 + 512];
        let ask = words(&[32, 0, 0, SIZE]);
        world
            .sim
            .fsctl(source, OFFLOAD_READ, &ask, &mut token)
            .expect("a token");
        world.sim.limit_offloaded_writes(limit);
        let (to, length) = (65_536, 16_384);
        let mut input = words(&[544, to, length, 0]);
        input.extend(&token[16..]);
        let done = limit.unwrap_or(length);
        let files = [source, target];
        clones(&mut world, OFFLOAD_WRITE, &input, files, [0, to, done]);
        world.flush(target);
        finish(world, &[source, target]);
    }
}

#[test]
fn control_requests_that_make_no_sense_cost_nothing_and_lose_nothing() {
    let (mut world, file, other) = start(&[]);
    world.write(file, 0, 100);
    for code in [
        SET_ZERO_DATA,
        OFFLOAD_WRITE,
        DUPLICATE_EXTENTS_TO_FILE,
        DUPLICATE_EXTENTS_TO_FILE_EX,
    ] {
        for length in [0, 1, 7, 8, 15, 16, 23, 31] {
            let input = vec![0xff; length];
            let mut output = [0; 16];
            assert!(world.sim.fsctl(file, code, &input, &mut output).is_err());
        }
    }
    let flushed = world.commits_anyhow("a flush", &[whole(file)], |sim| {
        sim.flush_file_buffers(file)
    });
    assert!(flushed >= 2);
    world.write(file, 0, 100);
    world.flush(file);
    finish(world, &[file, other]);
}

#[test]
fn valid_data_moves_without_a_store() {
    let mut world = World::new();
    let file = world.open("a");
    world.write(file, 0, 1000);
    world.truncate(file, 100_000);
    world
        .sim
        .set_valid_data_length(file, 50_000)
        .expect("valid data");
    world.flush(file);
    world.write(file, 60_000, 100);
    world.flush(file);
    world.close(file);
    world.end();
}

#[test]
fn an_overwritten_file_keeps_its_lines_and_loses_no_new_ones() {
    for disposition in [
        Disposition::Supersede,
        Disposition::TruncateExisting,
        Disposition::CreateAlways,
    ] {
        let (mut world, file, other) = start(&[]);
        world.write(file, 0, 100_000);
        let options = CreateFileOptions {
            disposition,
            ..CreateFileOptions::default()
        };
        let again = world.open_with("a", options);
        world.cut("after the overwrite");
        world.write(again, 500, 5000);
        let flushed = world.commits_anyhow("a flush", &[whole(again)], |sim| {
            sim.flush_file_buffers(again)
        });
        assert!(
            flushed <= 5500_u64.div_ceil(64),
            "no more than the file has"
        );
        world.write(again, 500, 5000);
        world.flush(again);
        finish(world, &[file, again, other]);
    }
}

#[test]
fn what_is_cut_off_is_not_flushed() {
    let (mut world, file, other) = start(&[]);
    world.write(file, 0, SIZE);
    world.truncate(file, 5000);
    world.flush(file);
    world.write(file, 0, 100_000);
    world.sim.set_allocation_size(file, 8192).expect("cut off");
    world.model(file, |model| model.truncate(8192));
    world.flush(file);
    finish(world, &[file, other]);
}

/// Does something to a file at the n-th moment of one kind, as another processor may.
fn interleave(sim: &Sim, after: bool, act: impl Fn(&Sim) + Send + 'static) -> Arc<Mutex<u32>> {
    let done = Arc::new(Mutex::new(0));
    let (machine, count) = (sim.clone(), done.clone());
    sim.set_file_system_hook(Some(Box::new(move |event| {
        if matches!(event, FsEvent::AfterAction { .. }) == after {
            act(&machine);
            *count.lock().expect("a count") += 1;
        }
    })));
    done
}

/// A commit between the filter's first look at an operation and the storing of its data, and one
/// between the storing and the filter's second look: neither may make the next commit forget it.
#[test]
fn a_commit_in_the_middle_of_any_operation_forgets_nothing() {
    type Store = fn(&Sim, Handle, &[u8]) -> Result<(), NtStatus>;
    let at = 5000_u64;
    let stores: [(&str, Store); 5] = [
        ("a write", |sim, file, data| {
            sim.write_file(file, 5000, data).map(|_| ())
        }),
        ("fast I/O", |sim, file, data| {
            let options = WriteOptions {
                fast_io: true,
                ..WriteOptions::default()
            };
            sim.write_file_with(file, 5000, data, options).map(|_| ())
        }),
        ("a write-through", |sim, file, data| {
            let options = WriteOptions {
                write_through: true,
                ..WriteOptions::default()
            };
            sim.write_file_with(file, 5000, data, options).map(|_| ())
        }),
        ("an MDL write", |sim, file, data| {
            let write = sim.prepare_mdl_write(file, 5000, data.len(), false)?;
            sim.store_mdl(&write, 0, data);
            sim.complete_mdl_write(write)
        }),
        ("a fast MDL write", |sim, file, data| {
            let write = sim.prepare_mdl_write(file, 5000, data.len(), true)?;
            sim.store_mdl(&write, 0, data);
            sim.complete_mdl_write(write)
        }),
    ];
    for (what, store) in stores {
        for after in [false, true] {
            let (mut world, file, other) = start(&[]);
            let made = interleave(&world.sim, after, move |sim| {
                sim.flush_file_buffers(file).expect("a flush");
            });
            world.stores(file, at, 1000, |sim, data| store(sim, file, data));
            world.sim.set_file_system_hook(None);
            assert_ne!(*made.lock().expect("a count"), 0, "{what}");
            world.commits_anyhow(what, &[whole(file)], |sim| sim.flush_file_buffers(file));
            finish(world, &[file, other]);
        }
    }
}

#[test]
fn a_commit_in_the_middle_of_a_zeroing_or_a_clone_forgets_nothing() {
    for after in [false, true] {
        let (mut world, file, source) = start(&[]);
        let made = interleave(&world.sim, after, move |sim| {
            sim.flush_file_buffers(file).expect("a flush");
        });
        let input = words(&[5000, 6000]);
        let zeroed = world.sim.fsctl(file, SET_ZERO_DATA, &input, &mut []);
        zeroed.expect("zeroed");
        world.model(file, |model| model.store(5000, &[0; 1000]));
        let input = words(&[source.as_raw(), 0, 8192, 4096]);
        let code = DUPLICATE_EXTENTS_TO_FILE;
        clones(&mut world, code, &input, [source, file], [0, 8192, 4096]);
        world.sim.set_file_system_hook(None);
        assert!(*made.lock().expect("a count") >= 2);
        world.commits_anyhow("a flush", &[whole(file)], |sim| {
            sim.flush_file_buffers(file)
        });
        finish(world, &[file, source]);
    }
}

#[test]
fn what_cannot_be_tracked_is_refused_and_counted() {
    let mut world = World::new();
    let client = Client::open(&world.sim);
    let sim = world.sim.clone();
    // The create finds no memory for the stream, and the first write tries again.
    sim.fail_nth("FltAllocateContext", 1);
    let file = world.open("a");
    assert!(!sim.is_failure_pending("FltAllocateContext"));
    let refused = |attempt: &dyn Fn() -> Result<(), NtStatus>| {
        sim.fail_nth("FltAllocateContext", 1);
        assert_eq!(attempt(), Err(NtStatus::INSUFFICIENT_RESOURCES));
    };
    refused(&|| sim.write_file(file, 0, &[1; 64]).map(|_| ()));
    refused(&|| sim.prepare_mdl_write(file, 0, 64, true).map(|_| ()));
    refused(&|| sim.prepare_mdl_write(file, 0, 64, false).map(|_| ()));
    let input = words(&[0, 64]);
    refused(&|| sim.fsctl(file, SET_ZERO_DATA, &input, &mut []).map(|_| ()));
    assert_eq!(sim.file_size(file), Ok(0), "nothing was stored");
    sim.set_end_of_file(file, 8192).expect("a size");
    refused(&|| {
        sim.map_view(file, 0, 4096, true)
            .map(|view| sim.unmap_view(view))
    });
    assert_eq!(client.statistics().refused, 5);
    world.model(file, |model| model.truncate(8192));
    world.write(file, 0, 64);
    world.flush(file);
    world.close(file);
    client.close();
    world.end();
}

//! Names, streams, deletion, and volumes that are none of the filter's business.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use daxflush_system_tests::{World, whole};
use ntsim::{Access, CreateFileOptions, Disposition, SimOptions, VolumeOptions};

#[test]
fn alternate_data_streams_are_streams_of_their_own() {
    let mut world = World::new();
    let file = world.open("a");
    let stream = world.open("a:more");
    world.write(file, 0, 1000);
    world.write(stream, 0, 5000);
    world.flush(file);
    assert_ne!(world.dirty(&[whole(stream)]), 0);
    world.write(file, 64, 64);
    world.flush(stream);
    world.flush(file);
    world.close(stream);
    world.close(file);
    world.end();
}

#[test]
fn all_names_of_a_file_share_its_state() {
    let mut world = World::new();
    let file = world.open("a");
    world.write(file, 0, 1000);
    world.sim.create_hard_link(file, r"D:\b").expect("a link");
    let link = world.open("b");
    world.commits("a flush by another name", &[whole(file)], |sim| {
        sim.flush_file_buffers(link)
    });
    world.write(link, 500, 100);
    world.flush(file);
    world.write(file, 0, 64);
    world.sim.rename(file, r"D:\c", false).expect("a rename");
    let renamed = world.open("c");
    world.flush(renamed);
    for handle in [link, renamed, file] {
        world.close(handle);
    }
    world.end();
}

#[test]
fn a_file_that_is_replaced_goes_and_the_new_one_keeps_its_lines() {
    for ex in [false, true] {
        let mut world = World::with(SimOptions::default(), &[("CleanupCommits", 0)]);
        let old = world.open("a");
        world.write(old, 0, 5000);
        let id = world.sim.file_id(old).expect("open");
        world.sim.close_handle(old).expect("close, still dirty");
        let new = world.open("b");
        world.write(new, 0, 3000);
        let done = if ex {
            world.sim.rename_ex(new, r"D:\a", true)
        } else {
            world.sim.rename(new, r"D:\a", true)
        };
        done.expect("a rename");
        world.forget(id);
        world.flush(new);
        let again = world.open_to_read("a");
        assert_eq!(world.sim.file_id(again), world.sim.file_id(new));
        world.sim.close_handle(again).expect("close");
        world.sim.close_handle(new).expect("close");
        world.end();
    }
}

#[test]
fn what_is_deleted_is_not_flushed_and_is_let_go() {
    for way in 0..3 {
        let mut world = World::new();
        let options = CreateFileOptions {
            delete_on_close: way == 2,
            ..CreateFileOptions::default()
        };
        let file = world.open_with("a", options);
        let other = world.open("a");
        world.write(file, 0, 5000);
        world.flush(file);
        world.write(file, 0, 5000);
        match way {
            0 => world.sim.set_disposition(file, true).expect("a deletion"),
            1 => world
                .sim
                .set_disposition_ex(file, true)
                .expect("a deletion"),
            _ => {}
        }
        // Not the last handle: the file is still there, and still promised.
        world.close(file);
        world.write(other, 64, 64);
        let (id, flushes) = (world.sim.file_id(other), world.sim.observed().flushes);
        world.sim.close_handle(other).expect("close");
        assert_eq!(world.sim.observed().flushes, flushes);
        assert_eq!(world.sim.open_file_objects(), 0);
        assert_eq!(
            (world.sim.open_sections(), world.sim.system_views()),
            (0, 0)
        );
        world.forget(id.expect("open"));
        world.end();
    }
}

#[test]
fn a_name_that_goes_takes_nothing_from_a_file_with_another() {
    for on_close in [false, true] {
        let mut world = World::new();
        let file = world.open("a");
        world.sim.create_hard_link(file, r"D:\b").expect("a link");
        world.sim.close_handle(file).expect("close");
        let options = CreateFileOptions {
            delete_on_close: on_close,
            ..CreateFileOptions::default()
        };
        let file = world.open_with("a", options);
        world.write(file, 0, 5000);
        if !on_close {
            world.sim.set_disposition(file, true).expect("a deletion");
        }
        world.close(file);
        let file = world.open("b");
        world.write(file, 0, 64);
        world.flush(file);
        world.close(file);
        world.end();
    }
}

#[test]
fn a_name_that_is_taken_over_takes_nothing_from_a_file_with_another() {
    let mut world = World::with(SimOptions::default(), &[("CleanupCommits", 0)]);
    let (file, other) = (world.open("a"), world.open("b"));
    world.sim.create_hard_link(file, r"D:\c").expect("a link");
    world.write(file, 0, 3000);
    world.sim.close_handle(file).expect("close, still dirty");
    world.sim.rename(other, r"D:\a", true).expect("a rename");
    let link = world.open("c");
    assert_ne!(world.sim.file_id(link), world.sim.file_id(other));
    world.flush(link);
    for handle in [link, other] {
        world.close(handle);
    }
    world.end();
}

#[test]
fn a_deletion_can_be_withdrawn() {
    let mut world = World::new();
    let file = world.open("a");
    world.write(file, 0, 5000);
    world.sim.set_disposition(file, true).expect("a deletion");
    world.sim.set_disposition(file, false).expect("withdrawn");
    world.close(file);
    world.end();
}

#[test]
fn a_reparse_point_is_the_file_that_it_leads_to() {
    let mut world = World::new();
    let file = world.open("a");
    world
        .sim
        .make_reparse_point(r"D:\r", r"D:\a")
        .expect("a reparse point");
    let through = world.open("r");
    assert_eq!(world.sim.file_id(through), world.sim.file_id(file));
    world.write(through, 0, 1000);
    world.flush(file);
    world.close(through);
    world.close(file);
    world.end();
}

/// The write has passed the filter, and the instance is gone before the file system has acted.
#[test]
fn a_detach_in_the_middle_of_a_write_breaks_no_rule() {
    for options in [false, true].map(|other| SimOptions {
        post_write_in_other_thread: other,
        ..SimOptions::default()
    }) {
        let mut world = World::with(options, &[]);
        let file = world.open("a");
        world.write(file, 0, 4096);
        world.flush(file);
        let sim = world.sim.clone();
        world.sim.set_file_system_hook(Some(Box::new(move |event| {
            if event.is_before_write() {
                sim.detach('D').expect("detached");
            }
        })));
        world.write(file, 0, 64);
        world.sim.set_file_system_hook(None);
        assert!(!world.sim.is_attached('D'));
        world.cut("after a write that nobody has recorded");
        world.sim.attach('D').expect("attached again");
        world.write(file, 0, 64);
        world.flush(file);
        world.close(file);
        world.end();
    }
}

#[test]
fn volumes_without_persistent_memory_or_ntfs_cost_nothing() {
    let world = World::new();
    for (letter, dax, ntfs) in [('E', false, true), ('F', true, false), ('G', false, false)] {
        world
            .sim
            .add_volume(letter, VolumeOptions { dax, ntfs })
            .expect("a volume");
        assert!(!world.sim.is_attached(letter));
        let callbacks = world.sim.callbacks();
        let path = format!(r"{letter}:\a");
        let file = world
            .sim
            .create_file(&path, Access::ReadWrite, Disposition::CreateNew)
            .expect("a file");
        world.sim.write_file(file, 0, &[1; 5000]).expect("a write");
        world.sim.set_end_of_file(file, 8192).expect("a size");
        let view = world.sim.map_view(file, 0, 4096, true).expect("a view");
        view.store(0, &[2; 64]);
        world.sim.unmap_view(view);
        world.sim.flush_file_buffers(file).expect("a flush");
        let volume = world.sim.open_volume(letter).expect("the volume");
        world.sim.flush_file_buffers(volume).expect("a flush");
        world.sim.close_handle(volume).expect("close");
        world.sim.close_handle(file).expect("close");
        assert_eq!(world.sim.callbacks(), callbacks, "{letter}:");
        assert_eq!(world.sim.observed().flushes, 0);
    }
    world.end();
}

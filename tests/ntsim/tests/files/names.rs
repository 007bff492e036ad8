//! Names: hard links, renames, streams, directories, deletion, reparse points.

use crate::{contents, create, end, machine, open, open_with};
use ntsim::{Access, CreateFileOptions, CutPolicy, Disposition, Handle, NtStatus, Sim};

fn there(sim: &Sim, name: &str) -> bool {
    match open(sim, name, Disposition::OpenExisting) {
        Ok(handle) => sim.close_handle(handle).is_ok(),
        Err(status) => {
            assert_eq!(status, NtStatus::OBJECT_NAME_NOT_FOUND);
            false
        }
    }
}

fn existing(sim: &Sim, name: &str) -> Handle {
    open(sim, name, Disposition::OpenExisting).expect("a file")
}

#[test]
fn a_file_has_all_its_names_until_the_last_is_deleted() {
    let sim = machine();
    let file = create(&sim, "a");
    sim.write_file(file, 0, &[7; 10]).expect("a write");
    sim.create_hard_link(file, r"D:\b").expect("a link");
    let taken = Err(NtStatus::OBJECT_NAME_COLLISION);
    assert_eq!(sim.create_hard_link(file, r"D:\b"), taken);
    let link = existing(&sim, "b");
    assert_eq!(sim.file_id(link), sim.file_id(file));
    sim.set_disposition(file, true).expect("a deletion");
    sim.close_handle(file).expect("close");
    assert!(!there(&sim, "a") && there(&sim, "b"));
    assert_eq!(contents(&sim, link), [7; 10]);
    let id = sim.file_id(link).expect("open");
    sim.set_disposition_ex(link, true).expect("a deletion");
    end(&sim, &[link]);
    assert!(!there(&sim, "b"));
    let cut = sim.power_cut(CutPolicy::Everything);
    assert_eq!(cut.file_size(id), None, "the file is gone");
}

#[test]
fn a_deletion_waits_for_every_handle_of_the_name() {
    let sim = machine();
    let (file, stream) = (create(&sim, "a"), create(&sim, "a:s"));
    sim.set_disposition(file, true).expect("a deletion");
    sim.close_handle(file).expect("close");
    let pending = open(&sim, "a", Disposition::OpenAlways);
    assert_eq!(pending.err(), Some(NtStatus::DELETE_PENDING));
    end(&sim, &[stream]);
    assert!(!there(&sim, "a"));
}

#[test]
fn a_deletion_can_be_withdrawn() {
    let sim = machine();
    let file = create(&sim, "a");
    sim.set_disposition(file, true).expect("a deletion");
    sim.set_disposition(file, false).expect("withdrawn");
    end(&sim, &[file]);
    assert!(there(&sim, "a"));
}

#[test]
fn delete_on_close_deletes() {
    let sim = machine();
    let options = CreateFileOptions {
        delete_on_close: true,
        ..CreateFileOptions::default()
    };
    let file = open_with(&sim, "a", options);
    end(&sim, &[file]);
    assert!(!there(&sim, "a"));
}

#[test]
fn streams_are_files_of_their_own_that_go_with_the_file() {
    let sim = machine();
    let stream = create(&sim, "a:s");
    let file = existing(&sim, "a");
    sim.write_file(stream, 0, &[7; 10]).expect("a write");
    assert_eq!(sim.file_size(file), Ok(0));
    assert_ne!(sim.file_id(stream), sim.file_id(file));
    sim.set_disposition(stream, true).expect("a deletion");
    sim.close_handle(stream).expect("close");
    assert!(there(&sim, "a") && !there(&sim, "a:s"), "only the stream");
    let stream = create(&sim, "a:s");
    sim.close_handle(stream).expect("close");
    sim.set_disposition(file, true).expect("a deletion");
    end(&sim, &[file]);
    let file = create(&sim, "a");
    assert!(!there(&sim, "a:s"));
    end(&sim, &[file]);
}

#[test]
fn renames_move_one_name() {
    for ex in [false, true] {
        let sim = machine();
        let rename = |file, to: &str, replace| {
            if ex {
                sim.rename_ex(file, to, replace)
            } else {
                sim.rename(file, to, replace)
            }
        };
        let (file, other) = (create(&sim, "a"), create(&sim, "other"));
        sim.create_hard_link(file, r"D:\b").expect("a link");
        rename(file, "c", false).expect("within the directory");
        assert!(!there(&sim, "a") && there(&sim, "b") && there(&sim, "c"));
        let taken = Err(NtStatus::OBJECT_NAME_COLLISION);
        assert_eq!(rename(file, r"D:\other", false), taken);
        let in_use = Err(NtStatus::ACCESS_DENIED);
        assert_eq!(rename(file, r"D:\other", true), in_use);
        sim.close_handle(other).expect("close");
        rename(file, r"D:\other", true).expect("a replacement");
        assert!(!there(&sim, "c"));
        let replaced = existing(&sim, "other");
        assert_eq!(sim.file_id(replaced), sim.file_id(file));
        end(&sim, &[file, replaced]);
    }
}

#[test]
fn a_link_may_replace_another_file() {
    let sim = machine();
    let (file, other) = (create(&sim, "a"), create(&sim, "b"));
    sim.close_handle(other).expect("close");
    sim.create_hard_link_with(file, r"D:\b", true)
        .expect("a link");
    let link = existing(&sim, "b");
    assert_eq!(sim.file_id(link), sim.file_id(file));
    end(&sim, &[file, link]);
}

#[test]
fn directories_hold_files() {
    let sim = machine();
    let orphan = open(&sim, r"d\a", Disposition::CreateNew);
    assert_eq!(orphan.err(), Some(NtStatus::OBJECT_PATH_NOT_FOUND));
    sim.create_directory(r"D:\d").expect("a directory");
    let again = sim.create_directory(r"D:\d");
    assert_eq!(again, Err(NtStatus::OBJECT_NAME_COLLISION));
    let file = create(&sim, r"d\a");
    let directory = sim.open_directory(r"D:\d").expect("a directory");
    let root = sim.open_directory(r"D:\").expect("the root");
    let as_file = open(&sim, "d", Disposition::OpenExisting);
    assert_eq!(as_file.err(), Some(NtStatus::FILE_IS_A_DIRECTORY));
    let as_directory = sim.open_directory(r"D:\d\a");
    assert_eq!(as_directory.err(), Some(NtStatus::NOT_A_DIRECTORY));
    let full = Err(NtStatus::DIRECTORY_NOT_EMPTY);
    assert_eq!(sim.set_disposition(directory, true), full);
    let never = Err(NtStatus::CANNOT_DELETE);
    assert_eq!(sim.set_disposition(root, true), never);
    let in_use = Err(NtStatus::ACCESS_DENIED);
    assert_eq!(sim.rename(directory, "e", false), in_use);
    sim.close_handle(file).expect("close");
    sim.rename(directory, "e", false).expect("a rename");
    let file = existing(&sim, r"e\a");
    sim.set_disposition(file, true).expect("a deletion");
    sim.close_handle(file).expect("close");
    sim.set_disposition(directory, true).expect("it is empty");
    end(&sim, &[directory, root]);
    let gone = open(&sim, r"e\a", Disposition::OpenExisting);
    assert_eq!(gone.err(), Some(NtStatus::OBJECT_PATH_NOT_FOUND));
}

#[test]
fn reparse_points_lead_elsewhere() {
    let sim = machine();
    let file = create(&sim, "a");
    sim.make_reparse_point(r"D:\r", r"D:\s").expect("r");
    sim.make_reparse_point(r"D:\s", r"D:\a").expect("s");
    sim.make_reparse_point(r"D:\loop", r"D:\loop")
        .expect("loop");
    let through = sim.create_file(r"D:\r", Access::Read, Disposition::OpenExisting);
    let through = through.expect("the file");
    assert_eq!(sim.file_id(through), sim.file_id(file));
    let endless = open(&sim, "loop", Disposition::OpenExisting);
    assert_eq!(endless.err(), Some(NtStatus::REPARSE_POINT_NOT_RESOLVED));
    end(&sim, &[file, through]);
}

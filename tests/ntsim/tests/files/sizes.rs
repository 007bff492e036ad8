//! Dispositions of creates, and sizes.

use crate::{contents, create, durable, end, machine, open};
use ntsim::{Disposition, NtStatus};

#[test]
fn dispositions_of_names_that_exist_or_do_not() {
    use Disposition::*;
    let missing = Some(NtStatus::OBJECT_NAME_NOT_FOUND);
    let taken = Some(NtStatus::OBJECT_NAME_COLLISION);
    for (how, without, with, left) in [
        (CreateNew, None, taken, 100),
        (OpenExisting, missing, None, 100),
        (OpenAlways, None, None, 100),
        (TruncateExisting, missing, None, 0),
        (CreateAlways, None, None, 0),
        (Supersede, None, None, 0),
    ] {
        let sim = machine();
        let first = open(&sim, "a", how);
        assert_eq!(first.err(), without, "{how:?} of nothing");
        if let Ok(handle) = first {
            sim.close_handle(handle).expect("close");
        }
        let file = open(&sim, "a", OpenAlways).expect("a file");
        sim.write_file(file, 0, &[7; 100]).expect("a write");
        let second = open(&sim, "a", how);
        assert_eq!(second.err(), with, "{how:?} of a file");
        assert_eq!(sim.file_size(file), Ok(left), "{how:?}");
        let handles = [Some(file), second.ok()];
        let handles: Vec<_> = handles.into_iter().flatten().collect();
        end(&sim, &handles);
    }
}

#[test]
fn overwriting_needs_views_out_of_the_way_and_takes_streams_along() {
    let sim = machine();
    let (file, stream) = (create(&sim, "a"), create(&sim, "a:s"));
    for handle in [file, stream] {
        sim.write_file(handle, 0, &[7; 4096]).expect("a write");
    }
    for mapped in [file, stream] {
        let view = sim.map_view(mapped, 0, 4096, false).expect("a view");
        let opened = open(&sim, "a", Disposition::CreateAlways);
        assert_eq!(opened.err(), Some(NtStatus::USER_MAPPED_FILE));
        sim.unmap_view(view);
    }
    assert_eq!(sim.file_size(file), Ok(4096));
    let again = open(&sim, "a", Disposition::CreateAlways).expect("a file");
    assert_eq!((sim.file_size(file), sim.file_size(stream)), (Ok(0), Ok(0)));
    let gone = open(&sim, "a:s", Disposition::OpenExisting);
    assert_eq!(gone.err(), Some(NtStatus::OBJECT_NAME_NOT_FOUND));
    end(&sim, &[file, stream, again]);
}

#[test]
fn what_is_cut_off_reads_as_zero() {
    let sim = machine();
    let file = create(&sim, "a");
    sim.write_file(file, 0, &[7; 300]).expect("a write");
    sim.set_end_of_file(file, 100).expect("truncation");
    sim.set_end_of_file(file, 300).expect("extension");
    let expected = [vec![7; 100], vec![0; 200]].concat();
    assert_eq!(contents(&sim, file), expected);
    assert_eq!(durable(&sim, file, 300), [0; 300]);
    end(&sim, &[file]);
}

#[test]
fn the_allocation_cuts_a_file_off_but_does_not_extend_it() {
    let sim = machine();
    let file = create(&sim, "a");
    sim.write_file(file, 0, &[7; 5000]).expect("a write");
    sim.set_allocation_size(file, 1 << 20).expect("more room");
    assert_eq!(sim.file_size(file), Ok(5000));
    sim.set_allocation_size(file, 4096).expect("less room");
    assert_eq!(contents(&sim, file), [7; 4096]);
    let view = sim.map_view(file, 0, 4096, false).expect("a view");
    let mapped = Err(NtStatus::USER_MAPPED_FILE);
    assert_eq!(sim.set_allocation_size(file, 0), mapped);
    sim.unmap_view(view);
    end(&sim, &[file]);
}

#[test]
fn valid_data_only_grows_and_within_the_file() {
    let sim = machine();
    let file = create(&sim, "a");
    sim.write_file(file, 0, &[7; 100]).expect("a write");
    sim.set_end_of_file(file, 1000).expect("extension");
    let invalid = Err(NtStatus::INVALID_PARAMETER);
    assert_eq!(sim.set_valid_data_length(file, 99), invalid);
    assert_eq!(sim.set_valid_data_length(file, 1001), invalid);
    assert_eq!(sim.set_valid_data_length(file, 1000), Ok(()));
    assert_eq!(sim.set_valid_data_length(file, 999), invalid);
    end(&sim, &[file]);
}

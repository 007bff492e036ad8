//! Writes of every kind, and flushes.

use crate::{contents, create, durable, end, machine, machine_with, open, open_with};
use ntsim::{
    Access, CreateFileOptions, CutPolicy, Disposition, FlushKind, NtStatus, SimOptions,
    WriteOptions,
};

#[test]
fn a_write_is_stored_and_not_durable() {
    let sim = machine();
    let file = create(&sim, "a");
    for fast_io in [false, true] {
        let options = WriteOptions {
            fast_io,
            ..WriteOptions::default()
        };
        assert_eq!(sim.write_file_with(file, 0, &[7; 100], options), Ok(100));
        assert_eq!(contents(&sim, file), [7; 100]);
        assert_eq!(durable(&sim, file, 100), [0; 100]);
    }
    let id = sim.file_id(file).expect("open");
    let mut all = [0; 100];
    sim.power_cut(CutPolicy::Everything).read(id, 0, &mut all);
    assert_eq!(all, [7; 100]);
    end(&sim, &[file]);
}

#[test]
fn no_flush_of_the_file_system_flushes_lines() {
    let sim = machine();
    let (file, volume) = (create(&sim, "a"), sim.open_volume('D').expect("D:"));
    sim.write_file(file, 0, &[7; 64]).expect("a write");
    let kinds = [
        FlushKind::Normal,
        FlushKind::DataOnly,
        FlushKind::NoSync,
        FlushKind::DataSyncOnly,
        FlushKind::AndPurge,
    ];
    for kind in kinds {
        assert_eq!(sim.flush_file(file, kind), Ok(()), "{kind:?}");
    }
    sim.flush_file_buffers(volume).expect("a flush");
    assert_eq!(durable(&sim, file, 64), [0; 64]);
    end(&sim, &[file, volume]);
}

#[test]
fn flushes_are_refused_where_they_mean_nothing() {
    let sim = machine();
    let (file, volume) = (create(&sim, "a"), sim.open_volume('D').expect("D:"));
    let root = sim.open_directory(r"D:\").expect("the root");
    let reader = sim.create_file(r"D:\a", Access::Read, Disposition::OpenExisting);
    let reader = reader.expect("a reader");
    let denied = Err(NtStatus::ACCESS_DENIED);
    assert_eq!(sim.flush_file_buffers(reader), denied);
    let invalid = Err(NtStatus::INVALID_PARAMETER);
    assert_eq!(sim.flush_file(volume, FlushKind::DataOnly), invalid);
    assert_eq!(sim.flush_file(volume, FlushKind::NoSync), invalid);
    assert_eq!(sim.flush_file(volume, FlushKind::DataSyncOnly), invalid);
    assert_eq!(sim.flush_file(root, FlushKind::DataSyncOnly), invalid);
    assert_eq!(sim.flush_file(root, FlushKind::DataOnly), Ok(()));
    assert_eq!(sim.flush_file_buffers(root), Ok(()));
    end(&sim, &[file, volume, root, reader]);
}

#[test]
fn a_purge_needs_views_out_of_the_way() {
    let sim = machine();
    let file = create(&sim, "a");
    sim.write_file(file, 0, &[7; 4096]).expect("a write");
    let view = sim.map_view(file, 0, 4096, true).expect("a view");
    let mapped = Err(NtStatus::USER_MAPPED_FILE);
    assert_eq!(sim.flush_file(file, FlushKind::AndPurge), mapped);
    assert_eq!(sim.flush_file(file, FlushKind::Normal), Ok(()));
    sim.unmap_view(view);
    assert_eq!(sim.flush_file(file, FlushKind::AndPurge), Ok(()));
    end(&sim, &[file]);
}

#[test]
fn writes_fail_and_fall_short_after_some_bytes() {
    let sim = machine();
    let file = create(&sim, "a");
    let fail = WriteOptions {
        fail: Some((10, NtStatus::DISK_FULL)),
        ..WriteOptions::default()
    };
    let failed = sim.write_file_with(file, 0, &[1; 100], fail);
    assert_eq!(failed, Err(NtStatus::DISK_FULL));
    assert_eq!(sim.file_pointer(file), Ok(0));
    assert_eq!(contents(&sim, file), [1; 10]);
    let short = WriteOptions {
        short: Some(20),
        ..WriteOptions::default()
    };
    assert_eq!(sim.write_file_with(file, 0, &[2; 100], short), Ok(20));
    assert_eq!(sim.file_pointer(file), Ok(20));
    assert_eq!(contents(&sim, file), [2; 20]);
    end(&sim, &[file]);
}

#[test]
fn paging_writes_are_durable_and_end_where_the_file_does() {
    let sim = machine();
    let file = create(&sim, "a");
    sim.write_file(file, 0, &[1; 100]).expect("a write");
    let paging = WriteOptions {
        paging: true,
        ..WriteOptions::default()
    };
    assert_eq!(sim.write_file_with(file, 0, &[2; 4096], paging), Ok(100));
    assert_eq!(sim.file_size(file), Ok(100));
    assert_eq!(durable(&sim, file, 100), [2; 100]);
    assert_eq!(sim.write_file_with(file, 8192, &[3; 10], paging), Ok(0));
    assert_eq!(sim.file_pointer(file), Ok(100));
    end(&sim, &[file]);
}

#[test]
fn appends_and_the_file_pointer() {
    let sim = machine();
    let file = create(&sim, "a");
    sim.write_file(file, 0, &[1; 10]).expect("a write");
    sim.append_file(file, &[2; 10]).expect("an append");
    assert_eq!(sim.file_pointer(file), Ok(20));
    sim.read_file(file, 0, &mut [0; 5]).expect("a read");
    assert_eq!(sim.file_pointer(file), Ok(5));
    sim.write_at_current_position(file, &[3; 5])
        .expect("a write");
    let by_driver = WriteOptions {
        position_in_request: true,
        ..WriteOptions::default()
    };
    let written = sim.write_at_current_position_with(file, &[4; 5], by_driver);
    assert_eq!(written, Ok(5));
    let expected = [[1; 5], [3; 5], [4; 5], [2; 5]].concat();
    assert_eq!(contents(&sim, file), expected);
    end(&sim, &[file]);
}

#[test]
fn asynchronous_file_objects_have_no_file_pointer() {
    let sim = machine();
    let options = CreateFileOptions {
        asynchronous: true,
        ..CreateFileOptions::default()
    };
    let file = open_with(&sim, "a", options);
    sim.write_file(file, 0, &[1; 10]).expect("a write");
    sim.append_file(file, &[2; 10]).expect("an append");
    assert_eq!(sim.file_pointer(file), Ok(0));
    let nowhere = sim.write_at_current_position(file, &[3; 5]);
    assert_eq!(nowhere, Err(NtStatus::INVALID_PARAMETER));
    assert_eq!(contents(&sim, file), [[1; 10], [2; 10]].concat());
    end(&sim, &[file]);
}

#[test]
fn options_of_a_handle_go_with_its_writes() {
    let sim = machine();
    let options = CreateFileOptions {
        write_through: true,
        no_intermediate_buffering: true,
        ..CreateFileOptions::default()
    };
    let file = open_with(&sim, "a", options);
    let fast = WriteOptions {
        fast_io: true,
        ..WriteOptions::default()
    };
    // Refused as fast I/O, and done as an IRP.
    assert_eq!(sim.write_file_with(file, 0, &[1; 64], fast), Ok(64));
    assert_eq!(contents(&sim, file), [1; 64]);
    end(&sim, &[file]);
}

#[test]
fn readers_cannot_write() {
    let sim = machine();
    let file = create(&sim, "a");
    let reader = sim.create_file(r"D:\a", Access::Read, Disposition::OpenExisting);
    let reader = reader.expect("a reader");
    let denied = NtStatus::ACCESS_DENIED;
    assert_eq!(sim.write_file(reader, 0, &[1]), Err(denied));
    let pages = sim.prepare_mdl_write(reader, 0, 10, true);
    assert_eq!(pages.err(), Some(denied));
    end(&sim, &[file, reader]);
}

#[test]
fn mdl_writes_store_into_the_files_pages() {
    for fast in [false, true] {
        let sim = machine();
        let file = create(&sim, "a");
        for (offset, length, mdls) in [(0, 100, 1), (5000, 16384, 1), (12_345, 40_000, 3)] {
            let write = sim.prepare_mdl_write(file, offset, length, fast);
            let write = write.expect("pages");
            assert_eq!((write.is_fast(), write.mdls()), (fast, mdls));
            write.store(0, &vec![7; length]);
            write.store(length - 1, &[8]);
            let mut found = vec![0; length];
            let read = sim.read_file(file, offset, &mut found);
            assert_eq!(read, Ok(length), "there before the completion");
            sim.complete_mdl_write(write).expect("written");
            assert!(found[..length - 1].iter().all(|byte| *byte == 7));
            assert_eq!(found[length - 1], 8);
        }
        assert_eq!(sim.file_size(file), Ok(52_345));
        assert_eq!(durable(&sim, file, 100), [0; 100]);
        end(&sim, &[file]);
    }
}

#[test]
fn a_file_that_is_full_takes_no_more() {
    let sim = machine_with(SimOptions {
        file_region_bytes: 4 << 30,
        ..SimOptions::default()
    });
    let (file, next) = (create(&sim, "a"), create(&sim, "b"));
    let end_of_region = 4 << 30;
    sim.write_file(file, end_of_region - 1, &[1]).expect("room");
    let full = Err(NtStatus::DISK_FULL);
    assert_eq!(sim.write_file(file, end_of_region, &[1]), full);
    sim.write_file(next, 0, &[2]).expect("a write");
    let mut last = [0];
    sim.read_file(file, end_of_region - 1, &mut last)
        .expect("a read");
    assert_eq!((last, contents(&sim, next)), ([1], vec![2]));
    let again = open(&sim, "a", Disposition::OpenExisting).expect("a");
    assert_eq!(sim.file_size(again), Ok(end_of_region));
    end(&sim, &[file, next, again]);
}

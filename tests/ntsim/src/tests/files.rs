//! What a filter sees of what programs do with files.

use super::{create, details, fake::*};
use crate::{
    Access, CreateFileOptions, Disposition, FlushKind, NtStatus, Sim, SimOptions, WriteOptions,
    dispatch::{
        CREATE, FILE_SYSTEM_CONTROL, FLUSH_BUFFERS, MDL_WRITE_COMPLETE, PREPARE_MDL_WRITE,
        SET_INFORMATION, WRITE,
    },
    nt::{
        fcb_header as fh, file_object as fo, flt_callback_data as cd, flt_io_parameter_block as pb,
        get, mdl,
    },
    thread,
};

/// A field of callback data's parameters.
fn field<T: Copy>(data: usize, offset: usize) -> T {
    // SAFETY: the callback data that a callback got, and its parameter block.
    unsafe { get(get::<usize>(data, cd::IOPB), offset) }
}

/// A field of a structure that parameters point to.
fn at<T: Copy>(base: usize, offset: usize) -> T {
    // SAFETY: a structure of the simulation, which lives during the callback.
    unsafe { get(base, offset) }
}

/// A machine whose filter writes a line for each pre-operation (`<`) and post-operation (`>`).
fn watching(majors: &[u8], pre: i32, line: fn(usize) -> String) -> (Sim, Log) {
    let log = Log::default();
    let (before, after) = (log.clone(), log.clone());
    let fake = Fake {
        operations: majors.iter().map(|major| (*major, 0, true, true)).collect(),
        pre: Some(Box::new(move |call| {
            before.add(format!("< {}", line(call.data)));
            let flags: u32 = at(call.data, cd::FLAGS);
            let fast = flags & cd::FLTFL_CALLBACK_DATA_FAST_IO_OPERATION != 0;
            if fast { pre } else { WITH_CALLBACK }
        })),
        post: Some(Box::new(move |call| {
            let status = status(call.data).0;
            let information: usize = at(call.data, cd::INFORMATION);
            let line = line(call.data);
            after.add(format!("> {line} = {status:#x} {information}"));
            FINISHED
        })),
        ..Fake::default()
    };
    (machine(SimOptions::default(), fake), log)
}

#[test]
fn flushes_have_minor_codes() {
    let (sim, log) = watching(&[FLUSH_BUFFERS], WITH_CALLBACK, |data| {
        field::<u8>(data, pb::MINOR_FUNCTION).to_string()
    });
    let file = create(&sim, "a");
    for (kind, minor) in [
        (FlushKind::Normal, 0),
        (FlushKind::AndPurge, 1),
        (FlushKind::DataOnly, 2),
        (FlushKind::NoSync, 3),
        (FlushKind::DataSyncOnly, 4),
    ] {
        let callbacks = sim.callbacks();
        sim.flush_file(file, kind).expect("a flush");
        assert_eq!(sim.callbacks() - callbacks, 2);
        let expected = [format!("< {minor}"), format!("> {minor} = 0x0 0")];
        assert_eq!(log.take(), expected);
    }
    assert_eq!(details(&sim), [""; 0]);
}

#[test]
fn writes_carry_the_flags_of_handle_and_request() {
    let (sim, log) = watching(&[WRITE], WITH_CALLBACK, |data| {
        let flags: u32 = at(data, cd::FLAGS);
        let kind = flags & 7;
        let irp: u32 = field(data, pb::IRP_FLAGS);
        let operation: u8 = field(data, pb::OPERATION_FLAGS);
        let (offset, length): (i64, u32) = (
            field(data, pb::WRITE_BYTE_OFFSET),
            field(data, pb::WRITE_LENGTH),
        );
        format!("{kind} {irp:#x} {operation:#x} {offset} {length}")
    });
    let first = |log: &Log| log.take().remove(0);
    let file = create(&sim, "a");
    let options = |change: fn(&mut WriteOptions)| {
        let mut options = WriteOptions::default();
        change(&mut options);
        options
    };
    for (options, seen) in [
        (options(|_| {}), "< 1 0x200 0x0 0 4"),
        (options(|o| o.no_cache = true), "< 1 0x201 0x0 0 4"),
        (options(|o| o.paging = true), "< 1 0x243 0x0 0 4"),
        (options(|o| o.write_through = true), "< 1 0x200 0x4 0 4"),
        (options(|o| o.fast_io = true), "< 2 0x0 0x0 0 4"),
    ] {
        sim.write_file_with(file, 0, &[1; 4], options).expect("it");
        assert_eq!(first(&log), seen);
    }
    sim.append_file(file, &[1; 5]).expect("a write");
    assert_eq!(first(&log), "< 1 0x200 0x0 -1 5");
    sim.write_at_current_position(file, &[1; 6]).expect("it");
    assert_eq!(first(&log), "< 1 0x200 0x0 9 6");
    let by_driver = options(|o| o.position_in_request = true);
    let done = sim.write_at_current_position_with(file, &[1; 7], by_driver);
    assert_eq!((done, first(&log)), (Ok(7), "< 1 0x200 0x0 -2 7".into()));
    let fail = options(|o| o.fail = Some((2, NtStatus::DISK_FULL)));
    let _ = sim.write_file_with(file, 0, &[1; 4], fail);
    let failed = log.take().remove(1);
    assert_eq!(failed, "> 1 0x200 0x0 0 4 = 0xc000007f 0");
    let through = CreateFileOptions {
        write_through: true,
        no_intermediate_buffering: true,
        ..CreateFileOptions::default()
    };
    let file = sim.create_file_with(r"D:\a", through).expect("a file");
    let fast = options(|o| o.fast_io = true);
    sim.write_file_with(file, 0, &[1; 4], fast).expect("it");
    let lines = log.take();
    assert_eq!(lines[0], "< 2 0x0 0x4 0 4");
    assert!(lines[1].ends_with("= 0xc01c0004 0"), "declined");
    assert_eq!(lines[2], "< 1 0x201 0x4 0 4");
    assert_eq!(details(&sim), [""; 0]);
}

#[test]
fn creates_have_dispositions_and_results() {
    let (sim, log) = watching(&[CREATE], WITH_CALLBACK, |data| {
        let context: usize = field(data, pb::CREATE_SECURITY_CONTEXT);
        let access: u32 = at(context, 16);
        let options: u32 = field(data, pb::CREATE_OPTIONS);
        let file: usize = field(data, pb::TARGET_FILE_OBJECT);
        let opened = at::<usize>(file, fo::FS_CONTEXT) != 0;
        format!("{options:#x} {access:#x} {opened}")
    });
    let open = |how| sim.create_file(r"D:\a", Access::ReadWrite, how);
    for (how, lines) in [
        (Disposition::OpenAlways, ["0x3000060", "0x0 2"]),
        (Disposition::OpenAlways, ["0x3000060", "0x0 1"]),
        (Disposition::CreateAlways, ["0x5000060", "0x0 3"]),
        (Disposition::Supersede, ["0x60", "0x0 0"]),
    ] {
        open(how).expect("a file");
        let [options, result] = lines;
        let expected = [
            format!("< {options} 0x12019f false"),
            format!("> {options} 0x12019f true = {result}"),
        ];
        assert_eq!(log.take(), expected);
    }
    sim.make_reparse_point(r"D:\r", r"D:\a").expect("r");
    sim.create_file(r"D:\r", Access::Read, Disposition::OpenExisting)
        .expect("a file");
    let lines = log.take();
    assert_eq!(lines[1], "> 0x1000060 0x120089 false = 0x104 0");
    assert_eq!(lines[3], "> 0x1000060 0x120089 true = 0x0 1");
    assert_eq!(details(&sim), [""; 0]);
}

/// Of a chain: how many MDLs there are, and their bytes.
fn chain(mut first: usize) -> String {
    let (mut count, mut bytes) = (0, 0);
    while first != 0 && at::<u16>(first, mdl::MDL_FLAGS) != 0xdddd {
        count += 1;
        bytes += at::<u32>(first, mdl::BYTE_COUNT);
        first = at(first, mdl::NEXT);
    }
    format!("{count} of {bytes}")
}

#[test]
fn mdl_writes_come_in_two_parts() {
    for (fast, pre) in [
        (false, WITH_CALLBACK),
        (true, WITH_CALLBACK),
        (true, DISALLOW_FASTIO),
    ] {
        let majors = [WRITE, PREPARE_MDL_WRITE, MDL_WRITE_COMPLETE];
        let (sim, log) = watching(&majors, pre, |data| {
            let major: u8 = field(data, pb::MAJOR_FUNCTION);
            let first = match major {
                WRITE => field(data, pb::WRITE_MDL),
                PREPARE_MDL_WRITE => at(field(data, pb::PREPARE_CHAIN), 0),
                _ => field(data, pb::COMPLETE_CHAIN),
            };
            let minor: u8 = field(data, pb::MINOR_FUNCTION);
            format!("{major:x} {minor} {}", chain(first))
        });
        let file = create(&sim, "a");
        let write = sim.prepare_mdl_write(file, 100, 20_000, fast).expect("it");
        sim.complete_mdl_write(write).expect("written");
        let (irp, fast_io) = (
            [
                "< 4 2 0 of 0",
                "> 4 2 2 of 20000 = 0x0 20000",
                "< 4 6 2 of 20000",
                "> 4 6 0 of 0 = 0x0 20000",
            ],
            [
                "< ef 0 0 of 0",
                "> ef 0 2 of 20000 = 0x0 20000",
                "< ee 0 2 of 20000",
                "> ee 0 0 of 0 = 0x0 20000",
            ],
        );
        let lines = log.take();
        match (fast, pre) {
            (false, _) => assert_eq!(lines, irp),
            (true, WITH_CALLBACK) => assert_eq!(lines, fast_io),
            _ => assert_eq!(lines, [&["< ef 0 0 of 0"], &irp[..]].concat()),
        }
        assert_eq!(details(&sim), [""; 0]);
    }
}

#[test]
fn set_information_carries_names_and_their_directory() {
    let (sim, log) = watching(&[SET_INFORMATION], WITH_CALLBACK, |data| {
        let class: u32 = field(data, pb::SET_CLASS);
        let replace: u8 = field(data, pb::SET_REPLACE_IF_EXISTS);
        let parent: usize = field(data, pb::SET_PARENT_OF_TARGET);
        let parent = match parent {
            0 => "none".to_owned(),
            parent => thread::kernel().is_directory(parent).to_string(),
        };
        let buffer: usize = field(data, pb::SET_BUFFER);
        let length: u32 = if class < 13 { at(buffer, 16) } else { 0 };
        format!("{class} {replace} {parent} {length}")
    });
    let file = create(&sim, "a");
    let first = |log: &Log| log.take().remove(0);
    sim.rename(file, r"D:\bc", true).expect("a rename");
    // \??\D:\bc has 9 characters.
    assert_eq!(first(&log), "< 10 1 true 18");
    sim.rename(file, "def", false).expect("a rename");
    assert_eq!(first(&log), "< 10 0 none 6");
    sim.rename_ex(file, "a", false).expect("a rename");
    assert_eq!(first(&log), "< 65 0 none 0");
    sim.create_hard_link(file, r"D:\l").expect("a link");
    assert_eq!(first(&log), "< 11 0 true 16");
    sim.set_end_of_file(file, 100).expect("a size");
    assert_eq!(first(&log), "< 20 0 none 0");
    sim.set_allocation_size(file, 100).expect("a size");
    assert_eq!(first(&log), "< 19 0 none 0");
    sim.set_valid_data_length(file, 100).expect("a size");
    assert_eq!(first(&log), "< 39 0 none 0");
    sim.set_disposition_ex(file, true).expect("a deletion");
    assert_eq!(first(&log), "< 64 0 none 0");
    let kept = sim.kernel.lock().file_objects.len();
    assert_eq!((kept, details(&sim)), (1, vec![]));
}

#[test]
fn controls_have_one_buffer_for_both_ways() {
    let (sim, log) = watching(&[FILE_SYSTEM_CONTROL], WITH_CALLBACK, |data| {
        let code: u32 = field(data, pb::CONTROL_CODE);
        let (input, output): (u32, u32) = (
            field(data, pb::CONTROL_INPUT_LENGTH),
            field(data, pb::CONTROL_OUTPUT_LENGTH),
        );
        let buffer: usize = field(data, pb::CONTROL_BUFFER);
        let first: u32 = at(buffer, 0);
        format!("{code:#x} {input} {output} {first}")
    });
    let file = create(&sim, "a");
    let mut read = [0; 32];
    read[0] = 32;
    let done = sim.fsctl(file, 0x9_4264, &read, &mut [0; 528]);
    assert_eq!(done, Ok(528));
    let expected = ["< 0x94264 32 528 32", "> 0x94264 32 528 528 = 0x0 528"];
    assert_eq!(log.take(), expected);
    assert_eq!(details(&sim), [""; 0]);
}

#[test]
fn file_objects_point_to_headers_with_sizes() {
    let sim = bare();
    let (file, stream) = (create(&sim, "a"), create(&sim, "a:s"));
    let object = |handle: crate::Handle| {
        let found = sim.kernel.object_by_handle(handle.0, 0, true);
        found.expect("a file object")
    };
    let again = sim.create_file(r"D:\a", Access::Read, Disposition::OpenExisting);
    let again = object(again.expect("a file"));
    let (file_object, stream_object) = (object(file), object(stream));
    for offset in [fo::FS_CONTEXT, fo::SECTION_OBJECT_POINTER] {
        let of = |object| at::<usize>(object, offset);
        assert_eq!(of(file_object), of(again));
        assert_ne!(of(file_object), of(stream_object));
        assert_ne!(of(file_object), 0);
    }
    sim.write_file(file, 0, &[1; 5000]).expect("a write");
    sim.set_end_of_file(file, 9000).expect("a size");
    let header: usize = at(file_object, fo::FS_CONTEXT);
    let sizes = [fh::ALLOCATION_SIZE, fh::FILE_SIZE, fh::VALID_DATA_LENGTH];
    let sizes = sizes.map(|offset| at::<u64>(header, offset));
    assert_eq!(sizes, [12288, 9000, 5000]);
    assert_eq!(at::<u8>(header, fh::FLAGS), fh::FSRTL_FLAG_ADVANCED_HEADER);
}

#[test]
fn the_file_system_is_the_top_level_while_it_acts() {
    let log = Log::default();
    let seen = log.clone();
    let (sim, _) = watching(&[WRITE], WITH_CALLBACK, |_| {
        assert_eq!(thread::top_level_irp(), 0);
        String::new()
    });
    let file = create(&sim, "a");
    sim.write_file(file, 0, &[1; 4]).expect("a write");
    let object = sim.kernel.object_by_handle(file.0, 0, true).expect("it");
    let none = crate::callback_data::Parameters::None;
    let act = || {
        seen.add((thread::top_level_irp() != 0).to_string());
        Ok(0)
    };
    sim.dispatch(WRITE, 0, object, none, act).expect("a write");
    assert_eq!(log.take(), ["true"]);
    assert_eq!(details(&sim), [""; 0]);
}

#[test]
fn what_a_driver_refers_to_keeps_a_volume_from_being_locked() {
    const LOCK_VOLUME: u32 = 0x9_0018;
    let sim = bare();
    let (file, volume) = (create(&sim, "a"), sim.open_volume('D').expect("D:"));
    let object = sim.kernel.object_by_handle(file.0, 0, true).expect("it");
    sim.kernel.reference(object);
    sim.close_handle(file).expect("close");
    let lock = || sim.fsctl(volume, LOCK_VOLUME, &[], &mut []);
    assert_eq!(lock(), Err(NtStatus::ACCESS_DENIED));
    sim.kernel.dereference(object);
    assert_eq!(lock(), Ok(0));
    assert_eq!(details(&sim), [""; 0]);
}

#[test]
fn a_file_object_says_that_its_file_is_to_be_deleted() {
    let sim = bare();
    let (file, other) = (create(&sim, "a"), sim.open_directory(r"D:\").expect("it"));
    let object = sim.kernel.object_by_handle(file.0, 0, true).expect("it");
    let pending = || at::<u8>(object, fo::DELETE_PENDING);
    sim.set_disposition(file, true).expect("a deletion");
    assert_eq!(pending(), 1);
    sim.set_disposition(file, false).expect("withdrawn");
    assert_eq!(pending(), 0);
    let object = sim.kernel.object_by_handle(other.0, 0, true).expect("it");
    assert!(sim.kernel.is_directory(object));
    assert_ne!(at::<usize>(object, fo::FS_CONTEXT), 0);
    assert_eq!(details(&sim), [""; 0]);
}

//! The shipped daxflush.sys in the simulated kernel, through what a program can call.

mod common;

use common::{driver, machine};
use daxflush_protocol::{
    CommitReply, CommitRequest, FileRange, Information, Ioctl, MarkDirty, ReplyHeader, Statistics,
    StatisticsReply, StatisticsRequest, USER_PATH, VersionReply, reply_bytes,
};
use ntsim::{Access, CutPolicy, Disposition, Handle, NtStatus, Sim, VolumeOptions};
use std::sync::{Arc, Mutex};
use zerocopy::{FromBytes, IntoBytes};

/// A machine with a DAX volume D: and the driver.
fn boot() -> Sim {
    let sim = machine();
    sim.load_driver(&driver(), "daxflush")
        .expect("the driver loads");
    sim
}

/// Ends a test: the driver unloads, has broken no rule and left nothing behind.
fn end(sim: &Sim) {
    sim.unload_driver("daxflush").expect("the driver unloads");
    assert_eq!(sim.violations(), []);
}

fn create(sim: &Sim, name: &str) -> Handle {
    let path = format!(r"D:\{name}");
    sim.create_file(&path, Access::ReadWrite, Disposition::OpenAlways)
        .expect("a file")
}

fn survives(sim: &Sim, file: Handle, offset: u64, expected: &[u8]) -> bool {
    let id = sim.file_id(file).expect("an open file");
    let mut found = vec![0; expected.len()];
    assert!(
        sim.power_cut(CutPolicy::Durable)
            .read(id, offset, &mut found),
        "the file is there"
    );
    found == expected
}

/// An answer of fixed size.
fn ask<T: FromBytes>(sim: &Sim, device: Handle, what: Ioctl, input: &[u8]) -> Result<T, NtStatus> {
    let mut answer = vec![0; reply_bytes::<T>()];
    let count = sim.device_io_control(device, what.code(), input, &mut answer)?;
    assert_eq!(count, answer.len());
    let (header, body) = ReplyHeader::read_from_prefix(&answer).expect("a header");
    assert_eq!(header.size as usize, count);
    Ok(T::read_from_bytes(body).expect("an answer"))
}

fn statistics(sim: &Sim, device: Handle) -> Statistics {
    let request = StatisticsRequest::default();
    let reply: StatisticsReply =
        ask(sim, device, Ioctl::Statistics, request.as_bytes()).expect("counters");
    reply.counters
}

fn mark(sim: &Sim, device: Handle, file: u64, ranges: &[FileRange]) -> Result<usize, NtStatus> {
    let mut buffer = vec![0; 16 + 16 * ranges.len()];
    let request = MarkDirty::encode(file, ranges, &mut buffer).expect("a request");
    sim.device_io_control(device, Ioctl::MarkDirty.code(), request, &mut [])
}

fn commit(sim: &Sim, device: Handle, file: u64, range: FileRange) -> Result<u64, NtStatus> {
    let request = CommitRequest {
        file,
        range,
        ..CommitRequest::default()
    };
    ask::<CommitReply>(sim, device, Ioctl::Commit, request.as_bytes()).map(|reply| reply.lines)
}

#[test]
fn loads_and_unloads() {
    let sim = boot();
    assert!(sim.is_attached('D'));
    end(&sim);
}

#[test]
fn attaches_to_ntfs_on_dax_only() {
    let sim = boot();
    sim.add_volume(
        'E',
        VolumeOptions {
            dax: false,
            ntfs: true,
        },
    )
    .expect("a volume");
    sim.add_volume(
        'F',
        VolumeOptions {
            dax: true,
            ntfs: false,
        },
    )
    .expect("a volume");
    assert!(sim.is_attached('D') && !sim.is_attached('E') && !sim.is_attached('F'));
    let file = sim
        .create_file(r"E:\x", Access::ReadWrite, Disposition::CreateNew)
        .expect("E:");
    sim.write_file(file, 0, &[1; 4096]).expect("a write");
    sim.flush_file_buffers(file).expect("a flush");
    assert_eq!(sim.observed().flushes, 0);
    sim.close_handle(file).expect("close");
    end(&sim);
}

#[test]
fn a_flushed_write_is_durable_and_costs_its_lines() {
    let sim = boot();
    let file = create(&sim, "a");
    sim.write_file(file, 100, &[7; 1000]).expect("a write");
    assert!(!survives(&sim, file, 100, &[7; 1000]));
    sim.flush_file_buffers(file).expect("a flush");
    assert!(survives(&sim, file, 100, &[7; 1000]));
    // Bytes 100 to 1099 are in lines 1 to 17.
    assert_eq!((sim.observed().flushes, sim.observed().fences), (17, 1));
    sim.flush_file_buffers(file).expect("a flush");
    assert_eq!(
        (sim.observed().flushes, sim.observed().fences),
        (17, 1),
        "nothing was dirty"
    );
    sim.close_handle(file).expect("close");
    end(&sim);
}

#[test]
fn the_last_close_commits() {
    let sim = boot();
    let file = create(&sim, "a");
    sim.write_file(file, 0, &[7; 64]).expect("a write");
    sim.close_handle(file).expect("close");
    let again = create(&sim, "a");
    assert!(survives(&sim, again, 0, &[7; 64]));
    sim.close_handle(again).expect("close");
    end(&sim);
}

#[test]
fn a_growing_file_is_mapped_again() {
    let sim = boot();
    let file = create(&sim, "a");
    for part in 0..20_u64 {
        sim.write_file(file, part * 5000, &[part as u8 + 1; 5000])
            .expect("a write");
        sim.flush_file_buffers(file).expect("a flush");
        assert!(survives(&sim, file, part * 5000, &[part as u8 + 1; 5000]));
    }
    sim.close_handle(file).expect("close");
    end(&sim);
}

#[test]
fn truncation_drops_lines_and_is_not_in_the_way() {
    let sim = boot();
    let file = create(&sim, "a");
    sim.write_file(file, 0, &[7; 8192]).expect("a write");
    sim.flush_file_buffers(file)
        .expect("a flush, which maps the file");
    sim.write_file(file, 0, &[8; 8192]).expect("a write");
    let before = sim.observed();
    sim.set_end_of_file(file, 4096)
        .expect("the conflict callback closes the section");
    sim.flush_file_buffers(file).expect("a flush");
    assert_eq!(
        sim.observed().flushes - before.flushes,
        64,
        "only what is left"
    );
    assert!(survives(&sim, file, 0, &[8; 4096]));
    sim.set_end_of_file(file, 0).expect("truncation");
    sim.write_file(file, 0, &[9; 10]).expect("a write");
    sim.flush_file_buffers(file).expect("a flush");
    assert!(survives(&sim, file, 0, &[9; 10]));
    sim.close_handle(file).expect("close");
    end(&sim);
}

#[test]
fn a_deleted_file_is_let_go() {
    let sim = boot();
    let file = create(&sim, "a");
    sim.write_file(file, 0, &[7; 8192]).expect("a write");
    let flushes = sim.observed().flushes;
    sim.set_disposition(file, true).expect("delete");
    sim.close_handle(file).expect("close");
    assert_eq!(
        sim.observed().flushes,
        flushes,
        "what is deleted is not flushed"
    );
    let status = sim.create_file(r"D:\a", Access::Read, Disposition::OpenExisting);
    assert_eq!(status.err(), Some(NtStatus::OBJECT_NAME_NOT_FOUND));
    end(&sim);
}

#[test]
fn an_append_is_recorded_where_it_landed() {
    let sim = boot();
    let file = create(&sim, "a");
    sim.write_file(file, 0, &[7; 4096]).expect("a write");
    sim.flush_file_buffers(file).expect("a flush");
    let before = sim.observed().flushes;
    sim.append_file(file, &[8; 64]).expect("an append");
    sim.flush_file_buffers(file).expect("a flush");
    assert_eq!(sim.observed().flushes - before, 1);
    assert!(survives(&sim, file, 4096, &[8; 64]));
    sim.close_handle(file).expect("close");
    end(&sim);
}

#[test]
fn reported_stores_cost_their_lines_and_unreported_ones_everything() {
    let sim = boot();
    let device = sim.open_device(USER_PATH).expect("the device");
    let file = create(&sim, "a");
    sim.set_end_of_file(file, 1 << 20).expect("a size");
    let view = sim.map_view(file, 0, 1 << 20, true).expect("a view");
    view.store(70_000, &[5; 8]);
    sim.flush_file_buffers(file).expect("a flush");
    assert!(
        survives(&sim, file, 70_000, &[5; 8]),
        "nothing was reported, so all is flushed"
    );
    assert_eq!(sim.observed().flushes, (1 << 20) / 64);
    let before = sim.observed().flushes;
    view.store(128, &[6; 8]);
    mark(
        &sim,
        device,
        file.as_raw(),
        &[FileRange {
            offset: 128,
            length: 8,
        }],
    )
    .expect("a report");
    assert_eq!(statistics(&sim, device).dirty_lines, 1);
    sim.flush_view_of_file(&view, 0, 4096).expect("a flush");
    assert!(survives(&sim, file, 128, &[6; 8]));
    assert_eq!(sim.observed().flushes - before, 1);
    sim.unmap_view(view);
    sim.close_handle(file).expect("close");
    sim.close_handle(device).expect("close");
    end(&sim);
}

#[test]
fn a_commit_of_a_range_leaves_the_rest_dirty() {
    let sim = boot();
    let device = sim.open_device(USER_PATH).expect("the device");
    let file = create(&sim, "a");
    sim.write_file(file, 0, &[7; 4096]).expect("a write");
    let range = FileRange {
        offset: 64,
        length: 128,
    };
    assert_eq!(commit(&sim, device, file.as_raw(), range), Ok(2));
    assert_eq!(statistics(&sim, device).dirty_lines, 62);
    assert!(survives(&sim, file, 64, &[7; 128]) && !survives(&sim, file, 0, &[7; 64]));
    assert_eq!(
        commit(&sim, device, file.as_raw(), FileRange::default()),
        Ok(62)
    );
    sim.close_handle(file).expect("close");
    sim.close_handle(device).expect("close");
    end(&sim);
}

#[test]
fn a_volume_flush_and_an_unload_commit_every_stream() {
    let sim = boot();
    let (one, two) = (create(&sim, "one"), create(&sim, "two"));
    sim.write_file(one, 0, &[1; 64]).expect("a write");
    sim.write_file(two, 0, &[2; 64]).expect("a write");
    let volume = sim.open_volume('D').expect("the volume");
    sim.flush_file_buffers(volume).expect("a flush");
    assert!(survives(&sim, one, 0, &[1; 64]) && survives(&sim, two, 0, &[2; 64]));
    sim.write_file(one, 64, &[3; 64]).expect("a write");
    end(&sim);
    assert!(survives(&sim, one, 64, &[3; 64]), "unload commits");
}

#[test]
fn requests_that_are_not_valid_change_nothing() {
    let sim = boot();
    let device = sim.open_device(USER_PATH).expect("the device");
    let file = create(&sim, "a");
    let reader = sim
        .create_file(r"D:\a", Access::Read, Disposition::OpenExisting)
        .expect("a reader");
    let range = FileRange {
        offset: 0,
        length: 64,
    };
    let invalid = Err(NtStatus::INVALID_PARAMETER);
    assert_eq!(
        mark(&sim, device, 0x1234, &[range]),
        Err(NtStatus::INVALID_HANDLE)
    );
    assert_eq!(
        mark(&sim, device, reader.as_raw(), &[range]),
        Err(NtStatus::ACCESS_DENIED)
    );
    assert_eq!(
        mark(&sim, device, device.as_raw(), &[range]),
        Err(NtStatus::NOT_SUPPORTED),
        "a file object, but not of a volume"
    );
    assert_eq!(
        mark(&sim, device, file.as_raw(), &[FileRange::default()]),
        invalid
    );
    assert_eq!(mark(&sim, device, file.as_raw(), &[]), invalid);
    let code = Ioctl::MarkDirty.code();
    assert_eq!(
        sim.device_io_control(device, code, &[1, 2, 3], &mut []),
        invalid
    );
    let unknown = sim.device_io_control(device, Ioctl::Commit.code() + 0x100, &[], &mut []);
    assert_eq!(unknown, Err(NtStatus::INVALID_DEVICE_REQUEST));
    let version = sim.device_io_control(device, Ioctl::Version.code(), &[], &mut [0; 19]);
    assert_eq!(version, Err(NtStatus::BUFFER_OVERFLOW));
    let reply: VersionReply = ask(&sim, device, Ioctl::Version, &[]).expect("it");
    assert_eq!(reply.line_size, 64);
    assert_eq!(statistics(&sim, device).dirty_lines, 0);
    for handle in [file, reader, device] {
        sim.close_handle(handle).expect("close");
    }
    end(&sim);
}

#[test]
fn an_open_device_keeps_the_driver() {
    let sim = boot();
    let device = sim.open_device(USER_PATH).expect("the device");
    assert!(sim.unload_driver("daxflush").is_err());
    sim.close_handle(device).expect("close");
    end(&sim);
}

/// Each status-returning call of a commit fails once: the flush fails, nothing is lost, and the
/// next flush makes it durable.
#[test]
fn a_commit_that_fails_says_so_and_forgets_nothing() {
    for routine in [
        "FltAllocateContext",
        "FltCreateSectionForDataScan",
        "ZwMapViewOfSection",
    ] {
        let sim = boot();
        let file = create(&sim, "a");
        sim.write_file(file, 0, &[7; 640]).expect("a write");
        sim.fail_nth(routine, 1);
        let failed = sim.flush_file_buffers(file);
        assert_eq!(failed, Err(NtStatus::INSUFFICIENT_RESOURCES), "{routine}");
        assert_eq!(sim.observed().flushes, 0);
        sim.flush_file_buffers(file).expect("a flush");
        assert!(survives(&sim, file, 0, &[7; 640]), "{routine}");
        sim.close_handle(file).expect("close");
        end(&sim);
    }
}

/// Each call that DriverEntry makes fails once: the driver is not loaded and nothing is left.
#[test]
fn a_load_that_fails_leaves_nothing() {
    for routine in [
        "FltRegisterFilter",
        "IoCreateDevice",
        "RtlCreateSecurityDescriptor",
        "RtlSetDaclSecurityDescriptor",
        "ObOpenObjectByPointer",
        "ZwSetSecurityObject",
        "IoCreateSymbolicLink",
        "FltStartFiltering",
    ] {
        let sim = machine();
        sim.fail_nth(routine, 1);
        assert!(sim.load_driver(&driver(), "daxflush").is_err(), "{routine}");
        sim.check_nothing_left();
        assert_eq!(sim.violations(), [], "{routine}");
    }
}

/// What FlushMethod says is what is executed, and what Version answers.
#[test]
fn the_flush_method_can_be_forced() {
    use ntsim::EventKind::{Fence, Flush};
    let expected = [
        ("none", 0, vec!["Sfence"]),
        ("clflush", 1, vec!["Clflush", "Mfence"]),
        ("clflushopt", 2, vec!["Clflushopt", "Sfence"]),
    ];
    for (name, number, instructions) in expected {
        let sim = machine();
        sim.set_parameter("daxflush", "FlushMethod", name, name == "clflush");
        sim.load_driver(&driver(), "daxflush").expect("it loads");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = seen.clone();
        sim.set_probe(Some(Box::new(move |event| {
            log.lock().expect("the log").push(match event.kind {
                Flush { instruction, .. } => format!("{instruction:?}"),
                Fence { instruction } => format!("{instruction:?}"),
                other => format!("{other:?}"),
            });
        })));
        let file = create(&sim, "a");
        sim.write_file(file, 0, &[7; 64]).expect("a write");
        sim.flush_file_buffers(file).expect("a flush");
        assert_eq!(*seen.lock().expect("the log"), instructions, "{name}");
        let device = sim.open_device(USER_PATH).expect("the device");
        let reply: VersionReply = ask(&sim, device, Ioctl::Version, &[]).expect("the version");
        assert_eq!({ reply.method }, number);
        sim.close_handle(device).expect("close");
        sim.close_handle(file).expect("close");
        end(&sim);
    }
}

/// A setting that means nothing here is not guessed at: the default is in force, and the administrator
/// is told.
#[test]
fn a_flush_method_that_is_none_is_refused() {
    let refused = |prepare: &dyn Fn(&Sim), what: &str| {
        let sim = machine();
        prepare(&sim);
        sim.load_driver(&driver(), "daxflush").expect("it loads");
        let device = sim.open_device(USER_PATH).expect("the device");
        let reply: VersionReply = ask(&sim, device, Ioctl::Version, &[]).expect("the version");
        let automatic = [1, 2, 3].contains(&{ reply.method });
        assert!(automatic, "{what}: {}", { reply.method });
        let information: Information =
            ask(&sim, device, Ioctl::Information, &[]).expect("information");
        assert_eq!({ information.refused_settings }, 1, "{what}");
        let told = sim.error_log();
        assert_eq!(told.len(), 1, "{what}");
        assert_eq!(told[0].strings, ["FlushMethod"], "{what}");
        sim.close_handle(device).expect("close");
        end(&sim);
    };
    let long = "x".repeat(200);
    for text in ["wbinvd", "dc-cvap", "clwb\u{e9}", "CLWB ", long.as_str()] {
        let set = |sim: &Sim| sim.set_parameter("daxflush", "FlushMethod", text, false);
        refused(&set, text);
    }
    let number = |sim: &Sim| sim.set_number_parameter("daxflush", "FlushMethod", 3);
    refused(&number, "a number");
    for routine in ["ZwQueryValueKey", "ZwOpenKey"] {
        let fails = |sim: &Sim| {
            sim.set_parameter("daxflush", "FlushMethod", "clflush", false);
            sim.fail_nth(routine, 1);
        };
        refused(&fails, routine);
    }
}

/// The trap flag sees every instruction; the planted breakpoints must have seen the same flushes.
#[test]
fn the_oracle_misses_no_instruction() {
    let sim = boot();
    let file = create(&sim, "a");
    sim.write_file(file, 0, &[7; 64]).expect("a write");
    sim.flush_file_buffers(file).expect("a flush");
    sim.write_file(file, 100, &[8; 1000]).expect("a write");
    let before = sim.observed();
    let (flushed, audit) = sim
        .audit(|| sim.flush_file_buffers(file))
        .expect("single steps");
    flushed.expect("a flush");
    assert_eq!((audit.unplanted, audit.misplaced), (vec![], vec![]));
    let seen = sim.observed() - before;
    assert_eq!((seen.flushes, seen.fences), (17, 1));
    assert_eq!(audit.events.len() as u64, seen.flushes + seen.fences);
    sim.close_handle(file).expect("close");
    end(&sim);
}

#[test]
fn a_mapping_that_reports_nothing_is_committed_at_unload_and_lets_its_file_go() {
    let sim = boot();
    let file = create(&sim, "a");
    sim.set_end_of_file(file, 8192).expect("a size");
    let view = sim.map_view(file, 0, 8192, true).expect("a view");
    view.store(5000, &[5; 8]);
    sim.flush_file_buffers(file).expect("a flush");
    view.store(6000, &[6; 8]);
    sim.unload_driver("daxflush").expect("the driver unloads");
    assert!(survives(&sim, file, 6000, &[6; 8]));
    assert_eq!(sim.violations(), []);
    sim.load_driver(&driver(), "daxflush")
        .expect("the driver loads again");
    sim.unmap_view(view);
    sim.close_handle(file).expect("close");
    end(&sim);
}

#[test]
fn a_closed_mapping_keeps_no_file_object() {
    let sim = boot();
    let file = create(&sim, "a");
    sim.set_end_of_file(file, 8192).expect("a size");
    let view = sim.map_view(file, 0, 8192, true).expect("a view");
    view.store(5000, &[5; 8]);
    sim.close_handle(file).expect("close");
    sim.unmap_view(view);
    let again = create(&sim, "a");
    assert!(
        survives(&sim, again, 5000, &[5; 8]),
        "the last close commits"
    );
    sim.set_disposition(again, true).expect("delete");
    sim.close_handle(again).expect("close");
    assert_eq!(sim.open_file_objects(), 0);
    end(&sim);
}

/// Another processor extends the file between its truncation and the post-operation that drops the
/// lines beyond the new end: those of the new write must not be dropped with them.
#[test]
fn a_write_that_follows_a_truncation_at_once_is_not_dropped() {
    let sim = boot();
    let file = create(&sim, "a");
    sim.write_file(file, 0, &[7; 8192]).expect("a write");
    let other = sim.clone();
    sim.set_file_system_hook(Some(Box::new(move |event| {
        if event.is_after_set_information() {
            other.write_file(file, 6000, &[9; 500]).expect("a write");
        }
    })));
    sim.set_end_of_file(file, 4096).expect("truncation");
    sim.set_file_system_hook(None);
    sim.flush_file_buffers(file).expect("a flush");
    assert!(survives(&sim, file, 6000, &[9; 500]));
    assert!(survives(&sim, file, 0, &[7; 4096]));
    sim.close_handle(file).expect("close");
    end(&sim);
}

//! What a registration asks for, and what pre-operations may return.

use super::{create, details, fake::*};
use crate::{
    NtStatus, Sim, SimOptions,
    callback_data::Parameters,
    dispatch::{CREATE, FLUSH_BUFFERS, Kind, READ, SHUTDOWN, WRITE},
    nt::{file_object, flt_io_parameter_block as pb, flt_operation_registration as or, put},
};

const IRP: Kind = Kind::Irp { flags: 0 };

fn write_as(sim: &Sim, object: usize, kind: Kind) {
    let none = Parameters::None;
    sim.dispatch_as(kind, WRITE, 0, object, none, || Ok(0))
        .expect("a write");
}

/// The kinds of writes that reach a filter with these flags.
fn seen_writes(flags: u32) -> Vec<&'static str> {
    let log = Log::default();
    let fake = Fake {
        operations: vec![(WRITE, flags, true, false)],
        pre: Some({
            let seen = log.clone();
            Box::new(move |_| {
                seen.add("");
                NO_CALLBACK
            })
        }),
        ..Fake::default()
    };
    let sim = machine(SimOptions::default(), fake);
    let file = create(&sim, "a");
    let object = sim.kernel.object_by_handle(file.0, 0, true).expect("it");
    let flags = |flags| Kind::Irp { flags };
    let kinds = [
        ("cached", IRP),
        ("fast", Kind::FastIo),
        ("paging", flags(pb::IRP_PAGING_IO | pb::IRP_NOCACHE)),
        ("direct", flags(pb::IRP_NOCACHE)),
    ];
    let reached = |kind| {
        write_as(&sim, object, kind);
        !log.take().is_empty()
    };
    let seen = kinds.into_iter().filter(|(_, kind)| reached(*kind));
    seen.map(|(name, _)| name).collect()
}

#[test]
fn registered_flags_skip_operations() {
    assert_eq!(seen_writes(0), ["cached", "fast", "paging", "direct"]);
    assert_eq!(
        seen_writes(or::SKIP_PAGING_IO),
        ["cached", "fast", "direct"]
    );
    assert_eq!(seen_writes(or::SKIP_CACHED_IO), ["paging", "direct"]);
    let not_direct = seen_writes(or::SKIP_NON_CACHED_NON_PAGING_IO);
    assert_eq!(not_direct, ["cached", "fast", "paging"]);
    assert_eq!(seen_writes(or::SKIP_NON_DASD_IO), [""; 0]);
}

#[test]
fn disallowed_fast_io_comes_again_as_an_irp() {
    let log = Log::default();
    let seen = log.clone();
    let fake = Fake {
        operations: vec![(WRITE, 0, true, false)],
        pre: Some(Box::new(move |call| {
            // SAFETY: the callback data's flags.
            let flags: u32 = unsafe { crate::nt::get(call.data, 0) };
            seen.add(format!("{flags}"));
            if flags == 2 {
                DISALLOW_FASTIO
            } else {
                NO_CALLBACK
            }
        })),
        ..Fake::default()
    };
    let sim = machine(SimOptions::default(), fake);
    let file = create(&sim, "a");
    let object = sim.kernel.object_by_handle(file.0, 0, true).expect("it");
    write_as(&sim, object, Kind::FastIo);
    assert_eq!(log.take(), ["2", "1"]);
    assert_eq!(details(&sim), [""; 0]);
}

#[test]
fn callbacks_may_be_null() {
    let log = Log::default();
    let fake = Fake {
        operations: vec![(FLUSH_BUFFERS, 0, false, true), (WRITE, 0, true, false)],
        pre: Some(Box::new(|_| NO_CALLBACK)),
        post: log.callback("post"),
        ..Fake::default()
    };
    let sim = machine(SimOptions::default(), fake);
    let file = create(&sim, "a");
    sim.flush_file_buffers(file).expect("a flush");
    sim.write_file(file, 0, &[1; 8]).expect("a write");
    assert_eq!(log.take(), ["post 0x0"]);
    assert_eq!(details(&sim), [""; 0]);
}

#[test]
fn a_post_operation_that_does_not_exist_cannot_be_asked_for() {
    let fake = Fake {
        operations: vec![(WRITE, 0, true, false)],
        pre: Some(Box::new(|_| SYNCHRONIZE)),
        ..Fake::default()
    };
    let sim = machine(SimOptions::default(), fake);
    let file = create(&sim, "a");
    sim.write_file(file, 0, &[1; 8]).expect("a write");
    let wrong = "pre-operation of 0x4 returned 5 without a post-operation";
    assert_eq!(details(&sim), [wrong]);
}

#[test]
fn asynchronous_reads_and_writes_are_not_synchronized() {
    let fake = Fake {
        operations: vec![(WRITE, 0, true, true), (READ, 0, true, true)],
        pre: Some(Box::new(|_| SYNCHRONIZE)),
        ..Fake::default()
    };
    let sim = machine(SimOptions::default(), fake);
    let file = create(&sim, "a");
    let object = sim.kernel.object_by_handle(file.0, 0, true).expect("it");
    write_as(&sim, object, IRP);
    // SAFETY: a file object, from now on one for asynchronous I/O.
    unsafe { put(object, file_object::FLAGS, 0_u32) };
    write_as(&sim, object, Kind::FastIo);
    let flags = pb::IRP_SYNCHRONOUS_API;
    write_as(&sim, object, Kind::Irp { flags });
    assert_eq!(details(&sim), [""; 0]);
    write_as(&sim, object, IRP);
    let wrong = "an asynchronous read or write was synchronized";
    assert_eq!(details(&sim), [wrong]);
}

#[test]
fn shutdown_has_a_pre_operation_only() {
    let log = Log::default();
    let fake = Fake {
        operations: vec![(SHUTDOWN, 0, true, false)],
        pre: Some({
            let seen = log.clone();
            Box::new(move |_| {
                seen.add("shutdown");
                NO_CALLBACK
            })
        }),
        ..Fake::default()
    };
    let sim = machine(SimOptions::default(), fake);
    sim.shutdown();
    assert_eq!(log.take(), ["shutdown"]);
    assert!(sim.unload_driver("fake").is_err());
    assert_eq!(details(&sim), [""; 0]);
    let fake = Fake {
        operations: vec![(SHUTDOWN, 0, true, true)],
        ..Fake::default()
    };
    let sim = machine(SimOptions::default(), fake);
    assert_eq!(details(&sim), ["a post-operation for IRP_MJ_SHUTDOWN"]);
}

#[test]
fn an_operation_that_the_filter_completes_has_its_status() {
    let fake = Fake {
        operations: vec![(FLUSH_BUFFERS, 0, true, true), (CREATE, 0, true, true)],
        pre: Some(Box::new(|call| {
            set_status(call.data, NtStatus::ACCESS_DENIED);
            COMPLETE
        })),
        ..Fake::default()
    };
    let sim = machine(SimOptions::default(), fake);
    let denied = sim.create_file(r"D:\a", crate::Access::Read, crate::Disposition::OpenAlways);
    assert_eq!(denied, Err(NtStatus::ACCESS_DENIED));
    assert_eq!(details(&sim), [""; 0]);
}

//! Post-operations: where they run, what they return, and work items.

use super::{create, details, fake::*};
use crate::{
    NtStatus, SimOptions,
    callback_data::Parameters,
    dispatch::{CLEANUP, CREATE, FLUSH_BUFFERS, Kind, READ, WRITE},
    nt::flt_io_parameter_block as pb,
    thread,
};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

const BOTH: fn(u8) -> (u8, u32, bool, bool) = |major| (major, 0, true, true);

/// A post-operation that goes on in a work routine.
fn queue(data: usize) -> Result<(), NtStatus> {
    let kernel = thread::kernel();
    let item = kernel.allocate_work_item();
    let queued = kernel.queue_work_item(item, data, work_routine(), 1, 7);
    if queued.is_err() {
        kernel.free_work_item(item);
    }
    queued
}

#[test]
fn the_status_that_a_post_operation_sets_is_the_callers() {
    let fake = Fake {
        operations: vec![BOTH(FLUSH_BUFFERS), BOTH(WRITE)],
        post: Some(Box::new(|call| {
            set_status(call.data, NtStatus::DISK_FULL);
            FINISHED
        })),
        ..Fake::default()
    };
    let sim = machine(SimOptions::default(), fake);
    let file = create(&sim, "a");
    let full = Some(NtStatus::DISK_FULL);
    assert_eq!(sim.flush_file_buffers(file).err(), full);
    assert_eq!(sim.write_file(file, 0, &[1; 8]).err(), full);
    assert_eq!(details(&sim), [""; 0]);
}

#[test]
fn writes_complete_at_dispatch_level_unless_synchronized() {
    let log = Log::default();
    let (seen, pre) = (log.clone(), Arc::new(AtomicUsize::new(0)));
    let next = pre.clone();
    let fake = Fake {
        operations: vec![BOTH(WRITE)],
        pre: Some(Box::new(move |_| next.load(SeqCst) as i32)),
        post: Some(Box::new(move |_| {
            let process = thread::process();
            seen.add(format!("level {} in {process:#x}", thread::irql()));
            FINISHED
        })),
        ..Fake::default()
    };
    let options = SimOptions {
        post_write_in_other_thread: true,
        ..SimOptions::default()
    };
    let sim = machine(options, fake);
    let file = create(&sim, "a");
    sim.write_file(file, 0, &[1; 8]).expect("a write");
    pre.store(SYNCHRONIZE as usize, SeqCst);
    sim.write_file(file, 0, &[1; 8]).expect("a write");
    assert_eq!(log.take(), ["level 2 in 0xfff0", "level 0 in 0x1000"]);
    assert_eq!(details(&sim), [""; 0]);
}

#[test]
fn a_pended_post_operation_is_waited_for() {
    let fake = Fake {
        operations: vec![BOTH(WRITE)],
        post: Some(Box::new(|call| {
            queue(call.data).expect("it is safe");
            MORE_PROCESSING
        })),
        work: Some(Box::new(|call| {
            assert_eq!((thread::irql(), call.context), (0, 7));
            assert!(thread::in_system());
            std::thread::sleep(std::time::Duration::from_millis(20));
            set_status(call.data, NtStatus::DISK_FULL);
            let kernel = thread::kernel();
            kernel.complete_pended_post_operation(call.data);
            kernel.free_work_item(call.objects);
            0
        })),
        ..Fake::default()
    };
    let sim = machine(SimOptions::default(), fake);
    let file = create(&sim, "a");
    let written = sim.write_file(file, 0, &[1; 8]);
    assert_eq!(written, Err(NtStatus::DISK_FULL));
    sim.close_handle(file).expect("close");
    sim.kernel.unregister_filter();
    sim.check_nothing_left();
    assert_eq!(details(&sim), [""; 0]);
}

#[test]
fn completing_twice_is_wrong() {
    let fake = Fake {
        operations: vec![BOTH(WRITE)],
        post: Some(Box::new(|call| {
            let kernel = thread::kernel();
            kernel.complete_pended_post_operation(call.data);
            kernel.complete_pended_post_operation(call.data);
            MORE_PROCESSING
        })),
        ..Fake::default()
    };
    let sim = machine(SimOptions::default(), fake);
    let file = create(&sim, "a");
    sim.write_file(file, 0, &[1; 8]).expect("a write");
    assert_eq!(details(&sim), ["a post-operation was completed twice"]);
}

#[test]
fn an_operation_cannot_end_under_its_work_item() {
    let fake = Fake {
        operations: vec![BOTH(WRITE)],
        post: Some(Box::new(|call| {
            queue(call.data).expect("it is safe");
            FINISHED
        })),
        work: Some(Box::new(|call| {
            std::thread::sleep(std::time::Duration::from_millis(20));
            thread::kernel().free_work_item(call.objects);
            0
        })),
        ..Fake::default()
    };
    let sim = machine(SimOptions::default(), fake);
    let file = create(&sim, "a");
    sim.write_file(file, 0, &[1; 8]).expect("a write");
    let wrong = "an operation ended while a work item still had its callback data";
    assert_eq!(details(&sim), [wrong]);
}

/// Another operation may then have its callback data in the same place.
#[test]
fn a_work_routine_lets_go_of_the_operation_that_it_completes() {
    let log = Log::default();
    let seen = log.clone();
    let fake = Fake {
        operations: vec![BOTH(WRITE)],
        post: Some(Box::new(|call| {
            queue(call.data).expect("it is safe");
            MORE_PROCESSING
        })),
        work: Some(Box::new(move |call| {
            let kernel = thread::kernel();
            let uses = || kernel.outstanding.lock().work.uses(call.data);
            let before = uses();
            kernel.complete_pended_post_operation(call.data);
            seen.add(format!("before: {before}, after: {}", uses()));
            kernel.free_work_item(call.objects);
            0
        })),
        ..Fake::default()
    };
    let sim = machine(SimOptions::default(), fake);
    let file = create(&sim, "a");
    sim.write_file(file, 0, &[1; 8]).expect("a write");
    // The work routine goes on when the write has ended.
    while sim.kernel.work_items() != 0 {
        std::thread::yield_now();
    }
    assert_eq!(log.take(), ["before: true, after: false"]);
    assert_eq!(details(&sim), [""; 0]);
}

#[test]
fn what_is_not_safe_to_post_is_refused() {
    let log = Log::default();
    let seen = log.clone();
    let fake = Fake {
        operations: vec![BOTH(WRITE)],
        post: Some(Box::new(move |call| {
            seen.add(queue(call.data).expect_err("not safe").to_string());
            FINISHED
        })),
        ..Fake::default()
    };
    let sim = machine(SimOptions::default(), fake);
    let file = create(&sim, "a");
    let object = sim.kernel.object_by_handle(file.0, 0, true).expect("it");
    let write = |kind| {
        let none = Parameters::None;
        sim.dispatch_as(kind, WRITE, 0, object, none, || Ok(0))
            .expect("a write");
    };
    sim.with_top_level_irp(|| write(Kind::Irp { flags: 0 }));
    write(Kind::FastIo);
    let flags = pb::IRP_PAGING_IO;
    write(Kind::Irp { flags });
    let refused = NtStatus::FLT_NOT_SAFE_TO_POST_OPERATION.to_string();
    assert_eq!(log.take(), [refused.as_str(); 3]);
    assert_eq!(details(&sim), [""; 0]);
}

#[test]
fn completion_when_safe_follows_its_page() {
    let log = Log::default();
    let seen = log.clone();
    let fake = Fake {
        operations: vec![BOTH(WRITE), BOTH(READ), BOTH(CREATE)],
        post: Some(Box::new(move |call| {
            // The safe callback is this one as well, with another context.
            if call.context == 1 {
                seen.add(format!("safe at {}", thread::irql()));
                return FINISHED;
            }
            let safe = crate::deferred::SafeCompletion {
                data: call.data,
                objects: call.objects,
                context: 1,
                flags: call.flags,
                routine: post_routine(),
            };
            let (done, status) = thread::kernel().complete_when_safe(safe);
            seen.add(format!("{done} {status}"));
            status
        })),
        ..Fake::default()
    };
    let sim = machine(SimOptions::default(), fake);
    let file = create(&sim, "a");
    assert_eq!(log.take(), ["safe at 0", "true 0"]);
    assert_eq!(details(&sim), [""; 0]);
    sim.write_file(file, 0, &[1; 8]).expect("a write");
    let mut lines = log.take();
    lines.sort();
    assert_eq!(lines, ["safe at 0", "true 1"]);
    let wrong = "completion when safe of major function 0x4";
    assert_eq!(details(&sim), [wrong]);
}

#[test]
fn a_cleanup_cannot_be_failed() {
    let fake = Fake {
        operations: vec![BOTH(CLEANUP)],
        post: Some(Box::new(|call| {
            set_status(call.data, NtStatus::DISK_FULL);
            FINISHED
        })),
        ..Fake::default()
    };
    let sim = machine(SimOptions::default(), fake);
    let file = create(&sim, "a");
    sim.close_handle(file).expect("close");
    assert_eq!(details(&sim), ["the filter failed a cleanup or close"]);
}

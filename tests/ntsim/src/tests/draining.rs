//! Operations under way while their instance is torn down.

use super::{create, details, fake::*};
use crate::{Sim, SimOptions, dispatch::WRITE, thread};
use std::{
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

/// A minifilter that sees writes with this pre-operation status.
fn watching(log: &Log, status: i32) -> Fake {
    let (pre, post) = (log.clone(), log.clone());
    Fake {
        operations: vec![(WRITE, 0, true, true)],
        pre: Some(Box::new(move |call| {
            pre.add("pre");
            call.context = 7;
            status
        })),
        post: Some(Box::new(move |call| {
            assert_eq!(call.context, 7);
            post.add(format!("post {:#x}", call.flags));
            if call.flags == 1 {
                assert!(thread::irql() <= thread::APC_LEVEL);
                assert_eq!(status_of(call.data), "STATUS_FLT_POST_OPERATION_CLEANUP");
            }
            FINISHED
        })),
        start: log.callback("start"),
        complete: log.callback("complete"),
        query_teardown: Some(Box::new(|_| 0)),
        ..Fake::default()
    }
}

fn status_of(data: usize) -> String {
    let text = status(data).to_string();
    text.split(' ').next().unwrap_or_default().to_owned()
}

#[test]
fn a_write_below_is_drained_before_it_is_stored() {
    let log = Log::default();
    let sim = machine(SimOptions::default(), watching(&log, WITH_CALLBACK));
    let file = create(&sim, "a");
    let (other, lines) = (sim.clone(), log.clone());
    sim.set_file_system_hook(Some(Box::new(move |event| {
        if event.is_before_write() {
            std::thread::scope(|scope| {
                scope.spawn(|| other.detach('D').expect("it may be detached"));
            });
            lines.add("stored");
        }
    })));
    assert_eq!(sim.write_file(file, 0, &[1; 8]), Ok(8));
    sim.set_file_system_hook(None);
    let expected = ["pre", "start 0x1", "post 0x1", "complete 0x1", "stored"];
    assert_eq!(log.take(), expected);
    assert_eq!(details(&sim), [""; 0]);
}

#[test]
fn a_synchronized_write_is_waited_for() {
    let log = Log::default();
    let sim = machine(SimOptions::default(), watching(&log, SYNCHRONIZE));
    let file = create(&sim, "a");
    let below = Arc::new(Barrier::new(2));
    let (meet, lines) = (below.clone(), log.clone());
    sim.set_file_system_hook(Some(Box::new(move |event| {
        if event.is_before_write() {
            meet.wait();
            std::thread::sleep(Duration::from_millis(50));
            lines.add("stored");
        }
    })));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            below.wait();
            sim.detach('D').expect("it may be detached");
        });
        sim.write_file(file, 0, &[1; 8]).expect("a write");
    });
    let expected = ["pre", "start 0x1", "stored", "post 0x0", "complete 0x1"];
    assert_eq!(log.take(), expected);
    assert_eq!(details(&sim), [""; 0]);
}

/// An operation that begins during the teardown is not the instance's any more.
#[test]
fn a_write_during_the_teardown_calls_nobody() {
    let log = Log::default();
    let file = Arc::new(std::sync::Mutex::new(None));
    let (writer, lines) = (file.clone(), log.clone());
    let fake = Fake {
        start: Some(Box::new(move |_| {
            lines.add("start");
            let guard = writer.lock().expect("the file");
            let (sim, file): &(Sim, _) = guard.as_ref().expect("a file");
            sim.write_file(*file, 0, &[1; 8]).expect("a write");
            0
        })),
        ..watching(&log, WITH_CALLBACK)
    };
    let sim = machine(SimOptions::default(), fake);
    *file.lock().expect("the file") = Some((sim.clone(), create(&sim, "a")));
    sim.detach('D').expect("it may be detached");
    assert_eq!(log.take(), ["start", "complete 0x1"]);
    *file.lock().expect("the file") = None;
    assert_eq!(details(&sim), [""; 0]);
}

#[test]
fn a_teardown_waits_for_work_items() {
    let log = Log::default();
    let done = Arc::new(AtomicBool::new(false));
    let (finished, seen) = (done.clone(), done.clone());
    let lines = log.clone();
    let fake = Fake {
        post: Some(Box::new(|call| {
            let kernel = thread::kernel();
            let item = kernel.allocate_work_item();
            kernel
                .queue_work_item(item, call.data, work_routine(), 0, 0)
                .expect("it is safe");
            MORE_PROCESSING
        })),
        work: Some(Box::new(move |call| {
            let kernel = thread::kernel();
            kernel.complete_pended_post_operation(call.data);
            kernel.free_work_item(call.objects);
            std::thread::sleep(Duration::from_millis(50));
            finished.store(true, SeqCst);
            0
        })),
        complete: Some(Box::new(move |_| {
            lines.add(format!("complete, work done: {}", seen.load(SeqCst)));
            0
        })),
        ..watching(&log, WITH_CALLBACK)
    };
    let sim = machine(SimOptions::default(), fake);
    let file = create(&sim, "a");
    sim.write_file(file, 0, &[1; 8]).expect("a write");
    sim.detach('D').expect("it may be detached");
    let expected = ["pre", "start 0x1", "complete, work done: true"];
    assert_eq!(log.take(), expected);
    assert!(done.load(SeqCst));
    assert_eq!(details(&sim), [""; 0]);
}

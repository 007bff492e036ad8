//! Attaching, detaching, unloading and dismounting.

use super::{create, details, fake::*};
use crate::{NtStatus, SimError, SimOptions, dispatch::WRITE, nt::flt_registration as fr, thread};

/// A minifilter that logs what happens to its instances and sees writes.
fn logging(log: &Log) -> Fake {
    Fake {
        operations: vec![(WRITE, 0, true, true)],
        pre: log.callback("pre"),
        post: log.callback("post"),
        setup: log.callback("setup"),
        query_teardown: log.callback("query"),
        start: log.callback("start"),
        complete: log.callback("complete"),
        unload: Some({
            let log = log.clone();
            Box::new(move |call| {
                log.add(format!("unload {:#x}", call.flags));
                thread::kernel().unregister_filter();
                0
            })
        }),
        ..Fake::default()
    }
}

#[test]
fn detaching_and_attaching() {
    let log = Log::default();
    let sim = machine(SimOptions::default(), logging(&log));
    assert_eq!(log.take(), ["setup 0x1"]);
    let collision = Err(NtStatus::FLT_INSTANCE_NAME_COLLISION);
    assert_eq!(sim.attach('D'), collision);
    let old = sim.kernel.lock().volumes[0].instance_address();
    sim.detach('D').expect("it may be detached");
    assert_eq!(log.take(), ["query 0x0", "start 0x1", "complete 0x1"]);
    assert!(!sim.is_attached('D'));
    let not_found = Err(NtStatus::FLT_INSTANCE_NOT_FOUND);
    assert_eq!(sim.detach('D'), not_found);
    let file = create(&sim, "a");
    sim.write_file(file, 0, &[1; 8]).expect("a write");
    assert_eq!(log.take(), [""; 0]);
    sim.attach('D').expect("it may be attached");
    sim.write_file(file, 0, &[1; 8]).expect("a write");
    assert_eq!(log.take(), ["setup 0x2", "pre 0x0", "post 0x0"]);
    let gone = sim.kernel.live_instance(old);
    assert_eq!(gone, Err(NtStatus::FLT_DELETING_OBJECT));
    assert_eq!(details(&sim), [""; 0]);
}

#[test]
fn a_filter_may_refuse_to_be_detached() {
    let log = Log::default();
    let fake = Fake {
        query_teardown: Some(Box::new(|_| NtStatus::FLT_DO_NOT_DETACH.0)),
        ..logging(&log)
    };
    let sim = machine(SimOptions::default(), fake);
    let refused = Err(NtStatus::FLT_DO_NOT_DETACH);
    assert_eq!(sim.detach('D'), refused);
    let without = Fake {
        query_teardown: None,
        ..logging(&log)
    };
    let sim = machine(SimOptions::default(), without);
    assert_eq!(sim.detach('D'), refused);
    assert!(sim.is_attached('D'));
}

#[test]
fn unloading_has_a_reason() {
    let log = Log::default();
    let sim = machine(SimOptions::default(), logging(&log));
    sim.unload_driver("fake").expect("it unloads");
    let lines = ["setup 0x1", "unload 0x0", "start 0x2", "complete 0x2"];
    assert_eq!(log.take(), lines);
    register(&sim.kernel, logging(&log));
    sim.stop_driver_mandatory("fake").expect("it stops");
    let lines = ["setup 0x1", "unload 0x1", "start 0x4", "complete 0x4"];
    assert_eq!(log.take(), lines);
    assert_eq!(details(&sim), [""; 0]);
}

#[test]
fn a_mandatory_unload_cannot_be_declined_but_disabled() {
    let log = Log::default();
    let fake = Fake {
        unload: Some(Box::new(|_| NtStatus::FLT_DO_NOT_DETACH.0)),
        ..logging(&log)
    };
    let sim = machine(SimOptions::default(), fake);
    assert!(sim.unload_driver("fake").is_err());
    sim.stop_driver_mandatory("fake").expect("it stops");
    let wrong = "the filter is still registered after a mandatory unload";
    assert_eq!(details(&sim), [wrong]);
    let fake = Fake {
        registration_flags: fr::DO_NOT_SUPPORT_SERVICE_STOP,
        ..logging(&log)
    };
    let sim = machine(SimOptions::default(), fake);
    let refused = sim.stop_driver_mandatory("fake");
    assert!(matches!(refused, Err(SimError::Driver { .. })));
    sim.unload_driver("fake").expect("it unloads");
}

#[test]
fn what_was_open_on_a_dismounted_volume_is_dead() {
    let log = Log::default();
    let sim = machine(SimOptions::default(), logging(&log));
    let old = create(&sim, "a");
    sim.write_file(old, 0, &[1; 8]).expect("a write");
    log.take();
    sim.dismount('D').expect("D:");
    assert_eq!(log.take(), ["start 0x8", "complete 0x8"]);
    let dead = Err(NtStatus::VOLUME_DISMOUNTED);
    assert_eq!(sim.write_file(old, 0, &[1; 8]), dead);
    let new = create(&sim, "b");
    assert_eq!(log.take(), ["setup 0x5"]);
    assert!(sim.is_attached('D'));
    sim.write_file(new, 0, &[1; 8]).expect("a write");
    assert_eq!(log.take(), ["pre 0x0", "post 0x0"]);
    assert_eq!(sim.write_file(old, 0, &[1; 8]), dead);
    assert_eq!(log.take(), [""; 0], "no instance is on the old mount");
    sim.close_handle(old).expect("close");
    sim.close_handle(new).expect("close");
    assert_eq!(details(&sim), [""; 0]);
}

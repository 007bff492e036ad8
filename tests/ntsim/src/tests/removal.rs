//! Removal of the device below a volume.

use super::{create, details, fake::*};
use crate::{
    Access, Disposition, NtStatus, SimOptions,
    dispatch::PNP,
    nt::{flt_callback_data as cd, flt_io_parameter_block as pb, get},
    thread,
};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::SeqCst},
};

/// A minifilter that logs PnP requests, and completes queries with a failure while `refuse`.
fn plug_and_play(log: &Log, refuse: &Arc<AtomicBool>) -> Fake {
    let (lines, refuse) = (log.clone(), refuse.clone());
    Fake {
        operations: vec![(PNP, 0, true, true)],
        pre: Some(Box::new(move |call| {
            // SAFETY: the callback data that a callback got, in all of these.
            let parameters: usize = unsafe { get(call.data, cd::IOPB) };
            // SAFETY: as above.
            let minor: u8 = unsafe { get(parameters, pb::MINOR_FUNCTION) };
            // SAFETY: as above.
            let file: usize = unsafe { get(parameters, pb::TARGET_FILE_OBJECT) };
            assert_eq!((file, thread::process()), (0, thread::SYSTEM));
            lines.add(format!("{minor:#x}"));
            if minor == 1 && refuse.load(SeqCst) {
                set_status(call.data, NtStatus::DISK_FULL);
                return COMPLETE;
            }
            NO_CALLBACK
        })),
        start: log.callback("start"),
        complete: log.callback("complete"),
        ..Fake::default()
    }
}

#[test]
fn a_query_may_be_refused_or_cancelled() {
    let (log, refuse) = (Log::default(), Arc::new(AtomicBool::new(true)));
    let sim = machine(SimOptions::default(), plug_and_play(&log, &refuse));
    assert_eq!(sim.query_remove('D'), Err(NtStatus::DISK_FULL));
    assert_eq!(log.take(), ["0x1", "0x3"]);
    refuse.store(false, SeqCst);
    let file = create(&sim, "a");
    let denied = Some(NtStatus::ACCESS_DENIED);
    assert_eq!(sim.query_remove('D').err(), denied, "a file is open");
    assert_eq!(log.take(), ["0x1", "0x3"]);
    sim.close_handle(file).expect("close");
    sim.query_remove('D').expect("nothing is open");
    let opened = sim.create_file(r"D:\a", Access::Read, Disposition::OpenExisting);
    assert_eq!(opened.err(), denied);
    sim.cancel_remove('D').expect("D:");
    let opened = sim.create_file(r"D:\a", Access::Read, Disposition::OpenExisting);
    assert!(opened.is_ok());
    assert_eq!(details(&sim), [""; 0]);
}

#[test]
fn a_removal_dismounts() {
    let (log, refuse) = (Log::default(), Arc::default());
    let sim = machine(SimOptions::default(), plug_and_play(&log, &refuse));
    assert_eq!(sim.remove('D'), Err(NtStatus::INVALID_DEVICE_STATE));
    sim.query_remove('D').expect("nothing is open");
    sim.remove('D').expect("it was asked for");
    assert_eq!(log.take(), ["0x1", "0x2", "start 0x8", "complete 0x8"]);
    let opened = sim.create_file(r"D:\a", Access::Read, Disposition::OpenAlways);
    assert_eq!(opened.err(), Some(NtStatus::DEVICE_DOES_NOT_EXIST));
    assert!(!sim.is_attached('D'));
    assert_eq!(details(&sim), [""; 0]);
}

#[test]
fn the_memory_of_a_surprise_removal_is_gone() {
    let (log, refuse) = (Log::default(), Arc::default());
    let sim = machine(SimOptions::default(), plug_and_play(&log, &refuse));
    let file = create(&sim, "a");
    sim.write_file(file, 0, &[1; 8]).expect("a write");
    assert!(!sim.kernel.is_removed_memory(0));
    sim.surprise_remove('D').expect("D:");
    assert_eq!(log.take(), ["0x17", "start 0x8", "complete 0x8"]);
    assert!(sim.kernel.is_removed_memory(0), "the file's first line");
    let gone = Err(NtStatus::DEVICE_DOES_NOT_EXIST);
    assert_eq!(sim.write_file(file, 0, &[1; 8]), gone);
    sim.close_handle(file).expect("close");
    assert_eq!(details(&sim), [""; 0]);
}

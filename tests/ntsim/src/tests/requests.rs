//! Requests to a device: what comes back, and what is sent when a handle is closed.

use super::{
    details,
    driver::{Irp, machine},
    fake::Log,
};
use crate::{
    NtStatus,
    dispatch::{CLEANUP, CLOSE},
    nt::put,
    thread,
};
use std::sync::{Arc, Barrier};

const PATH: &str = r"\\.\Test";
/// The system buffer is not touched.
const BUFFERED: u32 = 0x800 << 2;
const NEITHER: u32 = BUFFERED | 3;

/// Returns the status that the code's upper half stands for, and 4 bytes.
fn answer(irp: &Irp) -> (NtStatus, usize) {
    let status = match irp.code >> 16 {
        1 => NtStatus::BUFFER_OVERFLOW,
        2 => NtStatus::INVALID_PARAMETER,
        _ => NtStatus::SUCCESS,
    };
    if irp.buffer != 0 {
        // SAFETY: the IRP's system buffer, which has 8 bytes at least.
        unsafe { put(irp.buffer, 0, 0x0403_0201_u32) };
    }
    (status, if irp.code == 0 { 0 } else { 4 })
}

#[test]
fn a_warning_brings_bytes_and_an_error_none() {
    let machine = machine(answer);
    machine.start_device(0, false);
    let sim = &machine.sim;
    let device = sim.open_device(PATH).expect("the device");
    let control = |code| {
        let mut output = [0; 8];
        let (status, count) = sim.device_io_control_raw(device, code, &[], &mut output);
        (status, count, output[0])
    };
    assert_eq!(control(BUFFERED), (NtStatus::SUCCESS, 4, 1));
    let warning = (NtStatus::BUFFER_OVERFLOW, 4, 1);
    assert_eq!(control(1 << 16 | BUFFERED), warning);
    let error = (NtStatus::INVALID_PARAMETER, 0, 0);
    assert_eq!(control(2 << 16 | BUFFERED), error);
    assert_eq!(control(NEITHER), (NtStatus::SUCCESS, 0, 0));
    let mut output = [0; 8];
    let warned = sim.device_io_control(device, 1 << 16 | BUFFERED, &[], &mut output);
    assert_eq!(
        (warned.err(), output[3]),
        (Some(NtStatus::BUFFER_OVERFLOW), 4)
    );
    assert_eq!(details(sim), [""; 0]);
    let short = sim.device_io_control(device, BUFFERED, &[0; 8], &mut [0; 2]);
    assert_eq!(short.err(), Some(NtStatus::INVALID_PARAMETER));
    assert_eq!(details(sim), ["more bytes returned than the output has"]);
}

#[test]
fn cleanup_comes_with_the_last_handle_and_close_after_what_is_under_way() {
    let log = Log::default();
    let (entered, closed) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let (lines, at, until) = (log.clone(), entered.clone(), closed.clone());
    let machine = machine(move |irp| {
        match irp.major {
            CLEANUP => lines.add(format!("cleanup {:#x}", thread::process())),
            CLOSE => lines.add("close"),
            0x0e => {
                at.wait();
                until.wait();
                lines.add("control");
            }
            _ => {}
        }
        (NtStatus::SUCCESS, 0)
    });
    machine.start_device(0, false);
    let sim = &machine.sim;
    let device = sim.open_device(PATH).expect("the device");
    let copy = sim.duplicate_device_handle(device, 0x2000).expect("a copy");
    assert_eq!(sim.close_handle(copy), Err(NtStatus::INVALID_HANDLE));
    std::thread::scope(|scope| {
        let other = scope.spawn(|| sim.device_io_control(device, BUFFERED, &[], &mut []));
        entered.wait();
        sim.close_handle(device).expect("close");
        assert_eq!(log.take(), [""; 0], "another handle is open");
        sim.in_process(0x2000, || sim.close_handle(copy))
            .expect("close");
        assert_eq!(log.take(), ["cleanup 0x2000"]);
        assert_eq!(sim.open_file_objects(), 1);
        closed.wait();
        assert!(other.join().expect("no panic").is_ok());
    });
    assert_eq!(log.take(), ["control", "close"]);
    assert_eq!(sim.open_file_objects(), 0);
    let gone = sim.device_io_control(device, BUFFERED, &[], &mut []);
    assert_eq!(gone, Err(NtStatus::INVALID_HANDLE));
    assert_eq!(details(sim), [""; 0]);
}

#[test]
fn a_process_that_ends_closes_its_copy() {
    let log = Log::default();
    let lines = log.clone();
    let machine = machine(move |irp| {
        lines.add(format!("{:#x} {:#x}", irp.major, thread::process()));
        (NtStatus::SUCCESS, 0)
    });
    machine.start_device(0, false);
    let sim = &machine.sim;
    let device = sim.open_device(PATH).expect("the device");
    let copy = sim.duplicate_device_handle(device, 0x2000).expect("a copy");
    let control = || sim.device_io_control(copy, BUFFERED, &[], &mut []);
    assert!(sim.in_process(0x2000, control).is_ok());
    sim.close_handle(device).expect("close");
    sim.exit_process(0x2000);
    let expected = ["0x0 0x1000", "0xe 0x2000", "0x12 0x2000", "0x2 0x2000"];
    assert_eq!(log.take(), expected);
}

//! What programs ask of the driver itself.

use super::{
    commits::{Shared, prepared},
    thread,
};
use crate::schedules::machine::{BYTES, Machine};
use daxctl::client::{ClientError, DaxFile, Device, Recording, Simulated};
use daxflush_protocol::{FileRange, Setting, write_flag::FLUSH};
use ntsim::{NtStatus, Program, scheduling_point};
use std::sync::Arc;

const ALL: FileRange = FileRange {
    offset: 0,
    length: 0,
};

pub fn begin_drain(machine: &Machine) -> Vec<Program> {
    let shared = Shared::new(prepared(machine, "a"), 3);
    let program = |name, offset| {
        let shared = shared.clone();
        thread(name, machine, move |machine| {
            let client = machine.client();
            machine.write(shared.file, offset, 128);
            let commit = machine.begins_commit();
            client.begin(shared.file.handle, ALL).expect("a commit");
            machine.write(shared.file, offset, 64);
            client.drain().expect("a drain");
            machine.committed("a commit and a drain", commit, &[shared.file]);
            client.close();
            shared.done(machine);
        })
    };
    let full = shared.clone();
    vec![
        program("one", 0),
        program("two", 64),
        thread("commits", machine, move |machine| {
            machine.flush(full.file);
            full.done(machine);
        }),
    ]
}

pub fn view(machine: &Machine) -> Vec<Program> {
    let file = prepared(machine, "a");
    let view = machine.sim.map_view(file.handle, 0, BYTES, true);
    let view = view.expect("a view");
    let client = machine.client();
    let range = FileRange {
        offset: 0,
        length: 8,
    };
    // From now on the process is one that reports.
    client.mark(file.handle, &[range]).expect("a report");
    machine.flush(file);
    let shared = Shared::new(file, 2);
    let (one, two) = (shared.clone(), shared);
    vec![
        thread("stores", machine, move |machine| {
            for offset in [0, 32] {
                let length = 64;
                let stored = machine.stores(one.file, offset, length, |data| {
                    view.store(offset, data);
                    scheduling_point("(stored)");
                    client.mark(one.file.handle, &[FileRange { offset, length }])
                });
                stored.expect("a report");
            }
            machine.sim.unmap_view(view);
            client.close();
            one.done(machine);
        }),
        thread("commits", machine, move |machine| {
            machine.flush(two.file);
            machine.flush(two.file);
            two.done(machine);
        }),
    ]
}

fn status(error: ClientError<NtStatus>) -> NtStatus {
    match error {
        ClientError::Platform(status) => status,
        other => panic!("{other}"),
    }
}

pub fn log(machine: &Machine) -> Vec<Program> {
    let shared = Shared::new(prepared(machine, "a"), 2);
    let device = Device::open(Simulated(machine.sim.clone())).expect("the device");
    let recording = Recording::Log { entries: 64 };
    let dax = DaxFile::open(&Arc::new(device), r"D:\a", recording);
    let mut dax = dax.expect("a file");
    dax.map(0, BYTES).expect("a view");
    machine.flush(shared.file);
    let (one, two) = (shared.clone(), shared);
    vec![
        thread("stores", machine, move |machine| {
            for offset in [0, 32, 128] {
                let stored = machine.stores(one.file, offset, 64, |data| {
                    dax.store(offset, data).map_err(status)
                });
                stored.expect("a store");
            }
            dax.close().expect("closed");
            one.done(machine);
        }),
        thread("commits", machine, move |machine| {
            for _ in 0..3 {
                machine.flush(two.file);
            }
            two.done(machine);
        }),
    ]
}

pub fn token(machine: &Machine) -> Vec<Program> {
    let file = prepared(machine, "a");
    let client = machine.client();
    let token = client.get_token(file.handle, 0..1024).expect("a token");
    vec![
        thread("by token", machine, move |machine| {
            let region = 0..256;
            let commit = machine.begins_commit();
            let flushed = client.flush_token(token, std::slice::from_ref(&region), 0);
            if flushed.is_ok() {
                machine.committed_range("a flush by token", commit, (file.number, region));
            }
            may_be_gone(flushed.map(|_| ()));
            let stored = machine.stores(file, 256, 64, |data| {
                client.write_token(token, 256, data, FLUSH)
            });
            may_be_gone(stored);
            may_be_gone(client.free_token(token));
            client.close();
        }),
        thread("closes", machine, move |machine| {
            machine.write(file, 0, 128);
            machine.flush(file);
            machine.write(file, 64, 64);
            machine.close(file);
        }),
    ]
}

/// A token ends with its file.
fn may_be_gone(done: Result<(), NtStatus>) {
    let gone = [NtStatus::INVALID_PARAMETER, NtStatus::FILE_CLOSED];
    assert!(
        done.is_ok() || done.is_err_and(|status| gone.contains(&status)),
        "{done:?}"
    );
}

pub fn settings(machine: &Machine) -> Vec<Program> {
    let file = prepared(machine, "a");
    vec![
        thread("settings", machine, move |machine| {
            let client = machine.client();
            for (setting, value) in [
                (Setting::BatchRanges, 1),
                (Setting::MaxViews, 1),
                (Setting::TrackingKiB, 64),
                (Setting::BatchRanges, 64),
            ] {
                client.set(setting, value, false).expect("a setting");
            }
            client.close();
        }),
        thread("commits", machine, move |machine| {
            machine.write(file, 0, 64);
            machine.write(file, 128, 64);
            machine.flush(file);
            machine.write(file, 64, 64);
            machine.close(file);
        }),
        thread("another", machine, move |machine| {
            let file = machine.open("b");
            machine.write(file, 0, 256);
            machine.close(file);
        }),
    ]
}

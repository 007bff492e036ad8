//! Commits in the middle of writes, and stores in the middle of commits.

use super::Outcome;
use crate::crash::session::{File, Marker, Session, whole};
use ntsim::{FsEvent, Sim};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// A commit by another processor at one moment of a write.
fn commit_at(session: &Session, file: File, when: fn(&FsEvent) -> bool) {
    let (sim, marker): (Sim, Marker) = (session.sim.clone(), session.marker.clone());
    let mut left = 1;
    session
        .sim
        .set_file_system_hook(Some(Box::new(move |event| {
            if left == 1 && when(event) {
                left = 0;
                let commit = marker.committing("another's flush", &[whole(file)]);
                let success = sim.flush_file_buffers(file.handle).is_ok();
                marker.committed(commit, success);
            }
        })));
}

fn race(session: &mut Session, when: fn(&FsEvent) -> bool) -> Outcome {
    let file = session.open("race");
    for _ in 0..8 {
        let (offset, length) = (8 * session.random.below(200), 8 + session.random.below(200));
        session.write(file, offset, length as usize);
        commit_at(session, file, when);
        let (offset, length) = (session.random.below(1000), 1 + session.random.below(300));
        session.write(file, offset, length as usize);
        session.sim.set_file_system_hook(None);
        session.flush(file);
    }
    session.close(file);
    None
}

/// When the filter has seen the write and nothing is stored.
pub fn before(session: &mut Session) -> Outcome {
    race(session, FsEvent::is_before_write)
}

/// When the data is stored and the filter does not know yet.
pub fn after(session: &mut Session) -> Outcome {
    race(session, |event| {
        matches!(event, FsEvent::AfterAction { major: 4, .. })
    })
}

/// Other processors store to lines that are being flushed, were flushed, or will be.
pub fn meanwhile(session: &mut Session) -> Outcome {
    const BYTES: u64 = 4096;
    let file = session.open("meanwhile");
    session.truncate(file, BYTES);
    let client = session.client();
    let view = session.sim.map_view(file.handle, 0, BYTES, true);
    let view = Arc::new(view.expect("a view"));
    for _ in 0..8 {
        let mut ranges = Vec::new();
        for _ in 0..5 {
            let (offset, length) = (8 * session.random.below(400), 8 + session.random.below(150));
            let data = session.marker.stamps(offset, length as usize);
            let store = session.marker.storing(file.number, offset, &data);
            view.store(offset, &data);
            ranges.push((store, daxflush_protocol::FileRange { offset, length }));
        }
        let told: Vec<_> = ranges.iter().map(|(_, range)| *range).collect();
        client.mark(file.handle, &told).expect("reported");
        for (store, _) in &ranges {
            session.marker.stored(*store);
        }
        // One of the reported lines changes at an instruction of the commit.
        let (instruction, choice) = (session.random.below(8), session.random.below(5) as usize);
        let offset = told[choice].offset;
        let (late, number) = (view.clone(), file.number);
        session.meanwhile(instruction, move |marker| {
            let data = marker.stamps(offset, 8);
            marker.storing(number, offset, &data);
            late.store(offset, &data);
        });
        session.flush(file);
        // The program tells of it, too.
        let range = told[choice];
        client.mark(file.handle, &[range]).expect("reported");
        session.flush(file);
    }
    // The last closure is gone by now, if it has run.
    session.meanwhile(0, |_| {});
    let view = Arc::into_inner(view).expect("nobody else has the view");
    session.sim.unmap_view(view);
    client.close();
    session.close(file);
    None
}

/// Other processors write to the file while a commit of it is under way: the driver sees the writes, and
/// must neither promise them nor forget them.
pub fn writes_meanwhile(session: &mut Session) -> Outcome {
    let file = session.open("writes");
    for round in 0..8 {
        for _ in 0..3 {
            let (offset, length) = (8 * session.random.below(200), 8 + session.random.below(150));
            session.write(file, offset, length as usize);
        }
        // At one of the kernel's routines that the commit calls.
        let call = AtomicU64::new(round % 4);
        let offset = 8 * session.random.below(200);
        let (sim, marker) = (session.sim.clone(), session.marker.clone());
        session.sim.set_call_hook(Some(Box::new(move |_| {
            if call.fetch_sub(1, Ordering::SeqCst) == 0 {
                let data = marker.stamps(offset, 64);
                let store = marker.storing(file.number, offset, &data);
                sim.write_file(file.handle, offset, &data).expect("a write");
                marker.stored(store);
            }
        })));
        session.flush(file);
        session.sim.set_call_hook(None);
        session.flush(file);
    }
    session.close(file);
    None
}

//! The ways in which data is made durable.

use super::Outcome;
use crate::crash::session::{File, Scope, Session, whole};
use daxflush_protocol::FileRange;

const ALL: FileRange = FileRange {
    offset: 0,
    length: 0,
};

/// Writes here and there.
fn scatter(session: &mut Session, file: File, writes: u64) {
    for _ in 0..writes {
        let offset = 8 * session.random.below(300);
        let length = 8 * (1 + session.random.below(20));
        session.write(file, offset, length as usize);
    }
}

/// By the driver's own request, of a part of the file.
pub fn ranges(session: &mut Session) -> Outcome {
    let file = session.open("ranges");
    let client = session.client();
    for _ in 0..10 {
        scatter(session, file, 3);
        let offset = session.random.below(1200);
        let length = 1 + session.random.below(1200);
        let scope = (file, Some(offset..offset + length));
        let committed = session.commits("a commit of a range", &[scope], |_| {
            let range = FileRange { offset, length };
            client.commit(file.handle, range).map(|_| ())
        });
        assert!(committed);
    }
    session.flush(file);
    client.close();
    session.close(file);
    None
}

/// Begun one after the other, and waited for at once.
pub fn two_files(session: &mut Session) -> Outcome {
    let files = ["one", "two"].map(|name| session.open(name));
    let client = session.client();
    for _ in 0..6 {
        for file in files {
            scatter(session, file, 2);
        }
        let scopes = files.map(whole);
        let extra = session.marker.clone();
        let committed = session.commits("two commits and a drain", &scopes, |sim| {
            client.begin(files[0].handle, ALL)?;
            // It comes after the beginning, and is not promised; then it is dirty.
            let data = extra.stamps(64, 64);
            let store = extra.storing(files[0].number, 64, &data);
            sim.write_file(files[0].handle, 64, &data)?;
            extra.stored(store);
            client.begin(files[1].handle, ALL)?;
            client.drain().map(|_| ())
        });
        assert!(committed);
    }
    for file in files {
        session.flush(file);
    }
    client.close();
    files.into_iter().for_each(|file| session.close(file));
    None
}

/// Runs a request on another processor, and waits for it.
fn elsewhere<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| scope.spawn(work).join().expect("another thread"))
}

/// Each begins a commit on a processor of its own; whoever waits has to drain what is in flight there.
pub fn two_processors(session: &mut Session) -> Outcome {
    let file = session.open("processors");
    let client = session.client();
    for round in 0..6 {
        scatter(session, file, 2);
        let begin = || client.begin(file.handle, ALL).map(|_| ());
        // Nothing is promised by a beginning.
        session.commits("a beginning elsewhere", &[], |_| elsewhere(begin));
        scatter(session, file, 1);
        session.commits("a beginning here", &[], |_| begin());
        scatter(session, file, 1);
        let committed = session.commits("the end of both", &[whole(file)], |sim| match round % 3 {
            0 => {
                begin()?;
                client.drain().map(|_| ())
            }
            1 => sim.flush_file_buffers(file.handle),
            _ => elsewhere(|| sim.flush_file_buffers(file.handle)),
        });
        assert!(committed);
    }
    client.close();
    session.close(file);
    None
}

/// All files of the volume at once.
pub fn volume(session: &mut Session) -> Outcome {
    let files = ["a", "b", "c"].map(|name| session.open(name));
    let volume = session.sim.open_volume('D').expect("the volume");
    for _ in 0..6 {
        for file in files {
            scatter(session, file, 1);
        }
        let scopes: Vec<Scope> = files.into_iter().map(whole).collect();
        let flushed = session.commits("a flush of the volume", &scopes, |sim| {
            sim.flush_file_buffers(volume)
        });
        assert!(flushed);
    }
    session.sim.close_handle(volume).expect("close");
    files.into_iter().for_each(|file| session.close(file));
    None
}

/// Nobody flushes.
pub fn close(session: &mut Session) -> Outcome {
    for round in 0..6 {
        let file = session.open("close");
        let other = (round % 2 == 0).then(|| session.open("close"));
        scatter(session, file, 3);
        session.close(file);
        if let Some(other) = other {
            scatter(session, other, 1);
            session.close(other);
        }
    }
    None
}

/// What the driver needs is refused, and the next commit has to make up for it.
pub fn failures(session: &mut Session) -> Outcome {
    let routines = ["ZwMapViewOfSection", "FltCreateSectionForDataScan"];
    for round in 0..6_usize {
        let file = session.open(&format!("failures-{round}"));
        scatter(session, file, 3);
        let routine = routines[round % routines.len()];
        session.sim.fail_nth(routine, 1);
        let committed = session.commits("a flush that fails", &[whole(file)], |sim| {
            sim.flush_file_buffers(file.handle)
        });
        assert!(!committed, "{routine} fails, and with it the commit");
        scatter(session, file, 1);
        session.flush(file);
        scatter(session, file, 1);
        session.close(file);
    }
    None
}

/// The filter goes from the volume, comes back, and is unloaded.
pub fn detach(session: &mut Session) -> Outcome {
    let file = session.open("detach");
    scatter(session, file, 3);
    let detached = session.commits("a detach", &[whole(file)], |sim| sim.detach('D'));
    assert!(detached);
    session.sim.attach('D').expect("attached");
    for _ in 0..3 {
        scatter(session, file, 3);
        session.flush(file);
    }
    scatter(session, file, 4);
    session.unload(&[file]);
    session.sim.close_handle(file.handle).expect("close");
    None
}

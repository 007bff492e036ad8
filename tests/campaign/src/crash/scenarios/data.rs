//! The ways in which data comes into files.

use super::Outcome;
use crate::crash::{
    marks::Mark,
    session::{File, Session},
};
use daxflush_protocol::write_flag::{FLUSH, NO_DRAIN, NON_TEMPORAL, PERSIST};
use ntsim::{CreateFileOptions, Disposition, WriteOptions};

const BYTES: u64 = 4096;

/// An aligned place within the first so many bytes.
fn place(session: &mut Session, bytes: u64, most: u64) -> (u64, usize) {
    let length = 8 * (1 + session.random.below(most / 8));
    let offset = 8 * session.random.below((bytes - length) / 8 + 1);
    (offset, length as usize)
}

/// A place anywhere within the first so many bytes.
fn odd_place(session: &mut Session, bytes: u64, most: u64) -> (u64, usize) {
    let length = 1 + session.random.below(most);
    (session.random.below(bytes - length + 1), length as usize)
}

/// Writes through a handle that asks for it, and writes that ask for it themselves.
pub fn through(session: &mut Session) -> Outcome {
    let plain = session.open("through");
    let write_through = true;
    let file = session.open_with(
        "through",
        CreateFileOptions {
            write_through,
            ..CreateFileOptions::default()
        },
    );
    for round in 0..10 {
        // Not written through: it stays dirty.
        let (offset, length) = place(session, BYTES, 200);
        session.write(plain, offset, length);
        let (offset, length) = place(session, BYTES, 300);
        let data = session.marker.stamps(offset, length);
        let by_handle = round % 2 == 0;
        let handle = if by_handle { file.handle } else { plain.handle };
        let options = WriteOptions {
            write_through: !by_handle,
            fast_io: round % 3 == 0,
            ..WriteOptions::default()
        };
        let written = session.stores(plain, offset, &data, |sim| {
            sim.write_file_with(handle, offset, &data, options)
        });
        let store = written.expect("a write");
        session.marker.mark(Mark::Through { store });
    }
    session.close(file);
    session.close(plain);
    None
}

/// Pages are given out, stored to and given back.
pub fn mdl(session: &mut Session) -> Outcome {
    let file = session.open("mdl");
    for round in 0..8 {
        for _ in 0..2 {
            let (offset, length) = odd_place(session, BYTES, 400);
            let data = session.marker.stamps(offset, length);
            let half = length / 2;
            let marker = session.marker.clone();
            // The second half first.
            let late = marker.storing(file.number, offset + half as u64, &data[half..]);
            let sim = &session.sim;
            let pages = sim.prepare_mdl_write(file.handle, offset, length, round % 2 == 0);
            let pages = pages.expect("the file's pages");
            sim.store_mdl(&pages, half, &data[half..]);
            if round == 3 {
                // It is under way, and not promised.
                session.flush(file);
            }
            let written = session.stores(file, offset, &data[..half], |sim| {
                sim.store_mdl(&pages, 0, &data[..half]);
                sim.complete_mdl_write(pages)
            });
            marker.stored(late);
            written.expect("an MDL write");
        }
        session.flush(file);
    }
    session.close(file);
    None
}

/// Writes and fills through a token, of every kind.
pub fn tokens(session: &mut Session) -> Outcome {
    let file = session.open("tokens");
    session.truncate(file, BYTES);
    let client = session.client();
    let token = client.get_token(file.handle, 0..BYTES).expect("a token");
    let kinds = [0, FLUSH, NON_TEMPORAL, PERSIST, FLUSH | NO_DRAIN];
    for round in 0..15 {
        let (offset, length) = place(session, BYTES, if round % 2 == 0 { 600 } else { 120 });
        let flags = kinds[round % kinds.len()];
        let data = if round % 4 == 3 {
            let pattern = session.random.next_u64() as u8 | 1;
            vec![pattern; length]
        } else {
            session.marker.stamps(offset, length)
        };
        let fill = (round % 4 == 3).then(|| u32::from(data[0]));
        let stored = session.stores(file, offset, &data, |_| match fill {
            Some(value) => client.fill_token(token, offset..offset + length as u64, value, flags),
            None => client.write_token(token, offset, &data, flags),
        });
        let store = stored.expect("a write through a token");
        if flags == FLUSH || flags == PERSIST || flags == NON_TEMPORAL {
            session.marker.mark(Mark::Through { store });
        }
        if round % 5 == 4 {
            session.flush(file);
        }
    }
    client.free_token(token).expect("freed");
    client.close();
    session.close(file);
    None
}

/// A few lines are written to over and over, with few commits.
pub fn overlap(session: &mut Session) -> Outcome {
    let file = session.open("overlap");
    for _ in 0..12 {
        for _ in 0..4 {
            let (offset, length) = odd_place(session, 512, 100);
            session.write(file, offset, length);
        }
        session.flush(file);
    }
    session.close(file);
    None
}

/// The end of the file moves; a file is deleted, and the next one gets its place.
pub fn sizes(session: &mut Session) -> Outcome {
    let keep = session.open("keep");
    for name in ["first", "second"] {
        let file = session.open(name);
        for round in 0..6 {
            for _ in 0..2 {
                let (offset, length) = odd_place(session, 1500, 200);
                session.write(file, offset, length);
            }
            let (offset, length) = odd_place(session, 1024, 100);
            session.write(keep, offset, length);
            let size = session.random.below(1600);
            session.truncate(file, size);
            if round % 3 == 1 {
                session.truncate(file, 1500 + size);
            }
            session.flush(file);
        }
        session.flush(keep);
        delete(session, file);
    }
    session.close(keep);
    let emptied = CreateFileOptions {
        disposition: Disposition::OpenExisting,
        ..CreateFileOptions::default()
    };
    let file = session.open_with("keep", emptied);
    session.write(file, 8, 64);
    session.close(file);
    None
}

fn delete(session: &mut Session, file: File) {
    session.deletes(file);
    let sim = &session.sim;
    sim.set_disposition(file.handle, true)
        .expect("a disposition");
    sim.close_handle(file.handle).expect("deleted");
}

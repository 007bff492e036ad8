//! Writes, commits, and what file systems do meanwhile.

use super::thread;
use crate::schedules::machine::{BYTES, File, Machine};
use daxflush_protocol::FileRange;
use ntsim::{CreateFileOptions, FlushKind, NtStatus, Program};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};

/// A file of full length whose beginning is durable.
pub fn prepared(machine: &Machine, name: &str) -> File {
    let file = machine.open(name);
    let sized = machine.sim.set_end_of_file(file.handle, BYTES);
    sized.expect("a size");
    machine.write(file, 0, 128);
    machine.flush(file);
    file
}

/// Closes a file when the last of its threads has ended.
#[derive(Clone)]
pub struct Shared {
    pub file: File,
    users: Arc<AtomicUsize>,
}

impl Shared {
    pub fn new(file: File, users: usize) -> Self {
        Self {
            file,
            users: Arc::new(AtomicUsize::new(users)),
        }
    }

    pub fn done(self, machine: &Machine) {
        if self.users.fetch_sub(1, SeqCst) == 1 {
            machine.close(self.file);
        }
    }
}

pub fn write_commit(machine: &Machine) -> Vec<Program> {
    let shared = Shared::new(prepared(machine, "a"), 2);
    let (writer, committer) = (shared.clone(), shared);
    vec![
        thread("writes", machine, move |machine| {
            machine.write(writer.file, 0, 64);
            machine.write(writer.file, 32, 64);
            writer.done(machine);
        }),
        thread("commits", machine, move |machine| {
            machine.flush(committer.file);
            machine.flush(committer.file);
            committer.done(machine);
        }),
    ]
}

pub fn group_commit(machine: &Machine) -> Vec<Program> {
    let shared = Shared::new(prepared(machine, "a"), 2);
    let program = |name, offset| {
        let shared = shared.clone();
        thread(name, machine, move |machine| {
            machine.write(shared.file, offset, 72);
            machine.flush(shared.file);
            shared.done(machine);
        })
    };
    vec![program("one", 0), program("two", 64)]
}

pub fn three_commits(machine: &Machine) -> Vec<Program> {
    let shared = Shared::new(prepared(machine, "a"), 3);
    let (one, two, three) = (shared.clone(), shared.clone(), shared);
    vec![
        thread("a range", machine, move |machine| {
            let client = machine.client();
            machine.write(one.file, 0, 256);
            let commit = machine.begins_commit();
            let range = FileRange {
                offset: 64,
                length: 64,
            };
            client.commit(one.file.handle, range).expect("a commit");
            let scope = (one.file.number, 64..128);
            machine.committed_range("a commit of a range", commit, scope);
            client.close();
            one.done(machine);
        }),
        thread("all", machine, move |machine| {
            machine.write(two.file, 128, 128);
            machine.flush(two.file);
            two.done(machine);
        }),
        thread("the volume", machine, move |machine| {
            machine.write(three.file, 192, 64);
            flush_volume(machine, &[three.file]);
            three.done(machine);
        }),
    ]
}

fn flush_volume(machine: &Machine, files: &[File]) {
    let volume = machine.sim.open_volume('D').expect("the volume");
    let flushed = machine.commits("a volume flush", files, |sim| {
        sim.flush_file_buffers(volume)
    });
    flushed.expect("a volume flush");
    machine.sim.close_handle(volume).expect("close");
}

pub fn write_through(machine: &Machine) -> Vec<Program> {
    let file = prepared(machine, "a");
    let options = CreateFileOptions {
        asynchronous: true,
        ..CreateFileOptions::default()
    };
    let through = machine.open_with("a", options);
    let shared = Shared::new(file, 3);
    let (one, two, three) = (shared.clone(), shared.clone(), shared);
    vec![
        thread("through", machine, move |machine| {
            machine.write_through(through, 0, 64);
            machine.write_through(through, 64, 64);
            machine.close_quietly(through);
            one.done(machine);
        }),
        thread("writes", machine, move |machine| {
            machine.write(two.file, 32, 64);
            two.done(machine);
        }),
        thread("commits", machine, move |machine| {
            machine.flush(three.file);
            three.done(machine);
        }),
    ]
}

pub fn truncate(machine: &Machine) -> Vec<Program> {
    let shared = Shared::new(prepared(machine, "a"), 2);
    let (one, two) = (shared.clone(), shared);
    vec![
        thread("writes", machine, move |machine| {
            machine.write(one.file, 448, 128);
            machine.flush(one.file);
            machine.write(one.file, 512, 64);
            machine.flush(one.file);
            one.done(machine);
        }),
        thread("truncates", machine, move |machine| {
            let sized = machine.may_truncate(two.file, 512);
            may_be_mapped(sized);
            machine.write(two.file, 1024, 64);
            machine.flush(two.file);
            two.done(machine);
        }),
    ]
}

/// The driver closes its sections when it can.
fn may_be_mapped(done: Result<(), NtStatus>) {
    assert!(
        matches!(done, Ok(()) | Err(NtStatus::USER_MAPPED_FILE)),
        "{done:?}"
    );
}

pub fn conflict(machine: &Machine) -> Vec<Program> {
    let shared = Shared::new(prepared(machine, "a"), 3);
    let (one, two, three) = (shared.clone(), shared.clone(), shared);
    vec![
        thread("commits", machine, move |machine| {
            machine.write(one.file, 0, 128);
            machine.flush(one.file);
            one.done(machine);
        }),
        thread("purges", machine, move |machine| {
            let purged = machine.commits("a flush that purges", &[two.file], |sim| {
                sim.flush_file(two.file.handle, FlushKind::AndPurge)
            });
            may_be_mapped(purged);
            two.done(machine);
        }),
        thread("truncates", machine, move |machine| {
            machine.write(three.file, 64, 64);
            may_be_mapped(machine.may_truncate(three.file, 2048));
            three.done(machine);
        }),
    ]
}

pub fn two_creates(machine: &Machine) -> Vec<Program> {
    let program = |name, offset| {
        thread(name, machine, move |machine: &Machine| {
            let file = machine.open("new");
            machine.write(file, offset, 64);
            machine.flush(file);
            machine.write(file, 128 + offset, 64);
            machine.close_quietly(file);
        })
    };
    vec![program("one", 0), program("two", 64)]
}

pub fn close(machine: &Machine) -> Vec<Program> {
    let file = prepared(machine, "a");
    vec![
        thread("closes", machine, move |machine| {
            machine.write(file, 0, 128);
            machine.close(file);
        }),
        thread("commits", machine, move |machine| {
            let client = machine.client();
            for _ in 0..2 {
                let done = machine.commits("a commit by request", &[file], |_| {
                    let all = FileRange {
                        offset: 0,
                        length: 0,
                    };
                    client.commit(file.handle, all).map(|_| ())
                });
                let closed = [NtStatus::INVALID_HANDLE, NtStatus::FILE_CLOSED];
                assert!(
                    done.is_ok() || done.is_err_and(|status| closed.contains(&status)),
                    "{done:?}"
                );
            }
            client.close();
        }),
    ]
}

pub fn volume(machine: &Machine) -> Vec<Program> {
    let (a, b) = (prepared(machine, "a"), prepared(machine, "b"));
    vec![
        thread("the volume", machine, move |machine| {
            flush_volume(machine, &[a, b]);
            flush_volume(machine, &[a, b]);
        }),
        thread("writes", machine, move |machine| {
            machine.write(a, 0, 128);
            machine.flush(a);
            machine.write(a, 64, 64);
            machine.close(a);
        }),
        thread("truncates", machine, move |machine| {
            machine.write(b, 64, 64);
            may_be_mapped(machine.may_truncate(b, 1024));
            machine.close(b);
        }),
    ]
}

pub fn two_files(machine: &Machine) -> Vec<Program> {
    let program = |name: &'static str| {
        let file = prepared(machine, name);
        thread(name, machine, move |machine| {
            machine.write(file, 0, 64);
            machine.flush(file);
            machine.write(file, 64, 64);
            machine.close(file);
        })
    };
    vec![program("a"), program("b")]
}

//! Volumes that come and go, and the end of it all.

use crate::{
    crash::session::{File, whole},
    failures::program::Program,
};
use ntsim::WriteOptions;

const LOCK_VOLUME: u32 = 0x9_0018;
const UNLOCK_VOLUME: u32 = 0x9_001c;
const PLAIN: WriteOptions = WriteOptions {
    fast_io: false,
    no_cache: false,
    write_through: false,
    paging: false,
    position_in_request: false,
    fail: None,
    short: None,
};

fn two_dirty(program: &mut Program) -> Option<[File; 2]> {
    if !program.is_filtered('D') {
        return None;
    }
    let files = [program.open("a")?, program.open("b")?];
    for file in files {
        program.write(file, 0, 3000, PLAIN);
    }
    Some(files)
}

pub fn volumes(program: &mut Program) -> Vec<File> {
    let Some(files) = two_dirty(program) else {
        return Vec::new();
    };
    let (sim, scopes) = (program.sim(), files.map(whole));
    let volume = sim.open_volume('D').ok();
    if let Some(volume) = volume {
        program.commits("a flush of the volume", &scopes, None, |sim| {
            sim.flush_file_buffers(volume)
        });
        files.iter().for_each(|file| {
            program.write(*file, 100, 300, PLAIN);
        });
        program.commits("a lock of the volume", &[], None, |sim| {
            sim.fsctl(volume, LOCK_VOLUME, &[], &mut []).map(|_| ())
        });
        files
            .iter()
            .for_each(|file| program.lines(*file).unknown = true);
        let _ = sim.fsctl(volume, UNLOCK_VOLUME, &[], &mut []);
        sim.close_handle(volume).expect("close");
    }
    files.iter().for_each(|file| {
        program.write(*file, 500, 300, PLAIN);
    });
    // It is refused by open files, so that success alone says anything.
    if program.commits("a query to remove", &scopes, None, |sim| {
        sim.query_remove('D')
    }) {
        let _ = sim.cancel_remove('D');
    }
    files.iter().for_each(|file| {
        // The filter may have agreed, and committed, before the file system refused.
        program.lines(*file).unknown = true;
        program.write(*file, 900, 300, PLAIN);
    });
    program.commits("a detach", &scopes, None, |sim| sim.detach('D'));
    if !program.is_filtered('D') {
        return Vec::new();
    }
    for file in files {
        program.lines(file).unknown = true;
        program.write(file, 1300, 300, PLAIN);
        program.flush_surely(file, None);
    }
    let _ = sim.detach('E');
    let _ = sim.attach('E');
    files.iter().for_each(|file| {
        program.write(*file, 64, 64, PLAIN);
    });
    // As far as it can be: nothing is promised.
    let _ = sim.dismount('D');
    for file in files {
        program.close(file);
    }
    if program.is_filtered('D')
        && let Some(again) = program.open("again")
    {
        program.write(again, 0, 200, PLAIN);
        program.flush_surely(again, None);
        program.close(again);
    }
    Vec::new()
}

pub fn removal(program: &mut Program) -> Vec<File> {
    let Some(files) = two_dirty(program) else {
        return Vec::new();
    };
    program.flush_surely(files[0], None);
    program.write(files[0], 64, 64, PLAIN);
    let sim = program.sim();
    let _ = sim.surprise_remove('D');
    for file in files {
        program.write(file, 0, 64, PLAIN);
        // It cannot succeed.
        program.commits("a flush of what is gone", &[whole(file)], None, |sim| {
            sim.flush_file_buffers(file.handle)
        });
        program.close(file);
    }
    let _ = sim.remove('D');
    Vec::new()
}

pub fn shutdown(program: &mut Program) -> Vec<File> {
    let Some(files) = two_dirty(program) else {
        return Vec::new();
    };
    let sim = program.sim();
    // Nobody is told of a failure.
    let complete = sim.failed_points().is_empty();
    program.commits("a shutdown", &files.map(whole), None, |sim| {
        sim.shutdown();
        match complete && sim.failed_points().is_empty() {
            true => Ok(()),
            false => Err(ntsim::NtStatus::INSUFFICIENT_RESOURCES),
        }
    });
    program.ends_here = true;
    Vec::new()
}

pub fn stop(program: &mut Program) -> Vec<File> {
    let Some(files) = two_dirty(program) else {
        return Vec::new();
    };
    // It cannot be declined, and nobody is told of a failure.
    let session = &mut program.session;
    session.commits("a mandatory unload", &files.map(whole), |sim| {
        let stopped = sim.stop_driver_mandatory("daxflush");
        match stopped.is_ok() && sim.failed_points().is_empty() {
            true => Ok(()),
            false => Err(ntsim::NtStatus::INSUFFICIENT_RESOURCES),
        }
    });
    program.ends_here = true;
    Vec::new()
}

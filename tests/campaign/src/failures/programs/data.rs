//! Data that comes into files by requests.

use crate::{
    crash::session::{File, whole},
    failures::program::Program,
};
use daxflush_system_tests::Client;
use ntsim::{CreateFileOptions, Disposition, FlushKind, NtStatus, WriteOptions};

const PLAIN: WriteOptions = WriteOptions {
    fast_io: false,
    no_cache: false,
    write_through: false,
    paging: false,
    position_in_request: false,
    fail: None,
    short: None,
};
const SET_ZERO_DATA: u32 = 0x9_80c8;
const DUPLICATE_EXTENTS_TO_FILE: u32 = 0x9_8344;
const OFFLOAD_READ: u32 = 0x9_4264;
const OFFLOAD_WRITE: u32 = 0x9_8268;

fn words<const N: usize>(words: [u64; N]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

pub fn writes(program: &mut Program) -> Vec<File> {
    if !program.is_filtered('D') {
        return Vec::new();
    }
    let opened = program.client();
    let client = opened.as_ref();
    let kinds = [
        FlushKind::Normal,
        FlushKind::DataOnly,
        FlushKind::NoSync,
        FlushKind::DataSyncOnly,
        FlushKind::AndPurge,
    ];
    let Some(file) = program.open("writes") else {
        opened.into_iter().for_each(Client::close);
        return Vec::new();
    };
    program.write(file, 0, 9000, PLAIN);
    for (round, kind) in kinds.into_iter().enumerate() {
        let at = 700 * round as u64;
        program.write(file, at, 130, PLAIN);
        let (fast_io, no_cache) = (true, true);
        program.write(file, at + 4096, 64, WriteOptions { fast_io, ..PLAIN });
        program.write(file, at + 200, 8, WriteOptions { no_cache, ..PLAIN });
        program.flush_as(file, kind, client);
    }
    let write_through = true;
    let through = WriteOptions {
        write_through,
        ..PLAIN
    };
    program.write(file, 5000, 300, through);
    let data = program.session.marker.stamps(9000, 100);
    program.stores(file, 9000, &data, |sim| sim.append_file(file.handle, &data));
    // It stores all of its data, and fails.
    let fail = Some((64, NtStatus::DISK_FULL));
    program.write(file, 1024, 64, WriteOptions { fail, ..PLAIN });
    program.flush_surely(file, client);
    let asynchronous = true;
    let options = CreateFileOptions {
        asynchronous,
        ..CreateFileOptions::default()
    };
    if let Some(other) = program.open_with("asynchronous", options) {
        program.write(other, 0, 3000, PLAIN);
        program.flush(other, client);
        program.write(other, 64, 64, PLAIN);
        program.close(other);
    }
    program.write(file, 0, 64, PLAIN);
    opened.into_iter().for_each(Client::close);
    vec![file]
}

pub fn mdl(program: &mut Program) -> Vec<File> {
    if !program.is_filtered('D') {
        return Vec::new();
    }
    let Some(file) = program.open("mdl") else {
        return Vec::new();
    };
    program.write(file, 0, 8192, PLAIN);
    for (round, fast) in [true, false, true, false].into_iter().enumerate() {
        let offset = 900 * round as u64 + 5;
        let data = program.session.marker.stamps(offset, 1000);
        program.stores(file, offset, &data, |sim| {
            let write = sim.prepare_mdl_write(file.handle, offset, data.len(), fast)?;
            sim.store_mdl(&write, 0, &data);
            sim.complete_mdl_write(write)
        });
        program.flush(file, None);
    }
    program.flush_surely(file, None);
    vec![file]
}

pub fn controls(program: &mut Program) -> Vec<File> {
    if !program.is_filtered('D') {
        return Vec::new();
    }
    let (Some(source), Some(target)) = (program.open("source"), program.open("target")) else {
        return Vec::new();
    };
    let filled = program.write(source, 0, 16_384, PLAIN) && program.write(target, 0, 16_384, PLAIN);
    if !filled {
        return vec![source, target];
    }
    program.stores(target, 100, &[0; 700], |sim| {
        sim.fsctl(target.handle, SET_ZERO_DATA, &words([100, 800]), &mut [])
    });
    program.flush(target, None);
    let mut data = vec![0; 4096];
    let read = program.sim().read_file(source.handle, 4096, &mut data);
    assert_eq!(read, Ok(4096));
    let request = words([source.handle.as_raw(), 4096, 8192, 4096]);
    program.stores(target, 8192, &data, |sim| {
        sim.fsctl(target.handle, DUPLICATE_EXTENTS_TO_FILE, &request, &mut [])
    });
    program.flush(target, None);
    let (mut token, ask) = (vec![0; 16 + 512], words([32, 0, 4096, 4096]));
    let asked = program
        .sim()
        .fsctl(source.handle, OFFLOAD_READ, &ask, &mut token);
    if asked.is_ok() {
        let mut request = words([544, 12_288, 4096, 0]);
        request.extend(&token[16..]);
        program.stores(target, 12_288, &data, |sim| {
            sim.fsctl(target.handle, OFFLOAD_WRITE, &request, &mut [0; 16])
        });
    }
    program.flush_surely(target, None);
    vec![source, target]
}

pub fn sizes(program: &mut Program) -> Vec<File> {
    if !program.is_filtered('D') {
        return Vec::new();
    }
    let Some(file) = program.open("sizes") else {
        return Vec::new();
    };
    for round in 0..3 {
        program.write(file, 0, 6000, PLAIN);
        program.truncate(file, 3000 + round);
        program.flush(file, None);
        program.write(file, 2000, 3000, PLAIN);
        program.truncate(file, 8000);
        program.flush(file, None);
    }
    if let Some(gone) = program.open("gone") {
        program.write(gone, 0, 2000, PLAIN);
        program.session.deletes(gone);
        let _ = program.sim().set_disposition(gone.handle, true);
        program.close(gone);
    }
    program.flush_surely(file, None);
    program.write(file, 0, 100, PLAIN);
    // It is emptied, and then it is another.
    program.session.deletes(file);
    let disposition = Disposition::CreateAlways;
    let options = CreateFileOptions {
        disposition,
        ..CreateFileOptions::default()
    };
    if let Ok(emptied) = program.sim().create_file_with(r"D:\sizes", options) {
        program.sim().close_handle(emptied).expect("close");
    }
    program.close(file);
    Vec::new()
}

pub fn names(program: &mut Program) -> Vec<File> {
    if !program.is_filtered('D') {
        return Vec::new();
    }
    let Some(file) = program.open("name") else {
        return Vec::new();
    };
    let sim = program.sim();
    program.write(file, 0, 1000, PLAIN);
    let _ = sim.rename(file.handle, r"D:\other", false);
    let _ = sim.create_hard_link(file.handle, r"D:\second");
    program.flush(file, None);
    program.write(file, 64, 100, PLAIN);
    // One of its names goes; the file stays.
    if let Ok(second) = sim.create_file_with(r"D:\second", CreateFileOptions::default()) {
        let _ = sim.set_disposition(second, true);
        // Which commits the file, whatever name it was opened by.
        sim.close_handle(second).expect("close");
        program.lines(file).unknown = true;
    }
    program.flush_surely(file, None);
    let stream = program.open("other:stream");
    if let Some(stream) = stream {
        program.write(stream, 0, 500, PLAIN);
        program.commits("both", &[whole(stream)], None, |sim| {
            sim.flush_file_buffers(stream.handle)
        });
        program.close(stream);
    }
    vec![file]
}

/// With room for few views, each commit takes another's.
pub fn many(program: &mut Program) -> Vec<File> {
    if !program.is_filtered('D') {
        return Vec::new();
    }
    let client = program.client();
    if let Some(client) = &client {
        let setting = daxflush_protocol::SetSettingRequest {
            setting: daxflush_protocol::Setting::MaxViews as u32,
            value: 2,
            ..Default::default()
        };
        let request = zerocopy::IntoBytes::as_bytes(&setting);
        let _ = client.raw(daxflush_protocol::Ioctl::SetSetting.code(), request, 4096);
    }
    let names = ["m0", "m1", "m2", "m3"];
    let files: Vec<File> = names.iter().filter_map(|name| program.open(name)).collect();
    for round in 0..2 {
        for file in &files {
            program.write(*file, 100 * round, 500, PLAIN);
            program.flush(*file, client.as_ref());
        }
    }
    for file in &files {
        program.flush_surely(*file, client.as_ref());
    }
    client.into_iter().for_each(Client::close);
    files
}

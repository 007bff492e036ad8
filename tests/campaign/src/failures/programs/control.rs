//! The control device.

use crate::{crash::session::File, failures::program::Program};
use daxflush_protocol::{
    FileRange, Ioctl, LIST_BYTES, ListRequest, SetSettingRequest, Setting, StatisticsRequest,
    StreamsRequest, TraceRequest, VersionRequest, set_flag,
};
use ntsim::WriteOptions;
use zerocopy::IntoBytes;

pub fn load(program: &mut Program) -> Vec<File> {
    let Some(client) = program.client() else {
        return Vec::new();
    };
    let (newest, oldest) = (2, 1);
    let version = VersionRequest { newest, oldest };
    client.raw(Ioctl::Version.code(), version.as_bytes(), 256);
    client.raw(Ioctl::Information.code(), &[], 4096);
    let everything = ListRequest { after: 0 };
    client.raw(Ioctl::Volumes.code(), everything.as_bytes(), LIST_BYTES);
    let statistics = StatisticsRequest::default();
    client.raw(Ioctl::Statistics.code(), statistics.as_bytes(), 4096);
    client.raw(Ioctl::SelfTest.code(), &[], 4096);
    client.close();
    Vec::new()
}

pub fn requests(program: &mut Program) -> Vec<File> {
    let (Some(client), true) = (program.client(), program.is_filtered('D')) else {
        return Vec::new();
    };
    let Some(file) = program.open("requests") else {
        client.close();
        return Vec::new();
    };
    program.write(file, 0, 5000, WriteOptions::default());
    let handle = file.handle;
    let everything = ListRequest { after: 0 };
    let (_, volumes) = client.raw(Ioctl::Volumes.code(), everything.as_bytes(), LIST_BYTES);
    let mut volumes = daxflush_protocol::records::<daxflush_protocol::VolumeRecord>(&volumes);
    if let Some((volume, _)) = volumes.next() {
        let (volume, after) = (volume.id, 0);
        let streams = StreamsRequest { volume, after };
        client.raw(Ioctl::Streams.code(), streams.as_bytes(), LIST_BYTES);
    }
    let scope = daxflush_protocol::scope::FILE;
    let _ = client.statistics_of(scope, handle.as_raw());
    let all = FileRange {
        offset: 0,
        length: 0,
    };
    let _ = client.mark(
        handle,
        &[FileRange {
            offset: 64,
            length: 64,
        }],
    );
    // Begun, and waited for later; the drain says nothing of which beginnings succeeded.
    let begun = client.begin(handle, all).is_ok();
    program.commits(
        "a beginning and a drain",
        &[(file, Some(0..5000))],
        None,
        |_| {
            let drained = client.drain().map(|_| ());
            if begun {
                drained
            } else {
                Err(ntsim::NtStatus::INSUFFICIENT_RESOURCES)
            }
        },
    );
    // A request of nonsense, of each kind.
    for ioctl in Ioctl::ALL {
        for length in [0, 8, 40] {
            client.raw(ioctl.code(), &vec![0x5a; length], 64);
        }
    }
    program.flush_surely(file, Some(&client));
    client.close();
    vec![file]
}

pub fn settings(program: &mut Program) -> Vec<File> {
    let Some(client) = program.client() else {
        return Vec::new();
    };
    client.raw(Ioctl::Settings.code(), &[], 4096);
    for setting in Setting::ALL {
        for flags in [0, set_flag::STORE] {
            let request = SetSettingRequest {
                setting: *setting as u32,
                value: setting.default_value(),
                flags,
                ..SetSettingRequest::default()
            };
            client.raw(Ioctl::SetSetting.code(), request.as_bytes(), 4096);
        }
    }
    client.raw(Ioctl::Settings.code(), &[], 4096);
    client.close();
    Vec::new()
}

pub fn trace(program: &mut Program) -> Vec<File> {
    let (level, reserved) = (5, 0);
    program.sim().set_tracing(Some((5, u64::MAX)));
    if let Some(client) = program.client() {
        let request = TraceRequest { level, reserved };
        client.raw(Ioctl::Trace.code(), request.as_bytes(), 64);
        client.close();
    }
    if !program.is_filtered('D') {
        return Vec::new();
    }
    let Some(file) = program.open("trace") else {
        return Vec::new();
    };
    for round in 0..3 {
        program.write(file, 100 * round, 200, WriteOptions::default());
        program.flush(file, None);
    }
    program.truncate(file, 100);
    program.flush_surely(file, None);
    program.sim().set_tracing(None);
    vec![file]
}

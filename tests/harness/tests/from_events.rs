//! A trace made of the shipped driver's events says what the program did.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use daxctl::{
    client::{DaxFile, Device, Recording, Simulated},
    events::{Event, Value},
    from_events::{FromEvents, PROVIDER, PROVIDER_GUID},
    trace::{self, Op, TraceWriter},
};
use ntsim::{Sim, SimOptions, TraceEvent, TraceValue, VolumeOptions};
use std::{path::PathBuf, sync::Arc};

fn event(event: TraceEvent) -> Event {
    let value = |value| match value {
        TraceValue::Number(number) => Value::Unsigned(number),
        TraceValue::Signed(number) => Value::Signed(number),
        TraceValue::Text(text) => Value::Text(text),
        TraceValue::Bytes(bytes) => Value::Bytes(bytes),
    };
    Event {
        provider: event.provider,
        name: event.name,
        level: event.level,
        keyword: event.keyword,
        time: event.time_100ns,
        fields: event
            .fields
            .into_iter()
            .map(|(name, field)| (name, value(field)))
            .collect(),
    }
}

#[test]
fn the_guid_is_that_of_the_name() {
    let derived = tracelogging::Guid::from_name(PROVIDER);
    assert_eq!(PROVIDER_GUID, derived.to_u128());
}

#[test]
fn events_become_the_operations_that_they_tell_of() {
    let sim = Sim::boot(SimOptions::default()).expect("a machine");
    sim.add_volume('D', VolumeOptions::default())
        .expect("a volume");
    let driver = std::env::var_os("DAXFLUSH_SYS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/driver/daxflush.sys"),
        PathBuf::from,
    );
    sim.load_driver(&driver, "daxflush").expect("it loads");
    sim.set_tracing(Some((5, u64::MAX)));
    let device = Arc::new(Device::open_as_administrator(Simulated(sim.clone())).expect("it opens"));
    device.trace(5).expect("every event");
    let mut file = DaxFile::open(&device, r"D:\data.db", Recording::Report).expect("a file");
    let other = DaxFile::open(&device, r"D:\other", Recording::Report).expect("a file");
    file.write(0, &[1; 10_000]).expect("a write");
    other.write(5, &[2; 7]).expect("a write");
    file.map(0, 8192).expect("a view");
    file.store(4000, &[3; 200]).expect("a store");
    file.commit().expect("a commit");
    file.commit_range(0, 0).expect("a commit");
    file.unmap().expect("unmapped");
    file.set_size(20_000).expect("a size");
    file.close().expect("closed");
    other.close().expect("closed");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("trace.tsv.gz");
    let mut writer = TraceWriter::create(&path).expect("a trace");
    let mut from = FromEvents::new(r"\device\harddiskvolume1\data");
    for told in sim.trace_events() {
        from.take(&event(told), &mut writer);
    }
    writer.finish().expect("written");
    let read = trace::read(&path).expect("a trace");
    let ops: Vec<Op> = read.steps.into_iter().map(|step| step.op).collect();
    let operations = [
        Op::Open {
            file: 0,
            name: "DATA.DB".into(),
        },
        Op::Write {
            file: 0,
            offset: 0,
            length: 10_000,
        },
        Op::Map {
            file: 0,
            offset: 0,
            length: 4200,
        },
        Op::Store {
            file: 0,
            offset: 4000,
            length: 200,
        },
        Op::Flush { file: 0 },
        Op::Flush { file: 0 },
        Op::Truncate {
            file: 0,
            size: 20_000,
        },
    ];
    assert_eq!(ops, operations);
    drop(device);
    sim.set_tracing(None);
    sim.unload_driver("daxflush").expect("it unloads");
    assert_eq!(sim.violations(), []);
}

//! Ranges that a program has stored to by itself reach the driver when it records them.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use daxctl::{
    client::{ClientError, DaxFile, Device, Recording, Simulated},
    simulator::Booted,
};
use std::{path::PathBuf, sync::Arc};

#[test]
fn a_recorded_range_is_flushed_and_no_more() {
    let driver = std::env::var_os("DAXFLUSH_SYS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/driver/daxflush.sys"),
        PathBuf::from,
    );
    let machine = Booted::new(&driver, &['D']).expect("a machine");
    let device = Device::open(Simulated(machine.sim().clone()));
    let device = Arc::new(device.expect("the device"));
    for recording in [Recording::Report, Recording::Log { entries: 64 }] {
        let mut file = DaxFile::open(&device, r"D:\own", recording).expect("a file");
        file.set_size(65536).expect("a size");
        assert_eq!(file.address(), None);
        assert!(matches!(
            file.record(0, 1),
            Err(ClientError::NotMapped { .. })
        ));
        file.map(4096, 8192).expect("a view");
        let (_, length) = file.address().expect("a view");
        assert_eq!(length, 8192);
        file.commit().expect("a commit");
        file.record(4096 + 100, 200).expect("recorded");
        let reply = file.commit_range(0, 0).expect("a commit");
        assert_eq!(reply.lines, 4, "{recording:?}: from 64 to 320");
        let reply = file.commit_range(0, 0).expect("a commit");
        assert_eq!(reply.lines, 0, "{recording:?}");
        file.record(8192, 64).expect("recorded");
        let reply = file.begin_commit(0, 0).expect("begun");
        assert_eq!(reply.lines, 1, "{recording:?}");
        device.drain().expect("drained");
        for (offset, length) in [
            (0, 1),
            (4095, 2),
            (12288, 1),
            (4096, 8193),
            (4096, u64::MAX),
        ] {
            let recorded = file.record(offset, length);
            assert!(matches!(recorded, Err(ClientError::NotMapped { .. })));
        }
        file.close().expect("closed");
    }
    drop(device);
    assert_eq!(machine.shut_down().expect("it unloads"), [""; 0]);
}

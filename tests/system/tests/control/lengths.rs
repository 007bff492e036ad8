//! Every request: as it should be, with every wrong length, and with every short buffer.

use daxflush_protocol::{Ioctl, ReplyHeader};
use daxflush_system_tests::scene::{Scene, log_address};
use ntsim::NtStatus;
use zerocopy::FromBytes;

/// An answer that did not come, and what came instead of it.
fn header(answer: &[u8]) -> ReplyHeader {
    let header = ReplyHeader::read_from_prefix(answer);
    header.expect("a header").0
}

#[test]
fn every_request_succeeds_and_answers_as_much_as_it_says() {
    for ioctl in Ioctl::ALL {
        let scene = Scene::new();
        let (input, answer) = scene.request(*ioctl);
        for room in [answer, answer + 100] {
            let (status, bytes) = scene.client.raw(ioctl.code(), &input, room);
            if room == answer || !matches!(ioctl, Ioctl::CloseLog | Ioctl::FreeToken) {
                assert_eq!(status, NtStatus::SUCCESS, "{ioctl:?} with room for {room}");
                assert_eq!(bytes.len(), answer, "{ioctl:?}");
            }
            if answer != 0 {
                assert_eq!(header(&bytes).size as usize, answer, "{ioctl:?}");
            }
            if matches!(ioctl, Ioctl::CreateLog | Ioctl::AttachLog) {
                let address = log_address(&bytes).expect("an address");
                scene.world.sim.unmap_shared(address).expect("mapped");
            }
        }
        scene.end();
    }
}

#[test]
fn a_short_buffer_gets_the_size_and_nothing_is_done() {
    for ioctl in Ioctl::ALL {
        let scene = Scene::new();
        let (input, answer) = scene.request(*ioctl);
        let before = scene.state();
        for room in 0..answer {
            let (status, bytes) = scene.client.raw(ioctl.code(), &input, room);
            if room < size_of::<ReplyHeader>() {
                assert_eq!(status, NtStatus::BUFFER_TOO_SMALL, "{ioctl:?}, {room}");
                assert_eq!(bytes.len(), 0, "{ioctl:?}, {room}");
                continue;
            }
            assert_eq!(status, NtStatus::BUFFER_OVERFLOW, "{ioctl:?}, {room}");
            let header = header(&bytes);
            let list = matches!(ioctl, Ioctl::Volumes | Ioctl::Streams);
            if list {
                // There is one record only.
                assert_eq!(header.count, 0, "{ioctl:?}, {room}");
            }
            assert_eq!(bytes.len(), size_of::<ReplyHeader>(), "{ioctl:?}, {room}");
            assert_eq!(header.size as usize, answer, "{ioctl:?}, {room}");
        }
        assert_eq!(scene.state(), before, "{ioctl:?}");
        scene.end();
    }
}

#[test]
fn every_other_length_of_input_is_refused_and_nothing_is_done() {
    for ioctl in Ioctl::ALL {
        let scene = Scene::new();
        let (input, answer) = scene.request(*ioctl);
        let before = scene.state();
        let longest = input.len() + 40;
        for length in (0..longest).filter(|length| *length != input.len()) {
            // Without a range of versions the driver's own is meant.
            if *ioctl == Ioctl::Version && length == 0 {
                continue;
            }
            let mut other = input.clone();
            other.resize(length, 0);
            let (status, bytes) = scene.client.raw(ioctl.code(), &other, answer.max(200));
            assert_eq!(status, NtStatus::INVALID_PARAMETER, "{ioctl:?}, {length}");
            assert_eq!(bytes.len(), 0, "{ioctl:?}, {length}");
        }
        assert_eq!(scene.state(), before, "{ioctl:?}");
        scene.end();
    }
}

/// Whatever the fields hold, the answer is a clear status, and no rule is broken.
#[test]
fn fields_of_any_value_break_nothing() {
    let values = [
        0,
        1,
        63,
        0x7fff_ffff,
        u64::MAX >> 1,
        u64::MAX - 4095,
        u64::MAX,
    ];
    for ioctl in Ioctl::ALL {
        let scene = Scene::new();
        let (input, answer) = scene.request(*ioctl);
        for field in (0..input.len()).step_by(4) {
            for value in values {
                let mut other = input.clone();
                let bytes = value.to_le_bytes();
                let end = (field + 8).min(other.len());
                other[field..end].copy_from_slice(&bytes[..end - field]);
                let (status, bytes) = scene.client.raw(ioctl.code(), &other, answer + 200);
                let known = [
                    NtStatus::SUCCESS,
                    NtStatus::INVALID_PARAMETER,
                    NtStatus::INVALID_HANDLE,
                    NtStatus::END_OF_FILE,
                    NtStatus::REVISION_MISMATCH,
                    NtStatus::QUOTA_EXCEEDED,
                    NtStatus::NOT_SUPPORTED,
                    // To store a setting needs the service's key, which is not there.
                    NtStatus::OBJECT_NAME_NOT_FOUND,
                ];
                assert!(
                    known.contains(&status),
                    "{ioctl:?}: {status} for {other:x?}"
                );
                if status == NtStatus::SUCCESS
                    && matches!(ioctl, Ioctl::CreateLog | Ioctl::AttachLog)
                {
                    let address = log_address(&bytes).expect("an address");
                    scene.world.sim.unmap_shared(address).expect("mapped");
                }
            }
        }
        scene.end();
    }
}

#[test]
fn what_is_no_request_is_refused() {
    let scene = Scene::new();
    let before = scene.state();
    for ioctl in Ioctl::ALL {
        let (input, answer) = scene.request(*ioctl);
        // Another method, another access, another device type, another function.
        for bits in [1, 2, 3, 3 << 14, 1 << 16, 1 << 13] {
            let code = ioctl.code() ^ bits;
            if Ioctl::from_code(code).is_some() {
                continue;
            }
            let (status, _) = scene.client.raw(code, &input, answer + 64);
            assert_eq!(
                status,
                NtStatus::INVALID_DEVICE_REQUEST,
                "{ioctl:?} ^ {bits:#x}"
            );
        }
    }
    assert_eq!(scene.state(), before);
    scene.end();
}

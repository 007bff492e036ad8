//! Handles inside requests: the caller's own, with write access, to a file that is tracked; tokens and
//! logs of the caller's own handle of the device.

use daxflush_protocol::{Ioctl, USER_PATH};
use daxflush_system_tests::{Client, scene::Scene};
use ntsim::{Access, Disposition, NtStatus, VolumeOptions};

/// Requests that name a file.
const NAME_A_FILE: [Ioctl; 7] = [
    Ioctl::Statistics,
    Ioctl::DirtyLines,
    Ioctl::MarkDirty,
    Ioctl::Commit,
    Ioctl::CreateLog,
    Ioctl::AttachLog,
    Ioctl::GetToken,
];
/// Requests that name a token.
const NAME_A_TOKEN: [Ioctl; 5] = [
    Ioctl::FreeToken,
    Ioctl::FlushToken,
    Ioctl::WriteToken,
    Ioctl::FillToken,
    Ioctl::DrainToken,
];
/// Requests that name a log.
const NAME_A_LOG: [Ioctl; 2] = [Ioctl::CloseLog, Ioctl::AttachLog];
/// Another process than the tests'.
const OTHER: u64 = 0x2000;

fn status(scene: &Scene, client: &Client, ioctl: Ioctl, file: u64) -> NtStatus {
    let (input, answer) = scene.request_for(ioctl, client, file);
    client.raw(ioctl.code(), &input, answer).0
}

#[test]
fn a_file_handle_is_the_callers_and_can_write() {
    let scene = Scene::new();
    let sim = &scene.world.sim;
    sim.add_volume(
        'E',
        VolumeOptions {
            dax: false,
            ntfs: true,
        },
    )
    .expect("a volume");
    let reader = scene.world.open_to_read("a");
    let elsewhere = sim
        .create_file(r"E:\x", Access::ReadWrite, Disposition::CreateNew)
        .expect("a file");
    let foreign = sim.in_process(OTHER, || {
        sim.create_file(r"D:\a", Access::ReadWrite, Disposition::OpenExisting)
    });
    let foreign = foreign.expect("a file");
    let closed = scene.world.open("b");
    sim.close_handle(closed).expect("close");
    let before = scene.state();
    for ioctl in NAME_A_FILE {
        for (what, handle, expected) in [
            ("nothing", 0, NtStatus::INVALID_HANDLE),
            ("a number", 0x1234_5678, NtStatus::INVALID_HANDLE),
            ("the current process", u64::MAX, NtStatus::INVALID_HANDLE),
            (
                "a kernel handle",
                0xffff_ffff_8000_0004,
                NtStatus::INVALID_HANDLE,
            ),
            ("a closed handle", closed.as_raw(), NtStatus::INVALID_HANDLE),
            (
                "another process's",
                foreign.as_raw(),
                NtStatus::INVALID_HANDLE,
            ),
            ("a reader's", reader.as_raw(), NtStatus::ACCESS_DENIED),
        ] {
            let found = status(&scene, &scene.client, ioctl, handle);
            // What is in the process is not the driver's to know.
            let refused = [expected, NtStatus::OBJECT_TYPE_MISMATCH].contains(&found);
            assert!(refused, "{ioctl:?} with {what}: {found}");
        }
        for (what, handle) in [
            ("a file of another volume", elsewhere.as_raw()),
            ("the device itself", scene.client.device.as_raw()),
        ] {
            let found = status(&scene, &scene.client, ioctl, handle);
            assert!(found.is_error(), "{ioctl:?} with {what}: {found}");
        }
    }
    assert_eq!(scene.state(), before);
    sim.in_process(OTHER, || sim.close_handle(foreign))
        .expect("close");
    for handle in [reader, elsewhere] {
        sim.close_handle(handle).expect("close");
    }
    scene.end();
}

#[test]
fn tokens_and_logs_of_another_handle_are_refused() {
    let scene = Scene::new();
    let sim = scene.world.sim.clone();
    let before = scene.state();
    let other = Client::open(&sim);
    let file = scene.file.as_raw();
    for ioctl in NAME_A_TOKEN.into_iter().chain(NAME_A_LOG) {
        let found = status(&scene, &other, ioctl, file);
        assert_eq!(found, NtStatus::INVALID_PARAMETER, "{ioctl:?}");
    }
    // Neither does another process's handle help, as whose it is decides.
    let device = sim
        .in_process(OTHER, || sim.open_device(USER_PATH))
        .expect("the device");
    for ioctl in NAME_A_TOKEN.into_iter().chain([Ioctl::CloseLog]) {
        let (input, answer) = scene.request(ioctl);
        let mut output = vec![0; answer];
        let (found, _) = sim.in_process(OTHER, || {
            sim.device_io_control_raw(device, ioctl.code(), &input, &mut output)
        });
        assert_eq!(found, NtStatus::INVALID_PARAMETER, "{ioctl:?}");
    }
    sim.in_process(OTHER, || sim.close_handle(device))
        .expect("close");
    other.close();
    let after = scene.state();
    assert_eq!(after, before);
    scene.end();
}

#[test]
fn a_log_is_attached_with_a_handle_to_its_own_file() {
    let scene = Scene::new();
    let other = scene.world.open("b");
    let before = scene.state();
    let found = status(&scene, &scene.client, Ioctl::AttachLog, other.as_raw());
    assert_eq!(found, NtStatus::INVALID_PARAMETER);
    assert_eq!(scene.state(), before);
    scene.world.sim.close_handle(other).expect("close");
    scene.end();
}

#[test]
fn a_token_or_log_that_has_ended_is_refused() {
    for end in ["freed", "the file was closed", "the filter was detached"] {
        let scene = Scene::new();
        let sim = scene.world.sim.clone();
        let file = scene.file.as_raw();
        match end {
            "freed" => {
                for ioctl in [Ioctl::FreeToken, Ioctl::CloseLog] {
                    assert_eq!(
                        status(&scene, &scene.client, ioctl, file),
                        NtStatus::SUCCESS
                    );
                }
            }
            "the file was closed" => {
                sim.close_handle(scene.file).expect("close");
            }
            _ => {
                sim.detach('D').expect("detached");
                sim.attach('D').expect("attached");
            }
        }
        for ioctl in NAME_A_TOKEN.into_iter().chain([Ioctl::CloseLog]) {
            let found = status(&scene, &scene.client, ioctl, file);
            let forgives = [Ioctl::FreeToken, Ioctl::CloseLog].contains(&ioctl) && end != "freed";
            let expected = if forgives {
                // It is still the handle's to give back.
                NtStatus::SUCCESS
            } else {
                NtStatus::INVALID_PARAMETER
            };
            assert_eq!(found, expected, "{ioctl:?}: {end}");
            if forgives {
                let again = status(&scene, &scene.client, ioctl, file);
                assert_eq!(again, NtStatus::INVALID_PARAMETER, "{ioctl:?}: {end}");
            }
            if end != "freed" && ioctl == Ioctl::FreeToken {
                break;
            }
        }
        scene.client.close();
        sim.unmap_shared(scene.log.address)
            .expect("the log's memory");
        if end != "the file was closed" {
            sim.close_handle(scene.file).expect("close");
        }
        drop(scene.world);
    }
}

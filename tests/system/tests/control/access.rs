//! Who may open the device, and what the access of a handle allows.

use daxflush_protocol::{DEVICE_NAME, Ioctl, RequiredAccess, USER_PATH};
use daxflush_system_tests::{driver, scene::Scene};
use ntsim::{NtStatus, Sim, SimOptions, User, VolumeOptions, as_user};
use std::sync::{Arc, Mutex};

const GENERIC_READ: u32 = 0x8000_0000;
const GENERIC_WRITE: u32 = 0x4000_0000;
const FILE_WRITE_DATA: u32 = 2;
const FILE_APPEND_DATA: u32 = 4;
const WRITE_DAC: u32 = 0x4_0000;
const DELETE: u32 = 0x1_0000;

#[test]
fn everybody_opens_what_he_may() {
    let scene = Scene::new();
    let sim = &scene.world.sim;
    let read = [GENERIC_READ];
    let more = [
        GENERIC_WRITE,
        GENERIC_READ | GENERIC_WRITE,
        FILE_WRITE_DATA,
        FILE_APPEND_DATA,
        WRITE_DAC,
        DELETE,
    ];
    let users = [
        (User::System, true, true),
        (User::Administrator, true, true),
        (User::Standard, true, false),
        (User::Guest, false, false),
    ];
    for (user, may_read, may_more) in users {
        let tries = read.map(|access| (access, may_read));
        for (access, may) in tries
            .into_iter()
            .chain(more.map(|access| (access, may_more)))
        {
            for path in [USER_PATH.to_owned(), format!(r"{USER_PATH}\behind")] {
                let opened = as_user(user, || sim.open_device_with(&path, access));
                match opened {
                    Ok(handle) => {
                        assert!(may, "{user:?} has opened {path} for {access:#x}");
                        sim.close_handle(handle).expect("close");
                    }
                    Err(status) => {
                        assert_eq!(status, NtStatus::ACCESS_DENIED, "{user:?}, {access:#x}");
                        assert!(!may, "{user:?} may not open {path} for {access:#x}");
                    }
                }
            }
        }
    }
    scene.end();
}

/// At every call that the driver makes while it starts and stops, everybody tries.
#[test]
fn there_is_no_moment_in_which_the_device_is_open() {
    let sim = Sim::boot(SimOptions::default()).expect("a machine");
    sim.add_volume('D', VolumeOptions::default())
        .expect("a volume");
    let (tries, opened) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(Vec::new())));
    let hook = {
        let (sim, tries, opened) = (sim.clone(), tries.clone(), opened.clone());
        move |routine: &str| {
            for (user, access) in [
                (User::Guest, GENERIC_READ),
                (User::Standard, FILE_WRITE_DATA),
                (User::Standard, WRITE_DAC),
            ] {
                // The second needs no link, which comes late.
                for path in [
                    USER_PATH.to_owned(),
                    format!(r"\\.\GLOBALROOT{DEVICE_NAME}"),
                ] {
                    *tries.lock().expect("a count") += 1;
                    let handle = as_user(user, || sim.open_device_with(&path, access));
                    if let Ok(handle) = handle {
                        sim.close_handle(handle).expect("close");
                        let what = format!("{user:?} opened {path} at {routine}");
                        opened.lock().expect("a list").push(what);
                    }
                }
            }
        }
    };
    sim.set_call_hook(Some(Box::new(hook)));
    sim.load_driver(&driver(), "daxflush").expect("it loads");
    sim.unload_driver("daxflush").expect("it unloads");
    sim.set_call_hook(None);
    assert_eq!(*opened.lock().expect("a list"), Vec::<String>::new());
    assert!(*tries.lock().expect("a count") > 100);
    assert_eq!(sim.violations(), []);
}

#[test]
fn a_handle_does_what_its_access_allows() {
    for (access, has) in [
        (GENERIC_READ, RequiredAccess::Read),
        (GENERIC_WRITE, RequiredAccess::Write),
        (0, RequiredAccess::Any),
    ] {
        let scene = Scene::new();
        let sim = &scene.world.sim;
        let handle = sim.open_device_with(USER_PATH, access).expect("opened");
        let before = scene.state();
        for ioctl in Ioctl::ALL {
            let needed = ioctl.access();
            if needed == has || needed == RequiredAccess::Any {
                continue;
            }
            let (input, answer) = scene.request(*ioctl);
            let mut output = vec![0; answer];
            let (status, count) =
                sim.device_io_control_raw(handle, ioctl.code(), &input, &mut output);
            assert_eq!(
                status,
                NtStatus::ACCESS_DENIED,
                "{ioctl:?} with {access:#x}"
            );
            assert_eq!(count, 0);
        }
        assert_eq!(scene.state(), before);
        sim.close_handle(handle).expect("close");
        scene.end();
    }
}

//! Handles that are closed before, while and after they are used.

use daxflush_protocol::Ioctl;
use daxflush_system_tests::{Client, scene::Scene};
use ntsim::NtStatus;
use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
};

#[test]
fn a_closed_device_answers_nothing() {
    let scene = Scene::new();
    let other = Client::open(&scene.world.sim);
    let device = other.device;
    other.close();
    let before = scene.state();
    for ioctl in Ioctl::ALL {
        let (input, answer) = scene.request(*ioctl);
        let mut output = vec![0; answer];
        let sim = &scene.world.sim;
        let (status, count) = sim.device_io_control_raw(device, ioctl.code(), &input, &mut output);
        assert_eq!((status, count), (NtStatus::INVALID_HANDLE, 0), "{ioctl:?}");
    }
    assert_eq!(scene.state(), before);
    scene.end();
}

/// One thread makes a request again and again, another closes the device, or the file.
#[test]
fn a_handle_may_be_closed_in_the_middle_of_any_request() {
    for ioctl in Ioctl::ALL {
        for closes_file in [false, true] {
            let scene = Scene::new();
            let sim = scene.world.sim.clone();
            let client = Client::open(&sim);
            let file = scene.world.open("b");
            sim.write_file(file, 0, &[1; 16 << 10]).expect("a write");
            let own = scene.owned(&client, file);
            let (input, answer) = scene.request_of(*ioctl, &client, &own);
            let (begun, ended) = (AtomicBool::new(false), AtomicBool::new(false));
            thread::scope(|scope| {
                let worker = scope.spawn(|| {
                    let mut mapped = Vec::new();
                    for _ in 0..400 {
                        let mut output = vec![0; answer + 64];
                        let (status, count) = sim.device_io_control_raw(
                            client.device,
                            ioctl.code(),
                            &input,
                            &mut output,
                        );
                        begun.store(true, Relaxed);
                        let maps = matches!(ioctl, Ioctl::CreateLog | Ioctl::AttachLog);
                        if status == NtStatus::SUCCESS && maps {
                            let address =
                                daxflush_system_tests::scene::log_address(&output[..count]);
                            mapped.extend(address);
                        }
                        if ended.load(Relaxed) {
                            break;
                        }
                    }
                    mapped
                });
                while !begun.load(Relaxed) {
                    thread::yield_now();
                }
                let closing = if closes_file { file } else { client.device };
                sim.close_handle(closing).expect("close");
                ended.store(true, Relaxed);
                for address in worker.join().expect("the requests") {
                    sim.unmap_shared(address).expect("a log's memory");
                }
            });
            let rest = if closes_file { client.device } else { file };
            sim.close_handle(rest).expect("close");
            sim.unmap_shared(own.log.address).expect("the log's memory");
            scene.end();
        }
    }
}

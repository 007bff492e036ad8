//! A machine that checks nothing, for measuring time. (Alone in its process, which guards nothing any
//! more.)

#[allow(dead_code, reason = "its machine checks")]
mod common;

use common::driver;
use ntsim::{Access, Disposition, Observed, Sim, SimOptions, VolumeOptions};
use std::time::Duration;

const SERVICE: &str = "daxflush";

#[test]
fn the_driver_works_unpatched() {
    let sim = Sim::boot(SimOptions {
        checks: false,
        ..SimOptions::default()
    });
    let sim = sim.expect("a machine");
    let added = sim.add_volume('D', VolumeOptions::default());
    added.expect("a volume");
    sim.load_driver(&driver(), SERVICE)
        .expect("the driver loads");
    let (access, disposition) = (Access::ReadWrite, Disposition::OpenAlways);
    let file = sim.create_file(r"D:\a", access, disposition);
    let file = file.expect("a file");
    for round in 0..3 {
        let written = sim.write_file(file, 100 * round, &[5; 5000]);
        assert_eq!(written, Ok(5000));
        sim.flush_file_buffers(file).expect("a flush");
    }
    let mut found = [0; 5200];
    assert_eq!(sim.read_file(file, 0, &mut found), Ok(5200));
    assert!(found.iter().all(|byte| *byte == 5));
    assert_ne!(sim.callbacks(), 0);
    // Its instructions are its own affair.
    assert_eq!(sim.observed(), Observed::default());
    let refused = sim.count_instructions(|| ()).expect_err("no oracle");
    assert_eq!(refused, "nothing is checked");
    let ((), nothing) = sim.time_in_driver(|| ());
    assert_eq!(nothing, Duration::ZERO);
    let (read, nothing) = sim.time_in_driver(|| sim.read_file(file, 0, &mut found));
    assert_eq!((read, nothing), (Ok(5200), Duration::ZERO));
    let (written, own) = sim.time_in_driver(|| sim.write_file(file, 0, &[6; 1 << 20]));
    assert_eq!(written, Ok(1 << 20));
    assert_ne!(own, Duration::ZERO);
    sim.close_handle(file).expect("close");
    sim.unload_driver(SERVICE).expect("the driver unloads");
    assert_eq!(sim.violations(), []);
}

//! The machine and the driver that every test here starts from.

use ntsim::{Sim, SimOptions, VolumeOptions};
use std::path::PathBuf;

/// The shipped driver.
pub fn driver() -> PathBuf {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/driver/daxflush.sys");
    let shown = path.display();
    assert!(
        path.exists(),
        "{shown} is missing: run scripts/build-driver"
    );
    path
}

/// A machine with a DAX volume D: and no driver.
pub fn machine() -> Sim {
    let sim = Sim::boot(SimOptions::default()).expect("a machine");
    let added = sim.add_volume('D', VolumeOptions::default());
    added.expect("a volume");
    sim
}

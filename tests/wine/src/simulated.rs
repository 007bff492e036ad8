//! The battery in the simulator, on a machine that is like Wine's: no volume takes the filter.

use crate::{Package, battery};
use daxctl::client::Simulated;
use ntsim::{Sim, SimOptions, VolumeOptions};

/// What came of each request.
///
/// # Panics
/// The driver does not load or unload, or broke a rule.
pub fn run() -> Vec<String> {
    let sim = Sim::boot(SimOptions::default()).expect("a machine");
    let ordinary = VolumeOptions {
        dax: false,
        ntfs: true,
    };
    sim.add_volume('C', ordinary).expect("a volume");
    sim.load_driver(&Package::x64().file("daxflush.sys"), "daxflush")
        .expect("the driver loads");
    let lines = battery::run(&Simulated(sim.clone()), r"C:\ordinary.bin");
    sim.unload_driver("daxflush").expect("the driver unloads");
    assert_eq!(sim.violations(), []);
    lines
}

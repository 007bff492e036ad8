//! The machine: booting it, and whether everything is as it was.

use crate::driver;
use ntsim::{Access, Disposition, Held, Sim, SimOptions, VolumeOptions};
use ntsim_machine::oracle::{ThreadGuard, enter_thread};
use std::time::{Duration, Instant};

const SERVICE: &str = "daxflush";
/// Bytes by which the driver's own lists may grow, which do not shrink again.
const LISTS: usize = 4096;
/// How long work that the driver has put off may take.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct Machine {
    pub sim: Sim,
    pub inputs: u32,
    /// What there is between two inputs.
    base: Held,
    /// Saves a signal stack for each call of the driver.
    _entered: ThreadGuard,
}

impl Machine {
    /// # Panics
    /// The driver was not built, or does not load.
    pub fn boot() -> Self {
        let entered = enter_thread().expect("a thread for the driver");
        let sim = Sim::boot(SimOptions {
            file_region_bytes: 1 << 20,
            pmem_bytes: 1 << 30,
            cover_blocks: true,
            // Guard pages cost two thirds of the speed; the patterns around blocks stay.
            special_pool: false,
            ..SimOptions::default()
        })
        .expect("a machine");
        for (letter, dax) in [('D', true), ('E', false)] {
            let options = VolumeOptions { dax, ntfs: true };
            sim.add_volume(letter, options).expect("a volume");
        }
        // The INF makes the key, to which settings are stored.
        sim.set_number_parameter(SERVICE, "CleanupCommits", 1);
        sim.load_driver(&driver(), SERVICE)
            .expect("the driver loads");
        // A root directory.
        let file = sim.create_file(r"E:\X", Access::ReadWrite, Disposition::CreateNew);
        sim.close_handle(file.expect("a file")).expect("close");
        let mut machine = Self {
            sim,
            inputs: 0,
            base: Held::default(),
            _entered: entered,
        };
        // What the driver makes once.
        super::act(&machine, &[]);
        machine.base = machine.sim.held();
        machine
    }

    /// What an input has opened is closed.
    ///
    /// # Panics
    /// The driver kept something, or broke a rule.
    pub fn is_as_it_was(&self) {
        let deadline = Instant::now() + PATIENCE;
        let mut held = self.sim.held();
        while held.work_items != 0 && Instant::now() < deadline {
            std::thread::yield_now();
            held = self.sim.held();
        }
        let violations = self.sim.violations();
        assert!(violations.is_empty(), "rules were broken: {violations:#?}");
        if self.base != Held::default() {
            let grown = held.pool_bytes.saturating_sub(self.base.pool_bytes);
            assert!(grown <= LISTS, "the pool has grown by {grown} bytes");
            held.pool_bytes = self.base.pool_bytes;
            assert_eq!(held, self.base, "something was left behind");
        }
    }

    /// Unloads the driver.
    ///
    /// # Panics
    /// It does not, or leaves something behind.
    pub fn end(self) {
        self.sim.unload_driver(SERVICE).expect("the driver unloads");
        let violations = self.sim.violations();
        assert!(violations.is_empty(), "rules were broken: {violations:#?}");
    }
}

//! Booting the machine, and what is served of it.

use super::tracing::{self, Journal};
use crate::{
    client::Simulated,
    events::{Event, Events},
    remote::Machine,
};
use daxflush_protocol::Setting;
use ntsim::{NtStatus, Sim, SimError, SimOptions, VolumeOptions};
use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread::sleep,
    time::{Duration, Instant},
};

/// The driver's service.
pub const SERVICE: &str = "daxflush";

/// Why there is no machine.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// There is no driver to load.
    #[error("{} is missing; build it with scripts/build-driver, or name one with --driver", .0.display())]
    NoDriver(PathBuf),
    /// The machine or the driver could not be started or stopped.
    #[error("{}: {source}", driver.display())]
    Driver {
        /// The driver.
        driver: PathBuf,
        /// Why.
        source: SimError,
    },
}

/// A machine with the driver loaded.
pub struct Booted {
    platform: Simulated,
    driver: PathBuf,
    journal: Mutex<Journal>,
}

impl Booted {
    /// Boots a machine with DAX volumes and loads the driver.
    ///
    /// # Errors
    /// There is no usable driver.
    pub fn new(driver: &Path, volumes: &[char]) -> Result<Self, SimulatorError> {
        if !driver.exists() {
            return Err(SimulatorError::NoDriver(driver.to_owned()));
        }
        let failed = |source| SimulatorError::Driver {
            driver: driver.to_owned(),
            source,
        };
        let sim = Sim::boot(SimOptions::default()).map_err(failed)?;
        for letter in volumes {
            let options = VolumeOptions::default();
            sim.add_volume(*letter, options).map_err(failed)?;
        }
        install(&sim);
        tracing::listen(&sim);
        sim.load_driver(driver, SERVICE).map_err(failed)?;
        Ok(Self {
            platform: Simulated(sim),
            driver: driver.to_owned(),
            journal: Mutex::default(),
        })
    }

    /// The machine.
    pub fn sim(&self) -> &Sim {
        &self.platform.0
    }

    /// The driver's events from now on.
    pub fn listen(self: &Arc<Self>) -> impl Events + use<> {
        let next = self.events(u64::MAX).0;
        Listener {
            machine: self.clone(),
            next,
            lost: 0,
        }
    }

    /// Unloads the driver; returns the rules that it broke, and what it left behind.
    ///
    /// # Errors
    /// The driver declined.
    pub fn shut_down(self) -> Result<Vec<String>, SimulatorError> {
        let sim = self.platform.0;
        let unloaded = sim.unload_driver(SERVICE);
        unloaded.map_err(|source| SimulatorError::Driver {
            driver: self.driver,
            source,
        })?;
        Ok(sim.violations().iter().map(ToString::to_string).collect())
    }
}

/// Stores the settings' defaults, as an installation does; without their key none can be stored.
fn install(sim: &Sim) {
    for setting in Setting::ALL {
        let value = setting.default_value();
        match setting.word(value) {
            Some(word) => sim.set_parameter(SERVICE, setting.name(), word, false),
            None => sim.set_number_parameter(SERVICE, setting.name(), value),
        }
    }
}

/// The events of a machine of this process.
struct Listener {
    machine: Arc<Booted>,
    next: u64,
    lost: u64,
}

impl Events for Listener {
    fn next(&mut self, wait: Duration) -> io::Result<Vec<Event>> {
        let end = Instant::now() + wait;
        loop {
            let (first, events) = self.machine.events(self.next);
            self.lost += first.saturating_sub(self.next);
            self.next = first + events.len() as u64;
            let left = end.saturating_duration_since(Instant::now());
            if !events.is_empty() || left.is_zero() {
                return Ok(events);
            }
            sleep(left.min(Duration::from_millis(10)));
        }
    }

    fn lost(&self) -> u64 {
        self.lost
    }
}

/// Events in one answer: what fits into a frame.
const EVENTS: usize = 1024;

impl Machine for Booted {
    type Platform = Simulated;

    fn platform(&self) -> &Simulated {
        &self.platform
    }

    fn status(error: &NtStatus) -> i32 {
        error.0
    }

    fn in_process<T>(&self, process: u64, work: impl FnOnce() -> T) -> T {
        self.platform.0.in_process(process, work)
    }

    fn end_process(&self, process: u64) {
        self.platform.0.exit_process(process);
    }

    fn events(&self, from: u64) -> (u64, Vec<Event>) {
        let journal = self.journal.lock();
        let mut journal = journal.unwrap_or_else(PoisonError::into_inner);
        journal.since(&self.platform.0, from, EVENTS)
    }
}

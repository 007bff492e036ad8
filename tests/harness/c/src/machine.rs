//! The machine that a program acts on: this one on Windows, a simulated one on Linux.

use crate::failure::{Failure, Kind};
use daxctl::client::{DaxFile, Device};
use std::{path::Path, sync::Arc};

#[cfg(target_os = "linux")]
type Platform = daxctl::client::Simulated;
#[cfg(windows)]
type Platform = daxctl::client::Windows;

/// An open file.
pub type File = DaxFile<Platform>;

/// The driver's device, and the machine around it if that is simulated.
pub struct Machine {
    /// The device; files have it too.
    pub device: Arc<Device<Platform>>,
    #[cfg(target_os = "linux")]
    booted: daxctl::simulator::Booted,
}

impl Machine {
    /// Opens the device of this machine.
    #[cfg(windows)]
    pub fn open() -> Result<Self, Failure> {
        let device = Arc::new(Device::open(daxctl::client::Windows)?);
        Ok(Self { device })
    }

    /// There is no driver here.
    #[cfg(target_os = "linux")]
    pub fn open() -> Result<Self, Failure> {
        let reason = "there is no driver on Linux: use daxflush_simulate";
        Err(Failure::new(Kind::Unsupported, reason))
    }

    /// Boots a machine with the volume D:.
    #[cfg(target_os = "linux")]
    pub fn simulate(driver: &Path) -> Result<Self, Failure> {
        use daxctl::{client::Simulated, simulator::Booted};
        let booted = Booted::new(driver, &['D']);
        let booted = booted.map_err(|error| Failure::new(Kind::NoDriver, error))?;
        let device = Arc::new(Device::open(Simulated(booted.sim().clone()))?);
        Ok(Self { device, booted })
    }

    /// The simulator runs on Linux.
    #[cfg(windows)]
    pub fn simulate(driver: &Path) -> Result<Self, Failure> {
        let reason = format!("{}: the simulator runs on Linux only", driver.display());
        Err(Failure::new(Kind::Unsupported, reason))
    }

    /// Whether files are open.
    pub fn is_used(&self) -> bool {
        Arc::strong_count(&self.device) > 1
    }

    /// Closes the device; a simulated machine is shut down.
    #[cfg(windows)]
    pub fn close(self) -> Result<(), Failure> {
        drop(self.device);
        Ok(())
    }

    /// Closes the device and shuts the machine down.
    #[cfg(target_os = "linux")]
    pub fn close(self) -> Result<(), Failure> {
        drop(self.device);
        let broken = self.booted.shut_down();
        let broken = broken.map_err(|error| Failure::new(Kind::Broken, error))?;
        if broken.is_empty() {
            return Ok(());
        }
        Err(Failure::new(Kind::Broken, broken.join("; ")))
    }
}

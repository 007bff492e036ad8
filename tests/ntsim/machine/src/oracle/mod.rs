//! Sees every cache flush, fence and non-temporal store that an image executes.
//!
//! Each such instruction is replaced by a breakpoint. The trap handler emulates it, tells the
//! persistent memory, counts and logs it, and calls the probe. A thread that runs image code needs
//! [`enter_thread`].
//!
//! The handler runs at a known instruction of the image, never inside host code, so that it may do
//! what a function called there could do; the probe is ordinary Rust. It must not run image code.

mod audit;
mod decode;
mod emulate;
mod event;
mod executed;
mod look;
mod plant;
mod record;
mod thread;
mod trap;

use std::io;
use std::sync::Arc;

pub use audit::{AuditError, AuditReport, unstepped};
pub(crate) use decode::at as decode_at;
pub use decode::{Site, SiteKind};
pub(crate) use emulate::emulating;
pub use event::{Event, EventKind, FenceInstruction, FlushInstruction, Log, Observed};
pub use executed::Executed;
use plant::Plant;
pub use plant::PlantError;
pub use record::{Probe, set_after_instruction};
pub(crate) use thread::entered as thread_entered;
pub use thread::{ThreadGuard, enter as enter_thread};

use crate::coverage::Coverage;
use crate::image::Image;

/// Watches one image. Dropping it takes the breakpoints out.
///
/// Make and drop it while no thread runs code of the image.
#[derive(Debug)]
pub struct Oracle {
    plant: Arc<Plant>,
}

impl Oracle {
    /// Plants breakpoints in `image`.
    ///
    /// # Errors
    /// [`PlantError::Unsupported`] names the instructions that the oracle cannot emulate;
    /// [`PlantError::AlreadyPlanted`] if the image has an oracle.
    pub fn plant(image: &Image) -> Result<Oracle, PlantError> {
        trap::install()?;
        Ok(Oracle {
            plant: Plant::new(image)?,
        })
    }

    /// What was executed since the oracle was planted.
    pub fn observed(&self) -> Observed {
        self.plant.recorder.observed()
    }

    /// Starts a new log of up to `capacity` events, allocated here and now. What does not fit is
    /// counted.
    pub fn start_log(&self, capacity: usize) {
        self.plant.recorder.start_log(capacity);
    }

    /// Ends logging and returns the log; an empty one if none was started.
    pub fn take_log(&self) -> Log {
        self.plant.recorder.take_log()
    }

    /// Sets what is called for each event, after counters, log and persistent memory know it.
    /// Events of several threads come one at a time. The probe runs in the trap handler: it must
    /// not run image code nor set a probe.
    pub fn set_probe(&self, probe: Option<Box<Probe>>) {
        self.plant.recorder.set_probe(probe);
    }

    /// The watched instructions, by ascending address.
    pub fn sites(&self) -> Vec<Site> {
        self.plant.sites.clone()
    }

    /// Notes from now on which basic blocks of the image are executed. A second call changes nothing.
    ///
    /// Make it while no thread runs code of the image, as the oracle.
    ///
    /// # Errors
    /// The system's, if it has no memory for it.
    pub fn cover_blocks(&self) -> io::Result<Arc<Coverage>> {
        self.plant.cover()
    }

    /// What [`Self::cover_blocks`] has noted.
    pub fn coverage(&self) -> Option<Arc<Coverage>> {
        self.plant.coverage.get().cloned()
    }

    /// Runs `call` with the trap flag set on this thread, looking at each instruction of the image
    /// before it executes: the check that disassembly missed nothing. Events go to counters, log,
    /// probe and persistent memory as usual. Host code that `call` reaches is stepped too, but not
    /// looked at; what blocks signals there needs [`unstepped`].
    ///
    /// # Errors
    /// [`AuditError::TrapFlagNotDelivered`] where single-stepping does not work (some emulators
    /// ignore the flag); [`AuditError::ThreadNotEntered`] without [`enter_thread`];
    /// [`AuditError::Nested`] inside another audit.
    pub fn audit<R>(&self, call: impl FnOnce() -> R) -> Result<(R, AuditReport), AuditError> {
        audit::run(&self.plant, call)
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        self.plant.remove();
    }
}

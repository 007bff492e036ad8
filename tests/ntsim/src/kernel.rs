//! The simulated machine: booting it, loading a driver into it, and what it found wrong.

use crate::{
    NtStatus,
    contexts::Context,
    dispatch::Hook,
    files::{Fcb, Regions},
    filter::{Filter, Volume},
    imports,
    io::Device,
    nt::{Block, Utf16, driver_object, get},
    objects::{FileObject, HandleEntry},
    pool::Pool,
    push_locks::PushLocks,
    registry::{self, Registry},
    sections::{Section, SystemView},
    thread,
};
use ntsim_machine::{
    image::{Image, LoadError},
    oracle::{self, AuditReport, Observed, Oracle},
    pmem::Pmem,
};
use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
};

/// How the machine is made.
#[derive(Clone, Debug)]
pub struct SimOptions {
    /// Size of the persistent memory in bytes; it is sparse.
    pub pmem_bytes: u64,
    /// Runs the post-operation of writes at DISPATCH_LEVEL, which the reference allows.
    pub post_write_at_dispatch: bool,
}

impl Default for SimOptions {
    fn default() -> Self {
        Self {
            pmem_bytes: 1 << 40,
            post_write_at_dispatch: true,
        }
    }
}

/// What a volume is like.
#[derive(Clone, Copy, Debug)]
pub struct VolumeOptions {
    /// Direct access to persistent memory.
    pub dax: bool,
    /// NTFS, and not some other file system.
    pub ntfs: bool,
}

impl Default for VolumeOptions {
    fn default() -> Self {
        Self {
            dax: true,
            ntfs: true,
        }
    }
}

/// A rule of the driver reference that the driver broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The rule.
    pub rule: String,
    /// What happened.
    pub detail: String,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.rule, self.detail)
    }
}

/// Why the simulation could not go on.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// The host refused something.
    #[error("the simulated machine could not be made: {0}")]
    Host(#[from] std::io::Error),
    /// The file is not a driver that can be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The driver has an instruction that the oracle cannot watch.
    #[error("{0}")]
    Plant(String),
    /// The driver's entry or unload routine failed.
    #[error("{routine} returned {status}")]
    Driver {
        /// Which routine.
        routine: &'static str,
        /// What it returned.
        status: NtStatus,
    },
    /// No driver is loaded.
    #[error("no driver is loaded")]
    NoDriver,
}

/// Everything that kernel routines change, behind one lock that is never held while driver code
/// runs.
#[derive(Default)]
pub(crate) struct State {
    pub pool: Pool,
    pub file_objects: HashMap<usize, FileObject>,
    pub sections: HashMap<usize, Section>,
    pub views: HashMap<usize, SystemView>,
    pub handles: BTreeMap<u64, HandleEntry>,
    pub next_handle: u64,
    pub filter: Option<Filter>,
    pub volumes: Vec<Volume>,
    pub files: HashMap<u64, Fcb>,
    pub next_file: u64,
    pub regions: Regions,
    pub contexts: HashMap<usize, Context>,
    pub devices: HashMap<usize, Device>,
    pub links: HashMap<String, String>,
    pub registry: Registry,
    /// References to volumes and instances that the driver holds.
    pub flt_references: i64,
}

struct Driver {
    image: Image,
    object: Block,
    oracle: Arc<Oracle>,
}

pub(crate) struct Kernel {
    state: Mutex<State>,
    violations: Mutex<Vec<Violation>>,
    driver: Mutex<Option<Driver>>,
    pub push_locks: PushLocks,
    pub pmem: Pmem,
    pub options: SimOptions,
    pub hook: Mutex<Option<Hook>>,
    pub failures: Mutex<HashMap<String, u64>>,
    /// What PsInitialSystemProcess and IoFileObjectType point to.
    pub system_process: Block,
    pub file_type: Block,
    pub exports: Block,
}

impl Kernel {
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("the simulator's state")
    }

    pub fn violation(&self, rule: &str, detail: &str) {
        let violation = Violation {
            rule: rule.into(),
            detail: detail.into(),
        };
        self.violations.lock().expect("violations").push(violation);
    }

    /// Whether this call of a routine is to fail (see [`Sim::fail_nth`]).
    pub fn fails(&self, routine: &str) -> bool {
        let mut failures = self.failures.lock().expect("failures");
        match failures.get_mut(routine) {
            Some(1) => failures.remove(routine).is_some(),
            Some(left) => {
                *left -= 1;
                false
            }
            None => false,
        }
    }
}

/// A simulated machine. Clones are the same machine.
#[derive(Clone)]
pub struct Sim {
    pub(crate) kernel: Arc<Kernel>,
}

/// Called at each flush and fence instruction that the driver executes.
pub type Probe = Box<dyn FnMut(&oracle::Event) + Send>;

impl Sim {
    /// Boots a machine without volumes and drivers.
    ///
    /// # Errors
    /// The host has no memory for it.
    pub fn boot(options: SimOptions) -> Result<Self, SimError> {
        let system_process = Block::zeroed(64);
        let file_type = Block::zeroed(64);
        let exports = Block::zeroed(16);
        // SAFETY: our own blocks: two exported variables.
        unsafe { crate::nt::put(exports.address(), 0, system_process.address()) };
        // SAFETY: as above.
        unsafe { crate::nt::put(exports.address(), 8, file_type.address()) };
        let kernel = Kernel {
            state: Mutex::default(),
            violations: Mutex::default(),
            driver: Mutex::default(),
            push_locks: PushLocks::default(),
            pmem: Pmem::new(options.pmem_bytes)?,
            options,
            hook: Mutex::default(),
            failures: Mutex::default(),
            system_process,
            file_type,
            exports,
        };
        Ok(Self {
            kernel: Arc::new(kernel),
        })
    }

    /// Loads a driver as starting its service does: maps the image, plants the oracle, calls
    /// DriverEntry.
    ///
    /// # Errors
    /// The file is not a kernel image for x64, imports something unknown, or DriverEntry failed.
    pub fn load_driver(&self, path: &Path, service: &str) -> Result<(), SimError> {
        let exports = self.kernel.exports.address();
        let image = Image::load(path, &mut |dll, name| imports::resolve(exports, dll, name))?;
        let oracle = Oracle::plant(&image).map_err(|error| SimError::Plant(error.to_string()))?;
        let oracle = Arc::new(oracle);
        let object = Block::zeroed(driver_object::SIZE);
        let (entry, driver) = (image.entry_point(), object.address());
        *self.kernel.driver.lock().expect("driver") = Some(Driver {
            image,
            object,
            oracle,
        });
        self.set_probe(None);
        self.kernel.create_service_key(service);
        let path = Utf16::new(&registry::service_path(service));
        // SAFETY: DriverEntry takes a driver object and a string (nc-wdm-driver_initialize).
        let status = self
            .driver_code(|| unsafe { ntsim_machine::call::call2(entry, driver, path.address()) })?;
        let status = NtStatus(status as i32);
        status.check().map_err(|status| SimError::Driver {
            routine: "DriverEntry",
            status,
        })
    }

    /// Unloads the driver as stopping its service does, and reports what it left behind.
    ///
    /// # Errors
    /// The driver declined.
    pub fn unload_driver(&self, _service: &str) -> Result<(), SimError> {
        let unload = self
            .kernel
            .lock()
            .filter
            .as_ref()
            .map(|filter| filter.unload);
        let unload = unload.ok_or(SimError::NoDriver)?;
        // SAFETY: a filter's unload callback takes flags (nc-fltkernel-pflt_filter_unload_callback).
        let status = self.driver_code(|| unsafe { ntsim_machine::call::call1(unload, 0) })? as i32;
        let status = NtStatus(status);
        status.check().map_err(|status| SimError::Driver {
            routine: "FilterUnloadCallback",
            status,
        })?;
        self.kernel.check_leaks();
        *self.kernel.driver.lock().expect("driver") = None;
        Ok(())
    }

    /// What the driver did wrong so far.
    pub fn violations(&self) -> Vec<Violation> {
        self.kernel.violations.lock().expect("violations").clone()
    }

    /// Flush and fence instructions executed since the driver was loaded.
    pub fn observed(&self) -> Observed {
        let driver = self.kernel.driver.lock().expect("driver");
        driver
            .as_ref()
            .map(|driver| driver.oracle.observed())
            .unwrap_or_default()
    }

    /// Runs `call` step by step and compares every instruction that the driver executes with what
    /// the oracle watches: nothing may have been missed.
    ///
    /// # Errors
    /// No driver is loaded, or single steps are not delivered here (as under valgrind).
    pub fn audit<R>(&self, call: impl FnOnce() -> R) -> Result<(R, AuditReport), String> {
        let oracle = {
            let driver = self.kernel.driver.lock().expect("driver");
            driver.as_ref().map(|driver| driver.oracle.clone())
        };
        let oracle = oracle.ok_or("no driver is loaded")?;
        let _guard = oracle::enter_thread().map_err(|error| error.to_string())?;
        oracle.audit(call).map_err(|error| error.to_string())
    }

    /// Sets what is called at each flush and fence instruction, after its effect.
    pub fn set_probe(&self, mut probe: Option<Probe>) {
        let kernel = Arc::downgrade(&self.kernel);
        let checked = move |event: &oracle::Event| {
            let is_flush = matches!(event.kind, oracle::EventKind::Flush { .. });
            if is_flush
                && thread::attached() == 0
                && let Some(kernel) = kernel.upgrade()
            {
                kernel.violation("view", "flushed while not attached to the System process");
            }
            if let Some(probe) = &mut probe {
                probe(event);
            }
        };
        if let Some(driver) = &*self.kernel.driver.lock().expect("driver") {
            driver.oracle.set_probe(Some(Box::new(checked)));
        }
    }

    /// Makes the `nth` call (from 1) of a kernel routine from now on fail: an allocation returns
    /// nothing, a status is STATUS_INSUFFICIENT_RESOURCES.
    pub fn fail_nth(&self, routine: &str, nth: u64) {
        self.kernel
            .failures
            .lock()
            .expect("failures")
            .insert(routine.into(), nth);
    }

    /// File objects that exist, whoever refers to them.
    pub fn open_file_objects(&self) -> usize {
        self.kernel.lock().file_objects.len()
    }

    /// Whether a failure asked for with [`Sim::fail_nth`] has not happened yet.
    pub fn is_failure_pending(&self, routine: &str) -> bool {
        self.kernel
            .failures
            .lock()
            .expect("failures")
            .contains_key(routine)
    }

    /// Runs driver code in this thread.
    pub(crate) fn driver_code<T>(&self, work: impl FnOnce() -> T) -> Result<T, SimError> {
        let _guard = oracle::enter_thread()?;
        Ok(thread::run(&self.kernel, work))
    }

    /// The dispatch routine of a major function.
    pub(crate) fn dispatch_routine(&self, major: u8) -> Option<usize> {
        let driver = self.kernel.driver.lock().expect("driver");
        let object = driver.as_ref()?.object.address();
        let at = driver_object::MAJOR_FUNCTION + 8 * usize::from(major);
        // SAFETY: the driver object's table of routines.
        let routine: usize = unsafe { get(object, at) };
        (routine != 0).then_some(routine)
    }

    /// Reports what a driver that is gone, or was never loaded, left behind, as violations.
    pub fn check_nothing_left(&self) {
        self.kernel.check_leaks();
    }

    /// "daxflush.sys+0x1234" for an address in the driver.
    pub fn symbolize(&self, address: usize) -> String {
        let driver = self.kernel.driver.lock().expect("driver");
        driver
            .as_ref()
            .map_or_else(String::new, |driver| driver.image.symbolize(address))
    }
}

impl Kernel {
    /// Everything that a driver must have given back when it is gone.
    fn check_leaks(&self) {
        self.check_pool_leaks();
        self.check_push_locks();
        let state = self.lock();
        for (what, left) in [
            ("devices", state.devices.len()),
            ("symbolic links", state.links.len()),
            (
                "references to volumes and instances",
                state.flt_references.unsigned_abs() as usize,
            ),
            ("contexts", state.contexts.len()),
            ("views in the System process", state.views.len()),
            ("sections", state.sections.len()),
            (
                "kernel handles",
                state
                    .handles
                    .values()
                    .filter(|entry| entry.is_kernel())
                    .count(),
            ),
        ] {
            if left != 0 {
                self.violation("leak", &format!("{left} {what}"));
            }
        }
        let kept = state
            .file_objects
            .values()
            .filter(|file| file.is_kept())
            .count();
        if kept != 0 {
            self.violation("leak", &format!("{kept} file objects are still referenced"));
        }
    }
}

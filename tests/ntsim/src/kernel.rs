//! The simulated machine: booting it, loading a driver into it, and what it found wrong.

use crate::{
    NtStatus,
    call_hook::CallHook,
    contexts::Context,
    dispatch::Hook,
    error_log::ErrorLog,
    etw::Etw,
    failures::Failures,
    files::{Fcb, Regions},
    filter::{Filter, Volume},
    io::Device,
    irps::Irps,
    locks::Locks,
    names::NameInformation,
    nt::Block,
    objects::{FileObject, HandleEntry},
    outstanding::{Outstanding, PATIENCE},
    pool::Pool,
    push_locks::PushLocks,
    registry::Registry,
    sections::{Section, SectionView},
    security::SeExports,
    thread,
    violation::Violation,
};
use ntsim_machine::{
    image::{Image, LoadError},
    oracle::{self, AuditReport, Observed, Oracle},
    pmem::Pmem,
};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// How the machine is made.
#[derive(Clone, Debug)]
pub struct SimOptions {
    /// Size of the persistent memory in bytes; it is sparse.
    pub pmem_bytes: u64,
    /// Runs the post-operation of writes at DISPATCH_LEVEL, which the reference allows.
    pub post_write_at_dispatch: bool,
    /// Runs the post-operation of writes in another thread, unless it is synchronized.
    pub post_write_in_other_thread: bool,
    /// Runs the section conflict callback at APC_LEVEL, where sections cannot be closed.
    pub conflict_at_apc: bool,
    /// Tells of a section conflict while FltCreateSectionForDataScan is called for this time (from
    /// 1), before it returns.
    pub conflict_before_create_returns: Option<u64>,
    /// MmDoesFileHaveUserWritableReferences counts writable handles as well, as its page says and
    /// no system is known to do.
    pub writable_handles_are_references: bool,
    /// Address space of the device for each file, which is the largest size of a file.
    pub file_region_bytes: u64,
    /// Notes which basic blocks of the driver are executed: see [`Sim::coverage`].
    pub cover_blocks: bool,
    /// How long a pended request may take before it counts as never completed.
    pub patience: Duration,
    /// Pool blocks end at an inaccessible page, or begin after one, and are inaccessible once they
    /// are freed. Without it nothing else of this process is guarded any more either.
    pub special_pool: bool,
    /// Checks what the driver does. Without it the image runs as it is, unpatched: nothing knows what
    /// is durable (there are no events, no counts of flushes and no power cuts), nothing is guarded or
    /// paged out, and broken rules may go unseen. For measuring time only.
    pub checks: bool,
}

impl Default for SimOptions {
    fn default() -> Self {
        Self {
            pmem_bytes: 1 << 40,
            post_write_at_dispatch: true,
            post_write_in_other_thread: false,
            conflict_at_apc: false,
            conflict_before_create_returns: None,
            writable_handles_are_references: false,
            file_region_bytes: 1 << 30,
            cover_blocks: false,
            patience: PATIENCE,
            special_pool: true,
            checks: true,
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
    /// The system was shut down.
    #[error("the system was shut down")]
    ShutDown,
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
    pub views: HashMap<usize, SectionView>,
    /// Where the driver's views were in processes, until a program unmapped them.
    pub unmapped_by_programs: HashSet<usize>,
    pub handles: BTreeMap<u64, HandleEntry>,
    pub next_handle: u64,
    pub filter: Option<Filter>,
    pub volumes: Vec<Volume>,
    pub files: HashMap<u64, Fcb>,
    pub next_file: u64,
    pub regions: Regions,
    pub contexts: HashMap<usize, Context>,
    /// Contexts of data-scan sections that were not closed; they may outlive their file.
    pub open_scans: HashSet<usize>,
    /// The driver object while the driver is there, and with it its dispatch routines.
    pub driver_object: Option<usize>,
    pub devices: HashMap<usize, Device>,
    pub links: HashMap<String, String>,
    pub registry: Registry,
    pub error_log: ErrorLog,
    pub etw: Etw,
    /// Names that the driver has not released.
    pub names: HashMap<usize, NameInformation>,
    /// References to volumes and instances that the driver holds.
    pub flt_references: HashMap<usize, usize>,
    /// The filter is being unloaded and cannot decline.
    pub mandatory_unload: bool,
    pub shut_down: bool,
    /// What FSCTL_OFFLOAD_READ has given out: file, offset, length.
    pub offload_tokens: Vec<(u64, u64, u64)>,
    /// Bytes that an offloaded write does at most.
    pub offload_limit: Option<u64>,
}

pub(crate) struct Driver {
    pub image: Image,
    /// Its address is the driver's.
    pub _object: Block,
    /// None without [`SimOptions::checks`].
    pub oracle: Option<Arc<Oracle>>,
}

pub(crate) struct Kernel {
    state: Mutex<State>,
    violations: Mutex<Vec<Violation>>,
    pub driver: Mutex<Option<Driver>>,
    pub push_locks: PushLocks,
    pub locks: Locks,
    pub outstanding: Outstanding,
    pub irps: Irps,
    /// Sections for data scan whose conflicts the filter was told of, by their contexts.
    pub conflicts: Mutex<HashSet<usize>>,
    /// Calls of FltCreateSectionForDataScan that made a section.
    pub data_scans: AtomicU64,
    /// Pre- and post-operations that were called.
    pub callbacks: AtomicU64,
    /// Changes of the device below any volume.
    pub removals: AtomicU64,
    pub booted: Instant,
    pub pmem: Pmem,
    pub options: SimOptions,
    pub hook: Mutex<Option<Hook>>,
    pub failures: Failures,
    pub call_hook: CallHook,
    /// What PsInitialSystemProcess, IoFileObjectType and SeExports point to.
    pub system_process: Block,
    pub file_type: Block,
    pub _se_exports: SeExports,
    pub exports: Block,
}

impl Kernel {
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("the simulator's state")
    }

    /// Reports a rule that the driver broke, with where the thread is.
    pub fn violation(&self, rule: &str, detail: &str) {
        let violation = Violation::here(rule, detail);
        self.violations.lock().expect("violations").push(violation);
    }

    /// Reports a rule that the driver broke where it cannot go on.
    pub fn fatal(&self, rule: &str, detail: &str) -> ! {
        ntsim_machine::fault::bugcheck(&format!("{rule}: {detail}"))
    }

    /// A pre- or post-operation is about to be called.
    pub fn count_callback(&self) {
        self.callbacks.fetch_add(1, Ordering::SeqCst);
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
    pub fn boot(mut options: SimOptions) -> Result<Self, SimError> {
        crate::calls::note_bugchecks();
        options.special_pool &= options.checks;
        if !options.special_pool {
            ntsim_machine::guarded::guard_nothing();
        }
        ntsim_machine::special_pool::set_irql_source(thread::irql);
        let system_process = Block::zeroed(64);
        let file_type = Block::zeroed(64);
        let se_exports = SeExports::new();
        let exports = Block::zeroed(24);
        // SAFETY: our own blocks: exported variables, in all of these.
        unsafe { crate::nt::put(exports.address(), 0, system_process.address()) };
        // SAFETY: as above.
        unsafe { crate::nt::put(exports.address(), 8, file_type.address()) };
        // SAFETY: as above.
        unsafe { crate::nt::put(exports.address(), 16, se_exports.address()) };
        let kernel = Kernel {
            state: Mutex::default(),
            violations: Mutex::default(),
            driver: Mutex::default(),
            push_locks: PushLocks::default(),
            outstanding: Outstanding::new(options.patience),
            irps: Irps::default(),
            conflicts: Mutex::default(),
            locks: Locks::default(),
            data_scans: AtomicU64::new(0),
            callbacks: AtomicU64::new(0),
            removals: AtomicU64::new(0),
            booted: Instant::now(),
            pmem: Pmem::new(options.pmem_bytes)?,
            options,
            hook: Mutex::default(),
            failures: Failures::default(),
            call_hook: CallHook::default(),
            system_process,
            file_type,
            _se_exports: se_exports,
            exports,
        };
        Ok(Self {
            kernel: Arc::new(kernel),
        })
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
            .and_then(|driver| driver.oracle.as_ref())
            .map(|oracle| oracle.observed())
            .unwrap_or_default()
    }

    /// Runs `call` step by step and compares every instruction that the driver executes with what
    /// the oracle watches: nothing may have been missed.
    ///
    /// # Errors
    /// No driver is loaded, or single steps are not delivered here (as under valgrind).
    pub fn audit<R>(&self, call: impl FnOnce() -> R) -> Result<(R, AuditReport), String> {
        let (oracle, _) = self.watched_image()?;
        let _guard = oracle::enter_thread().map_err(|error| error.to_string())?;
        oracle.audit(call).map_err(|error| error.to_string())
    }

    /// The loaded driver's oracle, and the address of its image.
    pub(crate) fn watched_image(&self) -> Result<(Arc<Oracle>, usize), &'static str> {
        let driver = self.kernel.driver.lock().expect("driver");
        let driver = driver.as_ref().ok_or("no driver is loaded")?;
        let oracle = driver.oracle.clone().ok_or("nothing is checked")?;
        Ok((oracle, driver.image.base()))
    }

    /// Sets what is called at each flush and fence instruction, after its effect.
    pub fn set_probe(&self, mut probe: Option<Probe>) {
        let kernel = Arc::downgrade(&self.kernel);
        let checked = move |event: &oracle::Event| {
            if matches!(event.kind, oracle::EventKind::Flush { .. })
                && let Some(kernel) = kernel.upgrade()
            {
                kernel.check_flush(event);
            }
            if let Some(probe) = &mut probe {
                probe(event);
            }
        };
        let driver = self.kernel.driver.lock().expect("driver");
        let oracle = driver.as_ref().and_then(|driver| driver.oracle.as_ref());
        if let Some(oracle) = oracle {
            oracle.set_probe(Some(Box::new(checked)));
        }
    }

    /// Pre- and post-operations of the filter that were called so far.
    pub fn callbacks(&self) -> u64 {
        self.kernel.callbacks.load(Ordering::SeqCst)
    }

    /// File objects that exist, whoever refers to them.
    pub fn open_file_objects(&self) -> usize {
        self.kernel.lock().file_objects.len()
    }

    /// Runs driver code in this thread.
    pub(crate) fn driver_code<T>(&self, work: impl FnOnce() -> T) -> Result<T, SimError> {
        let _guard = self.kernel.enter_thread()?;
        let checked = || self.kernel.checked_call(work);
        Ok(thread::run(&self.kernel, checked))
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
    /// Makes the calling thread one that may run driver code.
    pub fn enter_thread(&self) -> std::io::Result<Option<oracle::ThreadGuard>> {
        let checks = self.options.checks;
        checks.then(oracle::enter_thread).transpose()
    }

    /// In units of 100 ns since the start.
    pub fn interrupt_time(&self) -> u64 {
        (self.booted.elapsed().as_nanos() / 100) as u64
    }

    /// Of another frequency and origin than the interrupt time.
    pub fn performance_counter(&self) -> u64 {
        /// As of a machine that was started long before.
        const ORIGIN: u64 = 1 << 40;
        ORIGIN + self.booted.elapsed().as_nanos() as u64
    }

    /// What a flush instruction of the driver must not do.
    fn check_flush(&self, event: &oracle::Event) {
        if !thread::in_system() {
            self.violation("view", "flushed while not attached to the System process");
        }
        let line = event.pmem_line();
        if line.is_some_and(|line| self.is_removed_memory(line)) {
            self.violation("removal", "flushed memory of a device that was removed");
        }
    }
}

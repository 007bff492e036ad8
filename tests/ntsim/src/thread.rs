//! What a simulated thread has: its IRQL, its process, where it is attached, its top-level IRP, and
//! the kernel it belongs to.

use crate::{Sim, clock, kernel::Kernel, lock_order, security::User};
use std::{
    cell::{Cell, RefCell},
    sync::Arc,
};

pub const PASSIVE_LEVEL: u8 = 0;
pub const APC_LEVEL: u8 = 1;
pub const DISPATCH_LEVEL: u8 = 2;
pub const HIGH_LEVEL: u8 = 15;

/// The id of the System process.
pub const SYSTEM: u64 = 4;
/// The process of threads that say nothing else.
const FIRST_PROGRAM: u64 = 0x1000;

thread_local! {
    static IRQL: Cell<u8> = const { Cell::new(PASSIVE_LEVEL) };
    static CRITICAL_REGIONS: Cell<u32> = const { Cell::new(0) };
    static ATTACHED: Cell<u32> = const { Cell::new(0) };
    static PROCESS: Cell<u64> = const { Cell::new(FIRST_PROGRAM) };
    static IS_32_BIT: Cell<bool> = const { Cell::new(false) };
    static USER: Cell<User> = const { Cell::new(User::Administrator) };
    static IN_CALL_HOOK: Cell<bool> = const { Cell::new(false) };
    static TOP_LEVEL_IRP: Cell<usize> = const { Cell::new(0) };
    static KERNEL: RefCell<Option<Arc<Kernel>>> = const { RefCell::new(None) };
}

pub fn irql() -> u8 {
    IRQL.get()
}

pub fn set_irql(level: u8) {
    IRQL.set(level);
}

/// How many critical regions the thread is in.
pub fn critical_regions() -> u32 {
    CRITICAL_REGIONS.get()
}

pub fn set_critical_regions(depth: u32) {
    CRITICAL_REGIONS.set(depth);
}

/// How often the thread is attached to the System process.
pub fn attached() -> u32 {
    ATTACHED.get()
}

pub fn set_attached(depth: u32) {
    ATTACHED.set(depth);
}

/// The process that the thread is of.
pub fn process() -> u64 {
    PROCESS.get()
}

/// The process whose address space and handles the thread has now.
pub fn current_process() -> u64 {
    if attached() > 0 { SYSTEM } else { process() }
}

/// Whether the addresses of the System process are the thread's.
pub fn in_system() -> bool {
    current_process() == SYSTEM
}

/// Runs code as a thread of a process.
pub fn in_process<T>(process: u64, work: impl FnOnce() -> T) -> T {
    with(&PROCESS, process, work)
}

/// Whether the thread's process has 32-bit pointers.
pub fn is_32_bit() -> bool {
    IS_32_BIT.get()
}

/// Who the thread's program is run by.
pub fn user() -> User {
    USER.get()
}

/// Runs code as a thread of a program that this user has started. The default is
/// [`User::Administrator`].
pub fn as_user<T>(user: User, work: impl FnOnce() -> T) -> T {
    with(&USER, user, work)
}

/// Runs code that stands for what another processor does at a low IRQL, unless such code runs.
pub fn in_call_hook(work: impl FnOnce()) {
    if IN_CALL_HOOK.get() {
        return;
    }
    let low = || with(&IRQL, PASSIVE_LEVEL, work);
    with(&IN_CALL_HOOK, true, || as_program(low));
}

/// Runs code as a program does. It may be called while the driver runs in this thread, from a
/// probe or a hook, where it stands for what another processor does: attached to nothing, holding
/// nothing.
pub fn as_program<T>(work: impl FnOnce() -> T) -> T {
    let held = lock_order::set_aside();
    let result = with(&ATTACHED, 0, work);
    lock_order::put_back(held);
    result
}

pub fn top_level_irp() -> usize {
    TOP_LEVEL_IRP.get()
}

/// Runs code below a file system, whose request is the thread's top-level IRP.
pub fn with_top_level_irp<T>(irp: usize, work: impl FnOnce() -> T) -> T {
    with(&TOP_LEVEL_IRP, irp, work)
}

fn with<V: 'static, T>(
    variable: &'static std::thread::LocalKey<Cell<V>>,
    value: V,
    work: impl FnOnce() -> T,
) -> T {
    let before = variable.replace(value);
    let result = work();
    variable.set(before);
    result
}

/// The kernel that the driver code running in this thread calls.
pub fn kernel() -> Arc<Kernel> {
    let kernel = KERNEL.with_borrow(Clone::clone);
    kernel.unwrap_or_else(|| {
        ntsim_machine::fault::bugcheck("a kernel routine was called outside of the simulation")
    })
}

/// Runs driver code as a thread of `kernel`.
pub fn run<T>(kernel: &Arc<Kernel>, work: impl FnOnce() -> T) -> T {
    let before = KERNEL.replace(Some(kernel.clone()));
    clock::driver_begins();
    let result = work();
    clock::driver_ends();
    KERNEL.set(before);
    result
}

impl Kernel {
    /// Sets the thread's IRQL, and has what may be paged out be so.
    pub fn go_to_irql(&self, level: u8) {
        if self.options.checks && level >= DISPATCH_LEVEL && irql() < DISPATCH_LEVEL {
            self.page_out_pool();
            self.page_out_code();
        }
        set_irql(level);
    }

    /// Calls the driver at a level and checks that it comes back as it went.
    pub fn driver_callback(self: &Arc<Self>, level: u8, call: impl FnOnce() -> usize) -> i32 {
        let before = irql();
        let _guard = self.enter_thread().expect("a thread for the driver");
        self.go_to_irql(level);
        let status = self.checked_call(|| run(self, call)) as i32;
        set_irql(before);
        status
    }

    /// Calls the driver, which must leave the thread as it found it.
    pub fn checked_call<T>(&self, call: impl FnOnce() -> T) -> T {
        let (level, attached) = (irql(), attached());
        let (regions, held) = (critical_regions(), lock_order::held());
        let result = call();
        if irql() != level || ATTACHED.get() != attached {
            self.violation(
                "callback",
                "returned at another IRQL or attached to a process",
            );
            set_attached(attached);
            set_irql(level);
        }
        if critical_regions() != regions {
            let detail = "a callback left another number of critical regions than it entered";
            self.violation("critical region", detail);
            set_critical_regions(regions);
        }
        if lock_order::held() > held {
            self.violation("lock", "held when a callback returned");
            lock_order::forget_beyond(held);
        }
        result
    }
}

impl Sim {
    /// Runs code as a thread of the process with this id. The default is process 0x1000; a process
    /// exists from its first handle to [`Sim::exit_process`].
    pub fn in_process<T>(&self, process: u64, work: impl FnOnce() -> T) -> T {
        in_process(process, work)
    }

    /// Runs code as a thread of a process with 32-bit pointers.
    pub fn as_32_bit<T>(&self, work: impl FnOnce() -> T) -> T {
        with(&IS_32_BIT, true, work)
    }

    /// Runs code with a top-level IRP, as in a thread in which a file system called back.
    pub fn with_top_level_irp<T>(&self, work: impl FnOnce() -> T) -> T {
        // FSRTL_FSP_TOP_LEVEL_IRP (nf-ntifs-iogettoplevelirp), which is no pointer.
        with_top_level_irp(1, work)
    }
}

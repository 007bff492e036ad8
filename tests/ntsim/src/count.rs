//! Counting what the driver does in an operation: the instructions of its image, and the kernel
//! routines that it calls. The figures do not depend on how fast or how busy the host is.

use crate::Sim;
use ntsim_machine::oracle::{self, Executed, Oracle};
use std::{
    cell::RefCell,
    collections::BTreeMap,
    fmt,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
};

/// What the driver has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Instructions of the driver's image, in all threads. Those of the simulated kernel do not
    /// count; a repeated string instruction counts once.
    pub instructions: u64,
    /// The same by function of the image, most first, as far as there is debug information.
    pub functions: Vec<(String, u64)>,
    /// The same by function of the source: what is inlined is a function, too.
    pub sources: Vec<(String, u64)>,
    /// The same by offset in the image.
    pub offsets: BTreeMap<usize, u64>,
    /// Kernel routines that the driver has called, by name, and how often.
    pub calls: BTreeMap<&'static str, u64>,
}

/// What one [`Sim::count_instructions`] has found so far.
struct Counting {
    oracle: Arc<Oracle>,
    found: Mutex<Found>,
    thread_ended: Condvar,
}

#[derive(Default)]
struct Found {
    executed: Executed,
    calls: BTreeMap<&'static str, u64>,
    /// System worker threads that run.
    threads: usize,
}

thread_local! {
    static COUNTING: RefCell<Option<Arc<Counting>>> = const { RefCell::new(None) };
}

impl Counting {
    fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `call` step by step in this thread.
    fn run<R>(self: &Arc<Self>, call: impl FnOnce() -> R) -> Result<R, String> {
        let _guard = oracle::enter_thread().map_err(|error| error.to_string())?;
        let _counting = Within(COUNTING.replace(Some(self.clone())));
        let (result, report) = self.oracle.audit(call).map_err(|error| error.to_string())?;
        self.found().executed.add(&report.executed);
        Ok(result)
    }

    fn wait_for_threads(&self) -> MutexGuard<'_, Found> {
        let found = self.found();
        let ended = self
            .thread_ended
            .wait_while(found, |found| found.threads > 0);
        ended.unwrap_or_else(PoisonError::into_inner)
    }
}

/// The time in which a thread counts, also if what it counts panics.
struct Within(Option<Arc<Counting>>);

impl Drop for Within {
    fn drop(&mut self) {
        COUNTING.set(self.0.take());
    }
}

/// A counted thread, until it ends, also by a panic.
struct Running(Arc<Counting>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.found().threads -= 1;
        self.0.thread_ended.notify_all();
    }
}

/// The driver has called a routine.
pub(crate) fn call(routine: &'static str) {
    COUNTING.with_borrow(|counting| {
        if let Some(counting) = counting {
            *counting.found().calls.entry(routine).or_default() += 1;
        }
    });
}

/// Starts a thread in which driver code runs, that counts if this one does.
pub(crate) fn spawn(work: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    let Some(counting) = COUNTING.with_borrow(Clone::clone) else {
        return std::thread::spawn(work);
    };
    counting.found().threads += 1;
    let running = Running(counting);
    let counted = move || {
        let done = running.0.run(work);
        done.expect("single steps, as in the thread that has started this one");
    };
    oracle::unstepped(|| std::thread::spawn(counted))
}

impl Sim {
    /// Runs `call` step by step and counts what the driver does meanwhile, in this thread and in
    /// system worker threads that this one starts. It is slow: the simulated kernel is stepped, too.
    ///
    /// # Errors
    /// No driver is loaded, or single steps are not delivered here (as under valgrind).
    pub fn count_instructions<R>(&self, call: impl FnOnce() -> R) -> Result<(R, Count), String> {
        let (oracle, base) = self.watched_image()?;
        let counting = Arc::new(Counting {
            oracle,
            found: Mutex::default(),
            thread_ended: Condvar::new(),
        });
        let result = counting.run(call)?;
        let found = counting.wait_for_threads();
        let executed = &found.executed;
        let offsets = executed.by_address().into_iter();
        let count = Count {
            instructions: executed.instructions(),
            functions: executed.by_function(),
            sources: executed.by_source(),
            offsets: offsets.map(|(rip, times)| (rip - base, times)).collect(),
            calls: found.calls.clone(),
        };
        Ok((result, count))
    }
}

/// A table of functions, and one of kernel routines.
impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:>8} instructions of the driver", self.instructions)?;
        writeln!(f, "  by function of the image")?;
        for (function, times) in &self.functions {
            writeln!(f, "{times:>8} {function}")?;
        }
        writeln!(f, "  by function of the source")?;
        for (function, times) in &self.sources {
            writeln!(f, "{times:>8} {function}")?;
        }
        writeln!(
            f,
            "{:>8} calls of kernel routines",
            self.calls.values().sum::<u64>()
        )?;
        for (routine, times) in &self.calls {
            writeln!(f, "{times:>8} {routine}")?;
        }
        Ok(())
    }
}

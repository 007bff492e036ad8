//! Operations that the filter has seen and not finished with: what a pended post-operation and the
//! teardown of an instance wait for.

use crate::{
    kernel::Kernel,
    schedule::{self, Wait},
};
use std::{
    collections::{HashMap, HashSet},
    sync::{
        Condvar, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    thread::ThreadId,
    time::{Duration, Instant},
};

/// How long a wait may last before it is reported as a hang.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Outstanding {
    inner: Mutex<Inner>,
    changed: Condvar,
    /// Threads that wait, counted while they hold the lock: mostly there is none to be told.
    waiting: AtomicUsize,
    patience: Duration,
}

#[derive(Default)]
pub(crate) struct Inner {
    /// By the address of their callback data.
    pub operations: HashMap<usize, Operation>,
    /// Volumes whose instance is being torn down.
    pub torn_down: HashSet<usize>,
    pub work: crate::deferred::Work,
    /// Operations that have begun.
    begun: u64,
    /// Contexts whose cleanup callback runs.
    pub cleanups: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The pre-operation runs.
    Before,
    /// The file system acts, and a post-operation is to follow.
    Below,
    /// The post-operation was called for cleanup only.
    Drained,
    /// The post-operation runs.
    After,
    /// The post-operation wants more processing.
    Pended,
}

/// An operation between its pre-operation and the end of its post-operation.
#[derive(Clone, Copy)]
pub(crate) struct Operation {
    pub volume: usize,
    pub file: usize,
    pub phase: Phase,
    /// The thread of the pre-operation.
    pub thread: ThreadId,
    /// The post-operation was promised that thread.
    pub synchronized: bool,
    pub post: usize,
    /// The completion context.
    pub context: usize,
    /// FltCompletePendedPostOperation was called.
    completed: bool,
    /// FltCompletePendedPreOperation was called, with this status and completion context.
    resumed: Option<(i32, usize)>,
    /// In the order of beginnings.
    number: u64,
}

impl Operation {
    /// An operation of the calling thread whose pre-operation is about to run.
    pub fn new(volume: usize, file: usize, post: usize) -> Self {
        Self {
            volume,
            file,
            phase: Phase::Before,
            thread: std::thread::current().id(),
            synchronized: false,
            post,
            context: 0,
            completed: false,
            resumed: None,
            number: 0,
        }
    }

    /// Whether a teardown in this thread may call its post-operation now.
    fn can_be_drained(&self) -> bool {
        let here = self.thread == std::thread::current().id();
        self.phase == Phase::Below && (!self.synchronized || here)
    }
}

impl Outstanding {
    pub fn new(patience: Duration) -> Self {
        Self {
            inner: Mutex::default(),
            changed: Condvar::new(),
            waiting: AtomicUsize::new(0),
            patience,
        }
    }

    pub fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("outstanding operations")
    }

    pub fn notify(&self) {
        schedule::wake(Wait::Outstanding);
        if self.waiting.load(Ordering::SeqCst) != 0 {
            self.changed.notify_all();
        }
    }

    /// Waits until `done`; `false` if that takes too long.
    pub fn wait_until(&self, mut done: impl FnMut(&mut Inner) -> bool) -> bool {
        while schedule::baton().is_some() {
            if done(&mut self.lock()) {
                return true;
            }
            schedule::wait(Wait::Outstanding, || "operations or work items".into());
        }
        let deadline = Instant::now() + self.patience;
        let mut inner = self.lock();
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut left = self.patience;
        let mut is_done = done(&mut inner);
        while !is_done && !left.is_zero() {
            let waited = self.changed.wait_timeout(inner, left);
            inner = waited.expect("outstanding operations").0;
            is_done = done(&mut inner);
            left = deadline.saturating_duration_since(Instant::now());
        }
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        is_done
    }
}

impl Kernel {
    pub fn operation_begins(&self, data: usize, mut operation: Operation) {
        let mut inner = self.outstanding.lock();
        inner.begun += 1;
        operation.number = inner.begun;
        inner.operations.insert(data, operation);
    }

    /// The pre-operation wants a post-operation, and the file system is next.
    pub fn operation_goes_down(&self, data: usize, context: usize, synchronized: bool) {
        if let Some(operation) = self.outstanding.lock().operations.get_mut(&data) {
            operation.phase = Phase::Below;
            operation.context = context;
            operation.synchronized = synchronized;
        }
        self.outstanding.notify();
    }

    /// The file system has acted. Whether the post-operation is still to be called.
    pub fn operation_comes_back(&self, data: usize) -> bool {
        let mut inner = self.outstanding.lock();
        match inner.operations.get_mut(&data) {
            Some(operation) if operation.phase == Phase::Below => {
                operation.phase = Phase::After;
                true
            }
            _ => false,
        }
    }

    /// FLT_PREOP_PENDING: waits until the filter goes on with the operation, if it does.
    pub fn wait_for_pre_operation(&self, data: usize) -> Option<(i32, usize)> {
        let mut resumed = None;
        self.outstanding.wait_until(|inner| {
            let operation = inner.operations.get_mut(&data);
            resumed = operation.and_then(|operation| operation.resumed.take());
            resumed.is_some()
        });
        if resumed.is_none() {
            self.violation("callback", "a pended pre-operation was never completed");
        }
        resumed
    }

    /// nf-fltkernel-fltcompletependedpreoperation
    pub fn complete_pended_pre_operation(&self, data: usize, status: i32, context: usize) {
        let mut inner = self.outstanding.lock();
        let operation = inner.operations.get_mut(&data);
        let wrong = match operation {
            Some(operation) if operation.resumed.is_some() => {
                Some("a pre-operation was completed twice")
            }
            // The work routine may be faster than the pre-operation that queued it.
            Some(operation) if operation.phase == Phase::Before => {
                operation.resumed = Some((status, context));
                inner.work.let_go(data);
                None
            }
            _ => Some("a pre-operation was completed that is not pended"),
        };
        drop(inner);
        self.outstanding.notify();
        if let Some(wrong) = wrong {
            self.violation("callback", wrong);
        }
    }

    /// FLT_POSTOP_MORE_PROCESSING_REQUIRED: waits for the completion.
    pub fn wait_for_completion(&self, data: usize) {
        if let Some(operation) = self.outstanding.lock().operations.get_mut(&data) {
            operation.phase = Phase::Pended;
        }
        let completed = self.outstanding.wait_until(|inner| {
            let operation = inner.operations.get(&data);
            operation.is_none_or(|operation| operation.completed)
        });
        if !completed {
            self.violation("callback", "a pended post-operation was never completed");
        }
    }

    /// The filter has nothing more to do with the operation, whose callback data goes away.
    pub fn operation_ends(&self, data: usize) {
        let ended = self.outstanding.lock().operations.remove(&data);
        if ended.is_some_and(|operation| operation.completed && operation.phase == Phase::After) {
            self.violation(
                "callback",
                "a post-operation was completed that was not pended",
            );
        }
        self.outstanding.notify();
        self.check_no_work_left(data, ended);
    }

    /// A work routine with the callback data of an operation that was not pended reads freed
    /// memory.
    fn check_no_work_left(&self, data: usize, ended: Option<Operation>) {
        let pended = ended.is_some_and(|operation| operation.completed);
        if pended || !self.outstanding.lock().work.uses(data) {
            return;
        }
        let detail = "an operation ended while a work item still had its callback data";
        self.violation("callback", detail);
        let done = self.outstanding.wait_until(|inner| !inner.work.uses(data));
        if !done {
            ntsim_machine::fault::bugcheck("a work routine did not return");
        }
    }

    /// nf-fltkernel-fltcompletependedpostoperation
    pub fn complete_pended_post_operation(&self, data: usize) {
        let mut inner = self.outstanding.lock();
        let operation = inner.operations.get_mut(&data);
        let wrong = match operation {
            Some(operation) if operation.completed => Some("a post-operation was completed twice"),
            // The work routine may be faster than the post-operation that queued it.
            Some(operation) if matches!(operation.phase, Phase::After | Phase::Pended) => {
                operation.completed = true;
                // The next operation may have its callback data there before the work routine returns.
                inner.work.let_go(data);
                None
            }
            _ => Some("a post-operation was completed that is not pended"),
        };
        drop(inner);
        self.outstanding.notify();
        if let Some(wrong) = wrong {
            self.violation("callback", wrong);
        }
    }

    /// An operation of a volume whose post-operation is to be called for its cleanup only, after
    /// which it gets no other. `copy` runs before the operation can go on.
    pub fn next_to_drain<T>(
        &self,
        volume: usize,
        copy: impl FnOnce(usize) -> T,
    ) -> Option<(Operation, T)> {
        let mut inner = self.outstanding.lock();
        let operations = inner.operations.iter_mut();
        let drainable = operations
            .filter(|(_, operation)| operation.volume == volume && operation.can_be_drained());
        let (data, operation) = drainable.min_by_key(|(_, operation)| operation.number)?;
        operation.phase = Phase::Drained;
        Some((*operation, copy(*data)))
    }

    /// Waits until an operation of a volume can be drained, or nothing of it is outstanding.
    pub fn wait_for_operations(&self, volume: usize) {
        let mut left = String::new();
        let quiet = self.outstanding.wait_until(|inner| {
            let mut operations = inner.operations.values();
            let waits = |operation: &&Operation| {
                operation.volume == volume && operation.phase != Phase::Drained
            };
            let drainable =
                |operation: &Operation| operation.volume == volume && operation.can_be_drained();
            if inner.operations.values().any(drainable) {
                return true;
            }
            let found = operations.find(waits).map(|operation| operation.phase);
            let working = inner.work.is_busy(volume);
            left = format!("operation: {found:?}, work items: {working}");
            found.is_none() && !working
        });
        if !quiet {
            let text = format!("the teardown of an instance waits for ever ({left})");
            ntsim_machine::fault::bugcheck(&text);
        }
    }
}

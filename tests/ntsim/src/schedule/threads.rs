//! Threads that run one at a time: each waits for its turn at every scheduling point.

use super::policy::{Chooser, Switches};
use crate::{calls, kernel::Kernel};
use std::{
    cell::RefCell,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Schedules under way in this process: without any, a scheduling point costs one load.
static ACTIVE: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static BATON: RefCell<Option<Baton>> = const { RefCell::new(None) };
}

/// What a thread that waits waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// The release of a push lock.
    PushLock(usize),
    /// A change of what is outstanding.
    Outstanding,
}

/// Points of other threads that a delay takes, unless nobody else can run.
const DELAY: u64 = 25;

enum State {
    Able,
    Waits(Wait),
    /// Delays until so many points have passed.
    Delays(u64),
    Ended,
}

struct Thread {
    name: String,
    state: State,
    turn: Arc<Condvar>,
    /// Why it cannot run, for people.
    story: String,
}

/// A scheduling point that was passed.
#[derive(Clone, Copy)]
pub(super) struct Passed {
    pub thread: usize,
    pub what: &'static str,
    /// The address in the driver.
    pub caller: usize,
}

pub(super) struct Inner {
    threads: Vec<Thread>,
    current: usize,
    chooser: Chooser,
    points: u64,
    most_points: u64,
    pub passed: Vec<Passed>,
    pub switches: Switches,
    /// Why it cannot go on.
    pub stuck: Option<String>,
    pub panics: Vec<String>,
}

pub(super) struct Schedule {
    inner: Mutex<Inner>,
    over: Condvar,
    kernel: Weak<Kernel>,
    seed: u64,
}

/// Lets the thread that has it run when it is its thread's turn.
#[derive(Clone)]
pub(crate) struct Baton {
    schedule: Arc<Schedule>,
    thread: usize,
}

impl Inner {
    fn add(&mut self, name: String) -> usize {
        self.threads.push(Thread {
            name,
            state: State::Able,
            turn: Arc::default(),
            story: String::new(),
        });
        self.threads.len() - 1
    }

    fn is_over(&self) -> bool {
        let ended = |thread: &Thread| matches!(thread.state, State::Ended);
        self.stuck.is_some() || self.threads.iter().all(ended)
    }

    /// Passes the turn on; nobody has it if nobody can run.
    fn choose(&mut self, running: Option<usize>) {
        let is_able = |thread: &Thread| match thread.state {
            State::Able => true,
            State::Delays(until) => until <= self.points,
            State::Waits(_) | State::Ended => false,
        };
        let threads = self.threads.iter().enumerate();
        let mut able: Vec<_> = threads
            .filter(|(_, thread)| is_able(thread))
            .map(|(at, _)| at)
            .collect();
        if able.is_empty() {
            // Time goes on.
            let delaying = self.threads.iter().enumerate();
            let delaying = delaying.filter_map(|(at, thread)| match thread.state {
                State::Delays(until) => Some((until, at)),
                _ => None,
            });
            able.extend(delaying.min().map(|(_, at)| at));
        }
        if able.is_empty() {
            if !self.is_over() {
                self.stuck = Some(format!("deadlock: {}", self.story()));
            }
            return;
        }
        let next = self.chooser.choose(self.points, running, &able);
        if running != Some(next) {
            self.switches.0.push((self.points, next));
        }
        self.current = next;
        self.threads[next].state = State::Able;
        self.threads[next].story.clear();
        if running != Some(next) {
            self.threads[next].turn.notify_one();
        }
    }

    /// Who waits for what.
    fn story(&self) -> String {
        let threads = self.threads.iter().enumerate();
        let told = threads.filter(|(_, thread)| !matches!(thread.state, State::Ended));
        let lines = told.map(|(at, Thread { name, story, .. })| {
            let story = if story.is_empty() { "can run" } else { story };
            format!("thread {at} ({name}) {story}")
        });
        lines.collect::<Vec<_>>().join("; ")
    }
}

impl Schedule {
    pub fn new(kernel: &Arc<Kernel>, chooser: Chooser, seed: u64, most_points: u64) -> Arc<Self> {
        ACTIVE.fetch_add(1, Ordering::SeqCst);
        Arc::new(Self {
            inner: Mutex::new(Inner {
                threads: Vec::new(),
                current: usize::MAX,
                chooser,
                points: 0,
                most_points,
                passed: Vec::new(),
                switches: Switches::default(),
                stuck: None,
                panics: Vec::new(),
            }),
            over: Condvar::new(),
            kernel: Arc::downgrade(kernel),
            seed,
        })
    }

    pub fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn add(self: &Arc<Self>, name: String) -> Baton {
        let thread = self.lock().add(name);
        let schedule = self.clone();
        Baton { schedule, thread }
    }

    /// Begins, and returns when all threads have ended or none can go on.
    pub fn run(&self) -> MutexGuard<'_, Inner> {
        let mut inner = self.lock();
        inner.choose(None);
        while !inner.is_over() {
            inner = self
                .over
                .wait(inner)
                .unwrap_or_else(PoisonError::into_inner);
        }
        ACTIVE.fetch_sub(1, Ordering::SeqCst);
        inner
    }

    /// The running thread passes a point, and goes on when it is its turn again.
    fn pass(&self, thread: usize, what: &'static str, state: State, story: String) {
        let mut inner = self.lock();
        let caller = calls::caller().unwrap_or_default();
        inner.passed.push(Passed {
            thread,
            what,
            caller,
        });
        inner.points += 1;
        inner.threads[thread].state = state;
        inner.threads[thread].story = story;
        if inner.points > inner.most_points && inner.stuck.is_none() {
            let story = inner.story();
            inner.stuck = Some(format!("endless: {story}"));
        } else {
            inner.choose(Some(thread));
        }
        self.tell_stuck(&inner);
        self.wait_for_turn(inner, thread);
    }

    fn wait_for_turn(&self, mut inner: MutexGuard<'_, Inner>, thread: usize) {
        let turn = inner.threads[thread].turn.clone();
        // Nobody has a turn any more when it is stuck: what the threads hold stays held.
        while inner.current != thread || inner.stuck.is_some() {
            inner = turn.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn tell_stuck(&self, inner: &Inner) {
        let Some(stuck) = &inner.stuck else {
            return;
        };
        if let Some(kernel) = self.kernel.upgrade() {
            let (rule, detail) = stuck.split_once(": ").unwrap_or(("deadlock", stuck));
            kernel.violation(rule, detail);
        }
        self.over.notify_all();
    }

    fn end(&self, thread: usize, panic: Option<String>) {
        let mut inner = self.lock();
        inner.threads[thread].state = State::Ended;
        inner.points += 1;
        if let Some(panic) = panic {
            let told = format!("thread {thread} ({}): {panic}", inner.threads[thread].name);
            inner.panics.push(told);
        }
        inner.choose(Some(thread));
        self.tell_stuck(&inner);
        if inner.is_over() {
            self.over.notify_all();
        }
    }

    fn wake(&self, wait: Wait) {
        for thread in &mut self.lock().threads {
            if matches!(thread.state, State::Waits(what) if what == wait) {
                thread.state = State::Able;
            }
        }
    }
}

impl Baton {
    /// Runs the whole of a thread.
    pub fn run(self, work: impl FnOnce()) {
        let Self { schedule, thread } = &self;
        BATON.set(Some(self.clone()));
        schedule.wait_for_turn(schedule.lock(), *thread);
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        let panic = done.err().map(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()));
            text.unwrap_or_else(|| "a panic".to_owned())
        });
        BATON.set(None);
        schedule.end(*thread, panic);
    }

    /// Runs something in another host thread, for which the thread of the baton waits.
    pub fn lent<T>(baton: Option<Self>, work: impl FnOnce() -> T) -> T {
        let before = BATON.replace(baton);
        let result = work();
        BATON.set(before);
        result
    }
}

/// The calling thread's, if it is one of a schedule's.
pub(crate) fn baton() -> Option<Baton> {
    if ACTIVE.load(Ordering::Relaxed) == 0 {
        return None;
    }
    BATON.with_borrow(Clone::clone)
}

/// The seed of the calling thread's schedule and what was chosen so far, for a last message.
pub(crate) fn so_far() -> Option<(u64, Switches)> {
    let Baton { schedule, .. } = baton()?;
    let inner = schedule.inner.try_lock().ok()?;
    Some((schedule.seed, inner.switches.clone()))
}

/// A point at which another thread may go on. No lock of the simulator's may be held.
pub(crate) fn point(what: &'static str) {
    if let Some(Baton { schedule, thread }) = baton() {
        schedule.pass(thread, what, State::Able, String::new());
    }
}

/// Waits until something happened that may end the wait; `false` if the thread is not scheduled and
/// has to wait as ever. No lock of the simulator's may be held.
pub(crate) fn wait(wait: Wait, story: impl FnOnce() -> String) -> bool {
    let Some(Baton { schedule, thread }) = baton() else {
        return false;
    };
    let here = calls::whereabouts().stack.join(" < ");
    let story = format!("waits for {} in {here}", story());
    schedule.pass(thread, "(waits)", State::Waits(wait), story);
    true
}

/// Something happened that may end waits.
pub(crate) fn wake(what: Wait) {
    if let Some(Baton { schedule, .. }) = baton() {
        schedule.wake(what);
    }
}

/// KeDelayExecutionThread: others go on for a while; `false` if the thread is not scheduled.
pub(crate) fn delay() -> bool {
    let Some(Baton { schedule, thread }) = baton() else {
        return false;
    };
    let until = schedule.lock().points + DELAY;
    schedule.pass(thread, "(delays)", State::Delays(until), "delays".into());
    true
}

/// A new thread of the calling thread's schedule, which begins as one that can run.
pub(crate) fn another(name: &str) -> Option<Baton> {
    baton().map(|baton| baton.schedule.add(name.to_owned()))
}

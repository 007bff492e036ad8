//! Following the program, its threads and its children from stop to stop.

use super::{Missed, Progress, RecordError, calls::Call, memory, process, recording::Recording};
use nix::{
    errno::Errno,
    sys::{
        ptrace::{self, Event},
        signal::{Signal, kill},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};
use std::{
    collections::{HashMap, HashSet},
    fs,
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::ExitStatus,
    time::{Duration, Instant},
};

const INTERVAL: Duration = Duration::from_millis(100);
/// AUDIT_ARCH_X86_64: calls of other kinds have other numbers.
const X86_64: u32 = 0xc000_003e;
/// Numbers of x32 calls have this bit.
const X32: i64 = 0x4000_0000;
/// The first real-time signal, which `nix` does not know.
const REAL_TIME: i32 = 32;
const MAX_ERROR: u64 = 4095;

struct Tracer<'a> {
    program: Pid,
    recording: &'a mut Recording,
    /// The threads, and what each of them is calling.
    threads: HashMap<Pid, Option<Call>>,
    /// Stopped before it was known whose child they are.
    early: HashSet<Pid>,
    /// Ended before that.
    ended: HashSet<Pid>,
    /// Whether the program itself runs, rather than what starts it.
    running: bool,
    refused: Option<RecordError>,
    status: Option<ExitStatus>,
}

/// Follows a seized program until it and all its children have ended.
pub fn run(
    program: Pid,
    recording: &mut Recording,
    progress: &mut dyn FnMut(&Progress),
) -> Result<ExitStatus, RecordError> {
    recording.spaces.first(program);
    let mut tracer = Tracer {
        program,
        recording,
        threads: HashMap::from([(program, None)]),
        early: HashSet::new(),
        ended: HashSet::new(),
        running: false,
        refused: None,
        status: None,
    };
    let ended = tracer.follow(progress);
    if let Err(error) = ended {
        for pid in tracer.threads.keys() {
            let _ = kill(*pid, Signal::SIGKILL);
        }
        let flags = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
        while waitpid(None, Some(flags)).is_ok() {}
        return Err(RecordError::Watching(error));
    }
    if let Some(refused) = tracer.refused {
        return Err(refused);
    }
    let status = tracer.status.filter(|_| tracer.running);
    status.ok_or(RecordError::NotRun)
}

impl Tracer<'_> {
    fn follow(&mut self, progress: &mut dyn FnMut(&Progress)) -> Result<(), Errno> {
        // Children of other threads of this process are none of ours.
        let flags = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
        let mut last = Instant::now();
        loop {
            match waitpid(None, Some(flags)) {
                Ok(status) => match self.stop(status) {
                    // Killed in the meantime, which the next wait tells.
                    Ok(()) | Err(Errno::ESRCH) => {}
                    Err(error) => return Err(error),
                },
                Err(Errno::EINTR) => {}
                Err(Errno::EINVAL) => self.real_time_signal(),
                Err(Errno::ECHILD) => return Ok(()),
                Err(error) => return Err(error),
            }
            if last.elapsed() >= INTERVAL {
                last = Instant::now();
                progress(&self.recording.progress(self.threads.len()));
            }
        }
    }

    fn stop(&mut self, status: WaitStatus) -> Result<(), Errno> {
        let Some(pid) = status.pid() else {
            return Ok(());
        };
        match status {
            WaitStatus::Exited(_, code) => {
                self.gone(pid, ExitStatus::from_raw((code & 0xff) << 8));
                return Ok(());
            }
            WaitStatus::Signaled(_, signal, core) => {
                let core = if core { 0x80 } else { 0 };
                self.gone(pid, ExitStatus::from_raw(signal as i32 | core));
                return Ok(());
            }
            _ => {}
        }
        if !self.threads.contains_key(&pid) {
            self.early.insert(pid);
            return Ok(());
        }
        match status {
            WaitStatus::PtraceSyscall(_) => {
                self.system_call(pid)?;
                ptrace::syscall(pid, None)
            }
            WaitStatus::PtraceEvent(_, _, event) => self.event(pid, event),
            WaitStatus::Stopped(_, signal) => ptrace::syscall(pid, signal),
            _ => ptrace::syscall(pid, None),
        }
    }

    fn event(&mut self, pid: Pid, event: i32) -> Result<(), Errno> {
        let is = |known: Event| event == known as i32;
        if is(Event::PTRACE_EVENT_FORK)
            || is(Event::PTRACE_EVENT_VFORK)
            || is(Event::PTRACE_EVENT_CLONE)
        {
            let child = child(pid)?;
            let shares = shares_memory(pid)?;
            if self.ended.remove(&child) {
                return ptrace::syscall(pid, None);
            }
            self.recording.spaces.child(pid, child, shares);
            self.threads.insert(child, None);
            if self.early.remove(&child) {
                // It may have been killed already.
                let _ = ptrace::syscall(child, None);
            }
        } else if is(Event::PTRACE_EVENT_EXEC) {
            self.executed(pid)?;
        } else if is(Event::PTRACE_EVENT_EXIT) {
            self.recording.leaves(pid, true);
        }
        // The stop of a process by SIGSTOP or ctrl-Z comes here, too, and does not last: `nix` has
        // no PTRACE_LISTEN.
        ptrace::syscall(pid, None)
    }

    fn executed(&mut self, pid: Pid) -> Result<(), Errno> {
        // A thread that is not the first takes its number.
        let former = child(pid)?;
        self.recording.leaves(former, false);
        self.recording.leaves(pid, false);
        if former != pid {
            self.threads.remove(&former);
        }
        self.threads.insert(pid, None);
        self.recording.spaces.first(pid);
        let image = PathBuf::from(format!("/proc/{pid}/exe"));
        let foreign = process::is_32_bit(&image).unwrap_or(false);
        if foreign && !self.running {
            let path = fs::read_link(&image).unwrap_or(image);
            self.refused = Some(RecordError::ThirtyTwoBit(path));
            return kill(pid, Signal::SIGKILL);
        }
        if foreign {
            self.recording.miss(Missed::ThirtyTwoBit);
        }
        if !self.running {
            self.running = true;
            self.recording.inherited(pid);
        }
        self.let_go();
        Ok(())
    }

    fn system_call(&mut self, pid: Pid) -> Result<(), Errno> {
        let info = ptrace::syscall_info(pid)?;
        let registers = ptrace::getregs(pid)?;
        let number = registers.orig_rax.cast_signed();
        if !self.running || info.arch != X86_64 || number & X32 != 0 {
            if self.running && info.op == libc::PTRACE_SYSCALL_INFO_ENTRY {
                self.recording.miss(Missed::ThirtyTwoBit);
            }
            return Ok(());
        }
        if info.op == libc::PTRACE_SYSCALL_INFO_ENTRY {
            let arguments = [
                registers.rdi,
                registers.rsi,
                registers.rdx,
                registers.r10,
                registers.r8,
                registers.r9,
            ];
            let call = Call::begin(self.recording, pid, number, arguments);
            self.threads.insert(pid, Some(call));
        } else if let Some(Some(call)) = self.threads.insert(pid, None) {
            let failed = registers.rax > u64::MAX - MAX_ERROR;
            if !failed && call.end(self.recording, pid, registers.rax) {
                self.let_go();
            }
        }
        Ok(())
    }

    fn gone(&mut self, pid: Pid, status: ExitStatus) {
        self.recording.leaves(pid, false);
        if self.threads.remove(&pid).is_none() {
            self.ended.insert(pid);
        }
        self.early.remove(&pid);
        if pid == self.program {
            self.status = Some(status);
        }
        self.let_go();
    }

    /// A file may have been closed or unmapped for the last time.
    fn let_go(&mut self) {
        let threads: Vec<Pid> = self.threads.keys().copied().collect();
        self.recording.delete_unheld(&threads);
    }

    /// `nix` cannot tell who was stopped by a real-time signal, and cannot pass it on.
    fn real_time_signal(&mut self) {
        let threads: Vec<Pid> = self.threads.keys().copied().collect();
        for pid in threads {
            match ptrace::getsiginfo(pid) {
                Ok(info) if info.si_signo >= REAL_TIME => {
                    self.recording.miss(Missed::RealTimeSignal);
                    let _ = ptrace::syscall(pid, None);
                }
                _ => {}
            }
        }
    }
}

/// The number that comes with an event: the new thread, or the one that was.
fn child(pid: Pid) -> Result<Pid, Errno> {
    let message = ptrace::getevent(pid)?;
    i32::try_from(message)
        .map(Pid::from_raw)
        .map_err(|_| Errno::EINVAL)
}

/// Whether the call under way makes a thread or the like, not a process with its own memory.
fn shares_memory(pid: Pid) -> Result<bool, Errno> {
    let registers = ptrace::getregs(pid)?;
    let flags = match registers.orig_rax.cast_signed() {
        libc::SYS_fork => 0,
        libc::SYS_vfork => libc::CLONE_VM as u64,
        libc::SYS_clone3 => memory::word(pid, registers.rdi).unwrap_or(0),
        _ => registers.rdi,
    };
    Ok(flags & libc::CLONE_VM as u64 != 0)
}

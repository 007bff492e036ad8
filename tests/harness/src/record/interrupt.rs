//! Ctrl-C ends the program, not the recording.

use super::RecordError;
use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        signal::{SigSet, Signal, kill},
        signalfd::{SfdFlags, SignalFd},
    },
    unistd::Pid,
};
use std::{
    os::fd::AsFd,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

/// How long the end of the recording may wait for this, in milliseconds.
const PATIENCE: u8 = 20;
/// So many requests, and the program is killed.
const ENOUGH: u32 = 3;

/// Runs `work` while signals that ask for the end go to the program; says whether there were any.
/// What the terminal sends reaches the program without help. The third request kills it.
pub fn forwarding<T>(program: Pid, work: impl FnOnce() -> T) -> Result<(T, bool), RecordError> {
    let mut signals = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        signals.add(signal);
    }
    let before = SigSet::thread_get_mask().map_err(RecordError::Signals)?;
    signals.thread_block().map_err(RecordError::Signals)?;
    let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
    let descriptor = SignalFd::with_flags(&signals, flags).map_err(RecordError::Signals)?;
    let done = AtomicBool::new(false);
    let (result, requests) = thread::scope(|scope| {
        let watcher = scope.spawn(|| watch(program, &descriptor, &done));
        let result = work();
        done.store(true, Ordering::Release);
        (result, watcher.join().unwrap_or(0))
    });
    before.thread_set_mask().map_err(RecordError::Signals)?;
    Ok((result, requests != 0))
}

fn watch(program: Pid, descriptor: &SignalFd, done: &AtomicBool) -> u32 {
    let mut requests = 0;
    loop {
        let last = done.load(Ordering::Acquire);
        while let Ok(Some(info)) = descriptor.read_signal() {
            requests += 1;
            let signal = i32::try_from(info.ssi_signo).ok();
            let signal = signal.and_then(|signal| Signal::try_from(signal).ok());
            if last {
                continue;
            }
            // The program may be gone already.
            let _ = if requests >= ENOUGH {
                kill(program, Signal::SIGKILL)
            } else if info.ssi_code == libc::SI_USER {
                kill(program, signal)
            } else {
                Ok(())
            };
        }
        if last {
            return requests;
        }
        let mut polled = [PollFd::new(descriptor.as_fd(), PollFlags::POLLIN)];
        let _ = poll(&mut polled, PollTimeout::from(PATIENCE));
    }
}

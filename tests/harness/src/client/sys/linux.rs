//! Faults on Linux: a SIGSEGV handler that passes on what is not its own.

use super::regions::note_fault;
use std::{
    cell::UnsafeCell,
    io,
    mem::{MaybeUninit, zeroed},
    ptr::{null, null_mut, with_exposed_provenance_mut},
    sync::{Mutex, PoisonError},
};

type Handler = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);

/// How often others may install themselves in front of us, and we in front of them again.
const LEVELS: usize = 4;

/// One function for each level: whoever was installed between two of them passes on, or gives back,
/// to the lower one, and so goes on with what was there before rather than round in a circle.
static HANDLERS: [Handler; LEVELS] = [on_fault::<0>, on_fault::<1>, on_fault::<2>, on_fault::<3>];

/// Who handled the signal before the level's handler was installed.
struct Previous(UnsafeCell<MaybeUninit<libc::sigaction>>);

// SAFETY: written with INSTALLING held and before the handler that reads it is in force.
unsafe impl Sync for Previous {}

static PREVIOUS: [Previous; LEVELS] =
    [const { Previous(UnsafeCell::new(MaybeUninit::uninit())) }; LEVELS];

/// Levels in use.
static INSTALLING: Mutex<usize> = Mutex::new(0);

/// Installs the handler in front of all others, unless it is there.
pub fn install() -> io::Result<()> {
    let mut levels = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let before = exchange(None)?;
    if HANDLERS
        .iter()
        .any(|handler| *handler as *const () as usize == before.sa_sigaction)
    {
        return Ok(());
    }
    let level = *levels;
    let Some(handler) = HANDLERS.get(level) else {
        return Err(io::Error::other(
            "another handler of SIGSEGV was installed too often",
        ));
    };
    // SAFETY: not in force yet, so nobody reads it; the lock is held.
    unsafe { (*PREVIOUS[level].0.get()).write(before) };
    // SAFETY: all zero is a valid sigaction.
    let mut action: libc::sigaction = unsafe { zeroed() };
    action.sa_sigaction = *handler as *const () as usize;
    // On the thread's alternate stack where it has one, which Rust gives all of its threads.
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    exchange(Some(&action))?;
    *levels += 1;
    Ok(())
}

/// Replaces, or only reads, who handles the signal.
fn exchange(action: Option<&libc::sigaction>) -> io::Result<libc::sigaction> {
    // SAFETY: all zero is a valid sigaction.
    let mut before = unsafe { zeroed() };
    let action = action.map_or(null(), std::ptr::from_ref);
    // SAFETY: null, or a valid structure whose handler has the signature that its flags ask for.
    if unsafe { libc::sigaction(libc::SIGSEGV, action, &mut before) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(before)
}

/// Bit of a page fault's error code: it was a store.
const STORE: libc::greg_t = 1 << 1;

extern "C" fn on_fault<const LEVEL: usize>(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    // SAFETY: the kernel, or who passes the signal on, gives valid pointers.
    let (code, address, error) = unsafe {
        let registers = &(*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs;
        let error = registers[libc::REG_ERR as usize];
        ((*info).si_code, (*info).si_addr() as usize, error)
    };
    // A page that is mapped but read-only; what another thread has unprotected by now is stored to
    // when the instruction runs again.
    if code == SEGV_ACCERR && error & STORE != 0 {
        // SAFETY: the thread's own errno, which the interrupted code may be about to read.
        let errno = unsafe { *libc::__errno_location() };
        let noted = note_fault(address);
        // SAFETY: as above.
        unsafe { *libc::__errno_location() = errno };
        if noted {
            return;
        }
    }
    // SAFETY: written before this handler came into force, and not since.
    let previous = unsafe { (*PREVIOUS[LEVEL].0.get()).assume_init_ref() };
    pass_on(previous, signal, info, context);
}

/// Not in every version of libc.
const SEGV_ACCERR: libc::c_int = 2;

fn pass_on(
    previous: &libc::sigaction,
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    match previous.sa_sigaction {
        libc::SIG_DFL | libc::SIG_IGN => {
            // The default action: the faulting instruction runs again and ends the process.
            // SAFETY: all zero is a valid sigaction, and the default.
            let default: libc::sigaction = unsafe { zeroed() };
            // SAFETY: a valid structure.
            unsafe { libc::sigaction(signal, &default, null_mut()) };
            // SAFETY: valid, as it came to on_fault.
            if unsafe { (*info).si_code } <= 0 {
                // Sent, not a fault: nothing would run again.
                // SAFETY: no pointers; the signal comes when this handler has returned.
                unsafe { libc::raise(signal) };
            }
        }
        handler if previous.sa_flags & libc::SA_SIGINFO != 0 => {
            // SAFETY: installed with SA_SIGINFO, so it has this signature.
            let handler: Handler = unsafe { std::mem::transmute(handler) };
            handler(signal, info, context);
        }
        handler => {
            // SAFETY: installed without SA_SIGINFO, so it has this signature.
            let handler: extern "C" fn(libc::c_int) = unsafe { std::mem::transmute(handler) };
            handler(signal);
        }
    }
}

/// Makes pages writable or read-only. Async-signal-safe.
///
/// # Safety
/// The pages are a mapping's, and what stores to them copes with a fault.
pub unsafe fn change_protection(first: usize, bytes: usize, writable: bool) -> io::Result<()> {
    let protection = if writable {
        libc::PROT_READ | libc::PROT_WRITE
    } else {
        libc::PROT_READ
    };
    // SAFETY: the caller's promise; the system checks the rest.
    match unsafe { libc::mprotect(with_exposed_provenance_mut(first), bytes, protection) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

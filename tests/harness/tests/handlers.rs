//! Who else handles SIGSEGV: the simulator, before us or after us, and a handler that is a stranger.
//! Handlers are the process's, so each case has a process of its own.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod common;

use common::Anonymous;
use daxctl::client::{FaultHandler, Mapping, Tracked};
use std::{
    os::unix::process::ExitStatusExt,
    process::{Command, ExitStatus},
    ptr::{null, null_mut, with_exposed_provenance_mut},
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
};

/// Runs an ignored test of this file in a process of its own.
fn alone(name: &str) -> (ExitStatus, String) {
    let program = std::env::current_exe().expect("this program");
    let mut command = Command::new("timeout");
    command.arg("20").arg(program);
    let output = command
        .args(["--exact", name, "--ignored", "--nocapture"])
        .output()
        .expect("a process");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status, text)
}

fn passes(name: &str) {
    let (status, text) = alone(name);
    assert!(status.success(), "{status}: {text}");
    assert!(text.contains("1 passed"), "{text}");
}

/// The case gets to its own bad store and is ended by it, by the signal and not by a timeout.
fn dies(name: &str) {
    let (status, text) = alone(name);
    assert!(text.contains(BEFORE), "{text}");
    let signal = status.signal().or(status.code().map(|code| code - 128));
    assert_eq!(signal, Some(libc::SIGSEGV), "{status}: {text}");
}

const BEFORE: &str = "before the bad store";

fn tracked() -> Tracked<Anonymous> {
    let tracked = Tracked::new(Anonymous::new(4));
    tracked.map_err(|(error, _)| error).expect("tracking")
}

/// First stores are noted.
fn works(tracked: &Tracked<Anonymous>) {
    for _ in 0..3 {
        assert!(tracked.store(0, &[1; 8]));
        assert_eq!(tracked.take().expect("pages"), vec![0..1]);
    }
}

/// A store to a page that nobody tracks and nobody may store to.
fn bad_store() {
    println!("{BEFORE}");
    // SAFETY: a new mapping at an address of the system's choice.
    let page = unsafe {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        libc::mmap(null_mut(), 4096, libc::PROT_READ, flags, -1, 0)
    };
    // SAFETY: it faults, which is what is tested; where a stranger handles it, it is memory of ours.
    unsafe { page.cast::<u64>().write_volatile(1) };
}

fn install_simulator() {
    ntsim_machine::fault::install().expect("the simulator's handlers");
}

#[test]
#[ignore = "run in a process of its own"]
fn simulator_first() {
    install_simulator();
    let tracked = tracked();
    works(&tracked);
    bad_store();
}

#[test]
#[ignore = "run in a process of its own"]
fn simulator_last() {
    let tracked = tracked();
    install_simulator();
    works(&tracked);
    bad_store();
}

#[test]
#[ignore = "run in a process of its own"]
fn simulator_between() {
    let first = tracked();
    install_simulator();
    let second = tracked();
    works(&first);
    works(&second);
    bad_store();
}

#[test]
fn with_the_simulator_in_any_order_a_bad_store_ends_the_process() {
    for name in ["simulator_first", "simulator_last", "simulator_between"] {
        dies(name);
    }
}

static STRANGE_FAULTS: AtomicUsize = AtomicUsize::new(0);
static BEFORE_STRANGER: AtomicUsize = AtomicUsize::new(0);

extern "C" fn stranger(
    signal: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    // SAFETY: the kernel's, valid while the handler runs.
    let address = unsafe { (*info).si_addr() }.addr();
    let next = BEFORE_STRANGER.load(SeqCst);
    if next != 0 && TRACKED.load(SeqCst) == address & !4095 {
        // SAFETY: a handler with SA_SIGINFO that was there before this one.
        let next: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) =
            unsafe { std::mem::transmute(next) };
        return next(signal, info, context);
    }
    STRANGE_FAULTS.fetch_add(1, SeqCst);
    let page = with_exposed_provenance_mut(address & !4095);
    // SAFETY: the page that the test has mapped for this.
    unsafe { libc::mprotect(page, 4096, libc::PROT_READ | libc::PROT_WRITE) };
}

/// The page whose faults the stranger knows not to be its own.
static TRACKED: AtomicUsize = AtomicUsize::new(0);

fn install_stranger() {
    // SAFETY: all zero is a valid sigaction.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = stranger as *const () as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    // SAFETY: all zero is a valid sigaction.
    let mut before: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: valid structures.
    assert_eq!(0, unsafe {
        libc::sigaction(libc::SIGSEGV, null(), &mut before)
    });
    BEFORE_STRANGER.store(before.sa_sigaction, SeqCst);
    // SAFETY: valid structures, and a handler of the signature that SA_SIGINFO asks for.
    assert_eq!(0, unsafe {
        libc::sigaction(libc::SIGSEGV, &action, null_mut())
    });
}

#[test]
#[ignore = "run in a process of its own"]
fn stranger_first() {
    install_stranger();
    let tracked = tracked();
    for count in 1..4 {
        works(&tracked);
        bad_store();
        assert_eq!(STRANGE_FAULTS.load(SeqCst), count, "its own only");
    }
}

#[test]
#[ignore = "run in a process of its own"]
fn stranger_last() {
    FaultHandler::install().expect("a handler");
    let tracked = tracked();
    install_stranger();
    TRACKED.store(tracked.mapping().base(), SeqCst);
    for count in 1..4 {
        works(&tracked);
        bad_store();
        assert_eq!(STRANGE_FAULTS.load(SeqCst), count, "its own only");
    }
    // In front of it again, and it passes nothing round in a circle.
    FaultHandler::install().expect("a handler");
    works(&tracked);
    bad_store();
    assert_eq!(STRANGE_FAULTS.load(SeqCst), 4);
}

#[test]
fn a_stranger_gets_its_own_faults_in_either_order() {
    passes("stranger_first");
    passes("stranger_last");
}

/// Takes away Rust's own handler.
fn remove_all() {
    // SAFETY: all zero is a valid sigaction, and the default.
    let default: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: a valid structure.
    unsafe { libc::sigaction(libc::SIGSEGV, &default, null_mut()) };
}

#[test]
#[ignore = "run in a process of its own"]
fn nobody_else() {
    remove_all();
    works(&tracked());
    bad_store();
}

#[test]
#[ignore = "run in a process of its own"]
fn a_signal_that_is_sent() {
    remove_all();
    works(&tracked());
    println!("{BEFORE}");
    // SAFETY: no pointers.
    unsafe { libc::raise(libc::SIGSEGV) };
}

#[test]
fn with_nobody_else_a_bad_store_ends_the_process() {
    dies("nobody_else");
    dies("a_signal_that_is_sent");
}

#[test]
#[ignore = "run in a process of its own"]
fn a_bad_load() {
    let tracked = tracked();
    works(&tracked);
    let base = with_exposed_provenance_mut::<libc::c_void>(tracked.mapping().base());
    println!("{BEFORE}");
    // SAFETY: our own mapping; what reads it faults, which is what is tested.
    unsafe { libc::mprotect(base, 4096, libc::PROT_NONE) };
    tracked.mapping().load(0);
}

#[test]
fn only_stores_are_taken_for_first_stores() {
    dies("a_bad_load");
}

//! Bugchecks: faults inside an image, and those that the simulated kernel raises.

use std::fmt::Write as _;
use std::io;
use std::sync::OnceLock;

use crate::guarded::{Meaning, meaning_now};
use crate::image::{find_module, page_in, symbolize};
use crate::oracle::{emulating, thread_entered};
use crate::signal::{Cpu, Signal};
use crate::special_pool;

/// Exit code of the process after a bugcheck.
pub const BUGCHECK_EXIT: i32 = 70;

/// Words of the stack that are searched for return addresses into images.
const STACK_WORDS: usize = 512;

static SIGNALS: [Signal; 4] = [
    Signal::new(libc::SIGSEGV),
    Signal::new(libc::SIGBUS),
    Signal::new(libc::SIGILL),
    Signal::new(libc::SIGFPE),
];

static NOTE: OnceLock<fn(&mut dyn io::Write)> = OnceLock::new();

/// Installs the fault handlers. Loading an image does this; later calls do nothing.
///
/// # Errors
/// The system's, if it refuses.
pub fn install() -> io::Result<()> {
    SIGNALS
        .iter()
        .try_for_each(|signal| signal.install(on_fault))
}

/// Sets what is added to each bugcheck message, such as the IRQL and a call log. Only the first
/// call counts.
pub fn set_note(note: fn(&mut dyn io::Write)) {
    // A second note would be as good as the first.
    let _ = NOTE.set(note);
}

/// Ends the process with a message on standard error and [`BUGCHECK_EXIT`].
pub fn bugcheck(text: &str) -> ! {
    let mut message = format!("*** BUGCHECK: {text}\n").into_bytes();
    if let Some(note) = NOTE.get() {
        note(&mut message);
    }
    write_stderr(&message);
    // SAFETY: ends the process; nothing of it is needed any more.
    unsafe { libc::_exit(BUGCHECK_EXIT) }
}

/// A bugcheck at an instruction of an image, with its registers and the image code on its stack.
pub(crate) fn bugcheck_at(cpu: &Cpu, what: &str, rip: usize) -> ! {
    let at = symbolize(rip).unwrap_or_else(|| format!("0x{rip:x}"));
    bugcheck(&format!(
        "{what} at {at}\n{}{}",
        cpu.registers(),
        stack(cpu)
    ))
}

/// The handler of [`SIGNALS`].
extern "C" fn on_fault(
    number: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    // SAFETY: the kernel passes valid pointers to a handler with SA_SIGINFO.
    let (cpu, info) = unsafe { (Cpu::from_context(context), &*info) };
    // SAFETY: all signals that come here carry an address.
    let address = unsafe { info.si_addr() } as usize;
    let rip = cpu.rip();
    let paged_in = || special_pool::page_in(address) || page_in(address);
    if number == libc::SIGSEGV && paged_in() {
        return;
    }
    if let Some((mnemonic, site)) = emulating() {
        bugcheck_at(
            &cpu,
            &format!("{mnemonic} of the inaccessible address 0x{address:x}"),
            site,
        );
    }
    if find_module(rip).is_some() {
        let what = match meaning_now(address).filter(|_| number == libc::SIGSEGV) {
            Some(Meaning { rule, what }) => {
                format!("{rule}: touched {what}, address 0x{address:x}")
            }
            None => describe(number, address, &cpu),
        };
        bugcheck_at(&cpu, &what, rip);
    }
    let caller = peek(cpu.rsp(), 1)
        .first()
        .copied()
        .filter(|&a| find_module(a).is_some());
    if let Some(caller) = caller.filter(|_| address == rip) {
        bugcheck_at(
            &cpu,
            &format!("call of the invalid address 0x{rip:x}, returning"),
            caller,
        );
    }
    if thread_entered() {
        let text = format!(
            "*** fault in host code at 0x{rip:x}, address 0x{address:x}\n{}",
            stack(&cpu)
        );
        write_stderr(text.as_bytes());
    }
    if let Some(signal) = SIGNALS.iter().find(|s| s.number() == number) {
        signal.give_back();
    }
}

fn describe(number: libc::c_int, address: usize, cpu: &Cpu) -> String {
    let code = peek(cpu.rip(), 1)
        .first()
        .map_or([0; 8], |word| word.to_le_bytes());
    match (number, code) {
        (libc::SIGSEGV, [0xcd, 0x29, ..]) => format!("fast fail with code {}", cpu.rcx() as u32),
        (libc::SIGILL, [0x0f, 0x0b, ..]) => "ud2 (a panic or abort)".to_owned(),
        (libc::SIGSEGV, _) if address == cpu.rip() => "execution of inaccessible memory".to_owned(),
        (libc::SIGSEGV, _) => violation(address, cpu),
        (libc::SIGBUS, _) => format!("bus error, address 0x{address:x}"),
        (libc::SIGILL, _) => format!("illegal instruction {:02x?}", code),
        _ => "arithmetic fault (division by zero or overflow)".to_owned(),
    }
}

/// An access to an address that cannot be had, and what that address belongs to.
fn violation(address: usize, cpu: &Cpu) -> String {
    if let Some(block) = special_pool::find(address) {
        let (rule, place) = block.describe(address);
        return format!("{rule}: access violation, address 0x{address:x}, {place}");
    }
    // The processor does not tell an address that is not canonical.
    let fresh = (0..16).map(|register| cpu.register(register));
    let high = |word: u64| word >> 16;
    let pattern = high(u64::from_ne_bytes([special_pool::FRESH_BYTE; 8]));
    match fresh
        .filter(|_| address == 0)
        .find(|word| high(*word) == pattern)
    {
        Some(word) => format!(
            "uninitialized pool: access violation, address 0x{word:x}, from a block that was not written"
        ),
        None => format!("access violation, address 0x{address:x}"),
    }
}

/// Words on the stack that point into images: return addresses, and some that once were.
fn stack(cpu: &Cpu) -> String {
    let frames = peek(cpu.rsp(), STACK_WORDS)
        .into_iter()
        .filter_map(symbolize);
    frames.take(16).fold(String::new(), |mut text, frame| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "    stack: {frame}");
        text
    })
}

/// Reads words that may not be there: as many as are.
pub(crate) fn peek(at: usize, words: usize) -> Vec<usize> {
    let mut buf = vec![0usize; words];
    let local = libc::iovec {
        iov_base: buf.as_mut_ptr().cast(),
        iov_len: 8 * words,
    };
    let remote = libc::iovec {
        iov_base: at as *mut libc::c_void,
        iov_len: 8 * words,
    };
    // SAFETY: the system call checks both ranges; the local one is `buf`.
    let read = unsafe { libc::process_vm_readv(libc::getpid(), &local, 1, &remote, 1, 0) };
    // A range that leaves accessible memory is read up to the page where it does.
    buf.truncate(usize::try_from(read).unwrap_or(0) / 8);
    buf
}

fn write_stderr(mut message: &[u8]) {
    while !message.is_empty() {
        // SAFETY: the pointer and length describe `message`.
        let written = unsafe { libc::write(2, message.as_ptr().cast(), message.len()) };
        match usize::try_from(written) {
            Ok(written) if written > 0 => message = &message[written..],
            _ => break,
        }
    }
}

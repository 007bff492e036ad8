//! Breakpoints in place of the instructions.

use super::{
    native::{self, Site},
    text,
};
use std::{io, ptr, sync::OnceLock};

static SITES: OnceLock<Vec<Site>> = OnceLock::new();

/// Plants the breakpoints, if that was not done yet.
///
/// # Panics
/// If the system refuses.
pub fn install() {
    SITES.get_or_init(|| {
        let sites = native::sweep(&text::functions());
        assert!(
            !sites.is_empty(),
            "there is nothing to watch in this executable"
        );
        handle_traps();
        for site in &sites {
            replace(site.address, native::BREAKPOINT);
        }
        sites
    });
}

/// How many instructions are watched.
#[must_use]
pub fn sites() -> usize {
    SITES.get().map_or(0, Vec::len)
}

/// For the handler: the instruction at an address. It may run while the last breakpoints are being
/// planted, on another thread; it waits for that then.
pub(super) fn find(address: usize) -> Option<&'static Site> {
    let sites = SITES.wait();
    let index = sites.binary_search_by_key(&address, |site| site.address);
    index.ok().and_then(|index| sites.get(index))
}

fn handle_traps() {
    // SAFETY: all zero is a valid sigaction.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = native::on_trap as *const () as usize;
    action.sa_flags = libc::SA_SIGINFO;
    // SAFETY: a valid structure, and a handler of the signature that SA_SIGINFO asks for.
    let failed = unsafe { libc::sigaction(libc::SIGTRAP, &action, ptr::null_mut()) };
    assert_eq!(failed, 0, "{}", io::Error::last_os_error());
}

fn replace<const N: usize>(address: usize, code: [u8; N]) {
    // SAFETY: asks for a number.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
    let first = address & !(page - 1);
    let size = address + N - first;
    let all = libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC;
    // SAFETY: pages of this executable, which stay readable and executable.
    let failed = unsafe { libc::mprotect(ptr::with_exposed_provenance_mut(first), size, all) };
    assert_eq!(failed, 0, "{}", io::Error::last_os_error());
    // SAFETY: writable now; the instruction that stood here is kept in its site.
    unsafe {
        ptr::with_exposed_provenance_mut::<[u8; N]>(address).write_volatile(code);
        native::synchronize(address, N);
    }
}

//! Signal handlers and the registers of the code that they interrupt.

use std::io;
use std::sync::{Mutex, OnceLock};

/// A handler with SA_SIGINFO.
pub(crate) type Handler = extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void);

/// A signal that we handle, and who handled it before.
pub(crate) struct Signal {
    number: libc::c_int,
    before: OnceLock<libc::sigaction>,
    installing: Mutex<()>,
}

impl Signal {
    pub const fn new(number: libc::c_int) -> Signal {
        Signal {
            number,
            before: OnceLock::new(),
            installing: Mutex::new(()),
        }
    }

    pub fn number(&self) -> libc::c_int {
        self.number
    }

    /// Installs the handler, on the thread's signal stack, unless it already was.
    pub fn install(&self, handler: Handler) -> io::Result<()> {
        let _one_at_a_time = self.installing.lock().unwrap_or_else(|p| p.into_inner());
        if self.before.get().is_some() {
            return Ok(());
        }
        // SAFETY: all zero is a valid sigaction.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = handler as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        // SAFETY: all zero is a valid sigaction.
        let mut before: libc::sigaction = unsafe { std::mem::zeroed() };
        // SAFETY: both point to valid structures, and the handler has the signature that SA_SIGINFO
        // asks for.
        if unsafe { libc::sigaction(self.number, &action, &mut before) } != 0 {
            return Err(io::Error::last_os_error());
        }
        self.before.get_or_init(|| before);
        Ok(())
    }

    /// Hands the signal back to whoever had it before; the faulting instruction runs again and gets
    /// there.
    pub fn give_back(&self) {
        // SAFETY: all zero (the default action) is a valid sigaction.
        let before = self
            .before
            .get()
            .copied()
            .unwrap_or_else(|| unsafe { std::mem::zeroed() });
        // SAFETY: a valid structure, as it was in force before.
        unsafe { libc::sigaction(self.number, &before, std::ptr::null_mut()) };
    }
}

/// The registers of interrupted code, live: what is set here is what it goes on with.
pub(crate) struct Cpu {
    context: *mut libc::ucontext_t,
}

const TRAP_FLAG: i64 = 0x100;

impl Cpu {
    /// # Safety
    /// `context` must be the third argument of a running signal handler, and the result must not
    /// outlive the handler.
    pub unsafe fn from_context(context: *mut libc::c_void) -> Cpu {
        Cpu {
            context: context.cast(),
        }
    }

    fn gregs(&self) -> &[libc::greg_t; 23] {
        // SAFETY: valid while the handler runs, by `from_context`.
        unsafe { &(*self.context).uc_mcontext.gregs }
    }

    fn gregs_mut(&mut self) -> &mut [libc::greg_t; 23] {
        // SAFETY: valid while the handler runs, by `from_context`; borrowed exclusively.
        unsafe { &mut (*self.context).uc_mcontext.gregs }
    }

    /// A register by its index in the context (`REG_*`).
    pub fn register(&self, index: libc::c_int) -> u64 {
        self.gregs()[index as usize] as u64
    }

    pub fn rip(&self) -> usize {
        self.register(libc::REG_RIP) as usize
    }

    pub fn rsp(&self) -> usize {
        self.register(libc::REG_RSP) as usize
    }

    pub fn rcx(&self) -> usize {
        self.register(libc::REG_RCX) as usize
    }

    /// An XMM register, in memory order.
    pub fn xmm(&self, index: usize) -> [u8; 16] {
        // SAFETY: valid while the handler runs, by `from_context`.
        let state = unsafe { (*self.context).uc_mcontext.fpregs.as_ref() };
        let words = state.and_then(|state| state._xmm.get(index));
        let mut bytes = [0; 16];
        if let Some(words) = words {
            for (to, from) in bytes.chunks_exact_mut(4).zip(words.element) {
                to.copy_from_slice(&from.to_le_bytes());
            }
        }
        bytes
    }

    pub fn set_rip(&mut self, rip: usize) {
        self.gregs_mut()[libc::REG_RIP as usize] = rip as i64;
    }

    pub fn clear_trap_flag(&mut self) {
        self.gregs_mut()[libc::REG_EFL as usize] &= !TRAP_FLAG;
    }

    /// All general registers, for people.
    pub fn registers(&self) -> String {
        const NAMES: [(&str, libc::c_int); 16] = [
            ("rax", libc::REG_RAX),
            ("rbx", libc::REG_RBX),
            ("rcx", libc::REG_RCX),
            ("rdx", libc::REG_RDX),
            ("rsi", libc::REG_RSI),
            ("rdi", libc::REG_RDI),
            ("rbp", libc::REG_RBP),
            ("rsp", libc::REG_RSP),
            ("r8", libc::REG_R8),
            ("r9", libc::REG_R9),
            ("r10", libc::REG_R10),
            ("r11", libc::REG_R11),
            ("r12", libc::REG_R12),
            ("r13", libc::REG_R13),
            ("r14", libc::REG_R14),
            ("r15", libc::REG_R15),
        ];
        let line = |names: &[(&str, libc::c_int)]| {
            let each = names
                .iter()
                .map(|&(name, i)| format!(" {name:>3}={:016x}", self.register(i)));
            format!("   {}\n", each.collect::<String>())
        };
        NAMES.chunks(4).map(line).collect()
    }
}

/// Sets the trap flag of the calling thread: each instruction from here on ends in SIGTRAP.
///
/// # Safety
/// A SIGTRAP handler that expects this must be installed.
#[inline(always)]
pub(crate) unsafe fn set_trap_flag() {
    // SAFETY: changes one flag; the caller vouches for the handler.
    unsafe { std::arch::asm!("pushfq", "or qword ptr [rsp], 0x100", "popfq") };
}

/// Clears the trap flag of the calling thread.
#[inline(always)]
pub(crate) fn clear_trap_flag() {
    // SAFETY: changes one flag, to its usual state.
    unsafe { std::arch::asm!("pushfq", "and qword ptr [rsp], -257", "popfq") };
}

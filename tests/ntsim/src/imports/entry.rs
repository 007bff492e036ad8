//! How driver code enters a routine: through a stub that notes where it comes from.

use std::arch::{global_asm, naked_asm};

// Two words of each thread: the stack pointer and the frame pointer of the last entry.
global_asm!(
    ".section .tbss.ntsim_entry, \"awT\", @nobits",
    ".balign 8",
    ".hidden ntsim_entry",
    ".globl ntsim_entry",
    ".type ntsim_entry, @object",
    ".size ntsim_entry, 16",
    "ntsim_entry:",
    ".zero 16",
    ".text",
);

/// Where image code entered the kernel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    /// The stack pointer, where the return address is.
    stack: usize,
    frame: usize,
}

impl Origin {
    /// Of the calling thread's last entry.
    pub fn last() -> Self {
        let words = last_entry();
        // SAFETY: the thread's own two words.
        let (stack, frame) = unsafe { (words.read(), words.add(1).read()) };
        Self { stack, frame }
    }

    /// The address that the routine will return to, while it has not.
    pub fn caller(&self) -> usize {
        // SAFETY: the stub noted the stack pointer, which pointed to the return address.
        unsafe { (self.stack as *const usize).read() }
    }

    /// Return addresses in image code, innermost first, while the routine has not returned.
    pub fn frames(&self) -> Vec<usize> {
        ntsim_machine::image::frames(self.caller(), self.stack + 8, self.frame)
    }
}

#[unsafe(naked)]
extern "C" fn last_entry() -> *const usize {
    naked_asm!(
        "mov rax, qword ptr fs:[0]",
        "add rax, qword ptr [rip + ntsim_entry@GOTTPOFF]",
        "ret",
    )
}

/// The address of a stub that notes the caller and goes on to a routine. It may use RAX, R10 and
/// R11 only.
macro_rules! stub {
    ($routine:ident) => {{
        #[unsafe(naked)]
        extern "win64" fn stub() {
            std::arch::naked_asm!(
                "mov r11, qword ptr [rip + ntsim_entry@GOTTPOFF]",
                "mov qword ptr fs:[r11], rsp",
                "mov qword ptr fs:[r11 + 8], rbp",
                "jmp {}",
                sym $routine,
            )
        }
        stub as extern "win64" fn() as usize
    }};
}
pub(crate) use stub;

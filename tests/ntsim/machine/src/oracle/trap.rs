//! The SIGTRAP handler.

use std::io;

use super::{audit, emulate, plant, thread};
use crate::fault::bugcheck_at;
use crate::image::find_module;
use crate::signal::{Cpu, Signal};

static SIGTRAP: Signal = Signal::new(libc::SIGTRAP);

/// `si_code` of a single step.
const TRAP_TRACE: libc::c_int = 2;

pub(super) fn install() -> io::Result<()> {
    SIGTRAP.install(on_trap)
}

extern "C" fn on_trap(
    _number: libc::c_int,
    info: *mut libc::siginfo_t,
    context: *mut libc::c_void,
) {
    // SAFETY: the calling thread's errno, which the interrupted code may be about to read.
    let errno = unsafe { *libc::__errno_location() };
    // SAFETY: the kernel passes valid pointers to a handler with SA_SIGINFO.
    let (mut cpu, info) = unsafe { (Cpu::from_context(context), &*info) };
    if info.si_code == TRAP_TRACE {
        audit::on_step(&mut cpu);
    } else {
        on_breakpoint(&mut cpu);
    }
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = errno };
}

fn on_breakpoint(cpu: &mut Cpu) {
    // The processor is already behind the INT3.
    let rip = cpu.rip().wrapping_sub(1);
    let plant = plant::find(rip);
    let coverage = plant.as_ref().and_then(|plant| plant.coverage.get());
    if coverage.is_some_and(|coverage| coverage.come_to(rip)) {
        cpu.set_rip(rip);
    } else if let Some(plant) = &plant
        && let Some(site) = plant.site(rip)
    {
        if !thread::entered() {
            let name = site.kind.mnemonic();
            bugcheck_at(
                cpu,
                &format!("{name} on a thread without oracle::enter_thread"),
                rip,
            );
        }
        emulate::step_over(cpu, plant, site);
    } else if find_module(rip).is_some() {
        bugcheck_at(cpu, "breakpoint of the image's own", rip);
    } else {
        SIGTRAP.give_back();
        // SAFETY: the host's own breakpoint, for whoever handled it before.
        unsafe { libc::raise(libc::SIGTRAP) };
    }
}

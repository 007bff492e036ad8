//! Looking at each instruction with the trap flag: the check on the breakpoints.

use std::cell::RefCell;
use std::sync::Arc;

use iced_x86::{Decoder, DecoderOptions};

use super::decode::{self, Class, MAX_INSTRUCTION, SiteKind};
use super::event::{Event, FlushInstruction};
use super::executed::Executed;
use super::look::Audit;
use super::plant::Plant;
use super::thread;
use crate::signal::{Cpu, clear_trap_flag, set_trap_flag};

/// What an audit saw.
#[derive(Clone, Debug, Default)]
pub struct AuditReport {
    /// Watched instructions, in the order of their execution.
    pub events: Vec<Event>,
    /// Instructions of the image; each iteration of a repeated one counts.
    pub steps: u64,
    /// Which instructions those were.
    pub executed: Executed,
    /// Executed instructions that should be watched but have no breakpoint. Must be empty.
    pub unplanted: Vec<String>,
    /// Executed instructions with a breakpoint inside them, or whose code changed. Must be empty.
    pub misplaced: Vec<String>,
}

/// Why an audit says nothing.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// A flush known to be executed was not seen.
    #[error(
        "trap flag not delivered: the canary flush was not seen; \
         single-stepping does not work here (an emulator?)"
    )]
    TrapFlagNotDelivered,
    /// The thread has no signal stack.
    #[error("the thread may not run image code: call oracle::enter_thread first")]
    ThreadNotEntered,
    /// The thread is being audited already.
    #[error("an audit of this thread is under way")]
    Nested,
}

thread_local! {
    /// Borrowed by the handler only for steps in the image and outside of audits' beginnings and
    /// ends.
    static AUDIT: RefCell<Option<Audit>> = const { RefCell::new(None) };
}

std::arch::global_asm!(
    ".p2align 4",
    ".globl ntsim_machine_canary",
    "ntsim_machine_canary:",
    "clflush [rdi]",
    "ret",
);

unsafe extern "C" {
    /// Flushes the line at `address`.
    fn ntsim_machine_canary(address: *const u8);
}

/// Makes the thread's audit slot exist before a handler asks for it.
pub(super) fn prepare_thread() {
    AUDIT.with(|_| ());
}

/// See [`Oracle::audit`](super::Oracle::audit).
pub(super) fn run<R>(
    plant: &Arc<Plant>,
    call: impl FnOnce() -> R,
) -> Result<(R, AuditReport), AuditError> {
    if !thread::entered() {
        return Err(AuditError::ThreadNotEntered);
    }
    let stepping = Stepping::start(plant)?;
    let result = call();
    let audit = stepping.stop();
    if !audit.canary_seen {
        return Err(AuditError::TrapFlagNotDelivered);
    }
    Ok((result, audit.report()))
}

/// Runs `f` without the trap flag, where an audit is under way on this thread: for host code that
/// blocks signals, such as starting a thread (a step with SIGTRAP blocked kills the process). Image
/// code that `f` calls is not audited.
pub fn unstepped<R>(f: impl FnOnce() -> R) -> R {
    // Borrowed means: in the handler, where the flag is clear.
    let stepping = AUDIT.with(|slot| slot.try_borrow().is_ok_and(|audit| audit.is_some()));
    if !stepping {
        return f();
    }
    clear_trap_flag();
    let _again = Again;
    f()
}

/// Sets the trap flag again, also if the call panics.
struct Again;

impl Drop for Again {
    fn drop(&mut self) {
        // SAFETY: an audit is under way, so the SIGTRAP handler is installed.
        unsafe { set_trap_flag() };
    }
}

/// The time during which the trap flag is set, also if the call panics.
struct Stepping;

impl Stepping {
    fn start(plant: &Arc<Plant>) -> Result<Stepping, AuditError> {
        AUDIT.with_borrow_mut(|slot| match slot {
            Some(_) => Err(AuditError::Nested),
            None => {
                *slot = Some(Audit::new(plant));
                Ok(())
            }
        })?;
        let stepping = Stepping;
        let byte = 0u8;
        // SAFETY: the SIGTRAP handler is installed, as a plant exists.
        unsafe { set_trap_flag() };
        // SAFETY: flushing a line has no effect but on speed.
        unsafe { ntsim_machine_canary(&raw const byte) };
        Ok(stepping)
    }

    fn stop(self) -> Audit {
        clear_trap_flag();
        let audit = AUDIT.take();
        audit.unwrap_or_else(|| unreachable!("only `stop` and `drop` end an audit"))
    }
}

impl Drop for Stepping {
    fn drop(&mut self) {
        clear_trap_flag();
        AUDIT.take();
    }
}

/// A single step ended; the instruction at `rip` is next.
pub(super) fn on_step(cpu: &mut Cpu) {
    AUDIT.with(|slot| {
        let Ok(mut slot) = slot.try_borrow_mut() else {
            return;
        };
        let Some(audit) = slot.as_mut() else {
            // A thread that inherited the flag.
            cpu.clear_trap_flag();
            return;
        };
        if cpu.rip() == ntsim_machine_canary as *const () as usize {
            audit.canary_seen = is_canary(cpu.rip());
        }
        let plant = Arc::clone(&audit.plant);
        while plant.image.contains(cpu.rip()) {
            if !audit.look(cpu) {
                return;
            }
        }
        audit.executed.step_elsewhere();
    });
}

/// Whether the decoder agrees that the canary is a flush.
fn is_canary(rip: usize) -> bool {
    // SAFETY: the canary is code of ours; less than this many bytes of it are decoded.
    let bytes = unsafe { std::slice::from_raw_parts(rip as *const u8, MAX_INSTRUCTION.min(4)) };
    let instruction = Decoder::with_ip(64, bytes, rip as u64, DecoderOptions::NONE).decode();
    decode::classify(&instruction) == Class::Watched(SiteKind::Flush(FlushInstruction::Clflush))
}

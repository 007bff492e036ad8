//! DriverEntry, and the way back out of it.

use super::{
    device::{self, Control},
    minifilter::{self, Minifilter, Operations},
    section,
    status::NtStatus,
};
use crate::{DEVICE_NAME, LINK_NAME};
use wdk_sys::{DRIVER_OBJECT, NTSTATUS, PCUNICODE_STRING};

/// Called by the I/O manager at PASSIVE_LEVEL when the service is started.
///
/// # Safety
/// `driver` is the driver object made for this image.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn DriverEntry(
    driver: *mut DRIVER_OBJECT,
    _registry_path: PCUNICODE_STRING,
) -> NTSTATUS {
    // SAFETY: ours to fill in until this call returns.
    let driver = unsafe { &mut *driver };
    NtStatus::of(crate::start(driver)).raw()
}

/// Chooses the flush instruction and makes tokens unguessable.
pub fn prepare_memory(driver: &DRIVER_OBJECT) {
    let counter = time_stamp();
    let place = (&raw const *driver) as u64;
    section::memory().init(counter.rotate_left(32) ^ place);
}

/// The processor's own counter: on 1703 the kernel's is in hal.dll.
#[cfg(target_arch = "x86_64")]
fn time_stamp() -> u64 {
    // SAFETY: every x64 processor has RDTSC, and the kernel may execute it.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// The processor's own counter: on 1703 the kernel's is in hal.dll.
#[cfg(target_arch = "aarch64")]
fn time_stamp() -> u64 {
    let counter;
    // SAFETY: reads the virtual counter, which every ARM64 processor has.
    unsafe { core::arch::asm!("mrs {}, cntvct_el0", out(reg) counter, options(nomem, nostack)) };
    counter
}

/// Registers the filter and makes the control device; nothing is left behind on failure.
pub fn register<F: Minifilter, O: Operations, C: Control>(
    driver: &mut DRIVER_OBJECT,
) -> Result<(), NtStatus> {
    minifilter::register::<F, O>(driver)?;
    let started = device::create::<C, _, _>(driver, &DEVICE_NAME, &LINK_NAME)
        .and_then(|()| minifilter::start());
    started.inspect_err(|_| withdraw(minifilter::unregister))
}

/// Takes back what [`register`] did.
pub fn withdraw(unregister: impl FnOnce()) {
    device::delete(&LINK_NAME);
    unregister();
}

//! DriverEntry, and the way back out of it.

use super::{
    device::{self, Control},
    event_log::{self, Event},
    minifilter::{self, Minifilter, Operations},
    registry::ServiceKey,
    status::NtStatus,
    trace, view,
};
use crate::{DEVICE_NAME, LINK_NAME, settings::Settings};
use daxflush_nvmem::{Features, Method};
use daxflush_protocol::Setting;
use wdk_sys::{DRIVER_OBJECT, NTSTATUS, PCUNICODE_STRING};

/// Called by the I/O manager at PASSIVE_LEVEL when the service is started.
///
/// # Safety
/// `driver` is the driver object made for this image, and `registry_path` names its service's key.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn DriverEntry(
    driver: *mut DRIVER_OBJECT,
    registry_path: PCUNICODE_STRING,
) -> NTSTATUS {
    // SAFETY: ours to fill in until this call returns.
    let driver = unsafe { &mut *driver };
    event_log::prepare(driver);
    // SAFETY: the path that this call was given.
    let service = unsafe { ServiceKey::copy(registry_path) };
    let started = service.and_then(|service| crate::start(driver, service));
    NtStatus::of(started).raw()
}

/// Chooses the flush instruction, or takes the one that is set, and makes tokens unguessable.
///
/// # Errors
/// NOT_SUPPORTED if this processor has no method at all.
pub fn prepare_memory(driver: &DRIVER_OBJECT, settings: &Settings) -> Result<(), NtStatus> {
    let seed = time_stamp().rotate_left(32) ^ (&raw const *driver) as u64;
    let processor = Features::detect();
    let forced = settings.flush_method();
    let features = match forced.map(|method| processor.only(method)) {
        None => processor,
        Some(Ok(features)) => features,
        Some(Err(error)) => {
            let status = NtStatus::from_raw(error.to_ntstatus());
            settings.refuse(Setting::FlushMethod, status);
            processor
        }
    };
    view::memory()
        .init_with(features, seed)
        .map_err(|error| NtStatus::from_raw(error.to_ntstatus()))?;
    if view::memory().method() == Method::NoFlush {
        event_log::write(Event::NothingFlushed, NtStatus::SUCCESS, "FlushMethod");
    }
    Ok(())
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
    trace::register();
    let started = device::create::<C, _, _>(driver, &DEVICE_NAME, &LINK_NAME)
        .and_then(|()| minifilter::start());
    started.inspect_err(|_| withdraw(minifilter::unregister))
}

/// Takes back what [`register`] did.
pub fn withdraw(unregister: impl FnOnce()) {
    device::delete(&LINK_NAME);
    unregister();
    trace::unregister();
}

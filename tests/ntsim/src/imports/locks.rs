//! Routines of ntoskrnl.exe for locks, waits and levels.

use super::{imports, levels};
use crate::{
    kernel::Kernel,
    locks::{Kind, Object},
    thread,
};
use std::time::Duration;

const STATUS_TIMEOUT: i32 = 0x102;

/// Resources are acquired and released with normal kernel APCs disabled.
fn check_apcs(kernel: &Kernel) {
    if thread::critical_regions() == 0 && thread::irql() < thread::APC_LEVEL {
        let detail = "a resource was used with normal kernel APCs enabled";
        kernel.violation("critical region", detail);
    }
}

fn acquire_resource(kernel: &Kernel, resource: usize, exclusive: bool, wait: bool) -> u8 {
    check_apcs(kernel);
    let patience = (!wait).then_some(Duration::ZERO);
    u8::from(kernel.acquire_lock(resource, Kind::Resource, exclusive, patience))
}

fn release_spin_lock(kernel: &Kernel, lock: usize, level: Option<u8>) {
    if thread::irql() < thread::DISPATCH_LEVEL {
        kernel.violation("IRQL", "a spin lock was released below DISPATCH_LEVEL");
    }
    let before = kernel.release_lock(lock, Kind::Spin);
    let Some(level) = level else {
        return;
    };
    if before.is_some_and(|before| before != level) {
        let detail = "a spin lock was released to another level than it was acquired at";
        kernel.violation("IRQL", detail);
    }
    thread::set_irql(level);
}

/// A time-out in units of 100 ns: negative if it is relative, and none for a wait without an end.
fn patience(kernel: &Kernel, timeout: *const i64) -> Option<Duration> {
    // SAFETY: the driver's in parameter, which may be absent.
    let units = unsafe { timeout.as_ref() }?;
    let left = if *units <= 0 {
        units.unsigned_abs()
    } else {
        units.unsigned_abs().saturating_sub(kernel.interrupt_time())
    };
    Some(Duration::from_nanos(left.saturating_mul(100)))
}

imports! {
    /// nf-wdm-keraiseirql, which is this routine on x64.
    KfRaiseIrql(level: u8) -> u8, HIGH_LEVEL, |kernel| { levels::raise(&kernel, level) }
    /// nf-wdm-keraiseirqltodpclevel
    KeRaiseIrqlToDpcLevel() -> u8, HIGH_LEVEL, |kernel| {
        levels::raise(&kernel, thread::DISPATCH_LEVEL)
    }
    /// nf-wdm-kelowerirql
    KeLowerIrql(level: u8) -> (), HIGH_LEVEL, |kernel| { levels::lower(&kernel, level); }
    /// nf-ntddk-keentercriticalregion
    KeEnterCriticalRegion() -> (), APC_LEVEL, |_kernel| {
        thread::set_critical_regions(thread::critical_regions() + 1);
    }
    /// nf-ntddk-keleavecriticalregion
    KeLeaveCriticalRegion() -> (), APC_LEVEL, |kernel| {
        match thread::critical_regions().checked_sub(1) {
            Some(left) => thread::set_critical_regions(left),
            None => kernel.violation("critical region", "left without being entered"),
        }
    }
    /// nf-wdm-keinitializespinlock
    KeInitializeSpinLock(lock: usize) -> (), HIGH_LEVEL, |kernel| {
        // SAFETY: the driver's spin lock.
        unsafe { crate::nt::put(lock, 0, 0_u64) };
        kernel.initialize_lock(lock, Object::new(Kind::Spin));
    }
    /// nf-wdm-keacquirespinlockraisetodpc
    KeAcquireSpinLockRaiseToDpc(lock: usize) -> u8, DISPATCH_LEVEL, |kernel| {
        let before = thread::irql();
        kernel.go_to_irql(thread::DISPATCH_LEVEL);
        if kernel.acquire_lock(lock, Kind::Spin, true, None) {
            kernel.note_lock_irql(lock, before);
        }
        before
    }
    /// nf-wdm-kereleasespinlock
    KeReleaseSpinLock(lock: usize, level: u8) -> (), HIGH_LEVEL, |kernel| {
        release_spin_lock(&kernel, lock, Some(level));
    }
    /// nf-wdm-keacquirespinlockatdpclevel
    KeAcquireSpinLockAtDpcLevel(lock: usize) -> (), HIGH_LEVEL, |kernel| {
        if thread::irql() < thread::DISPATCH_LEVEL {
            kernel.violation("IRQL", "a spin lock was acquired below DISPATCH_LEVEL");
        }
        kernel.acquire_lock(lock, Kind::Spin, true, None);
    }
    /// nf-wdm-kereleasespinlockfromdpclevel
    KeReleaseSpinLockFromDpcLevel(lock: usize) -> (), HIGH_LEVEL, |kernel| {
        release_spin_lock(&kernel, lock, None);
    }
    /// nf-wdm-exinitializeresourcelite
    ExInitializeResourceLite(resource: usize) -> i32, DISPATCH_LEVEL, |kernel| {
        kernel.initialize_lock(resource, Object::new(Kind::Resource));
        0
    }
    /// nf-wdm-exacquireresourceexclusivelite
    ExAcquireResourceExclusiveLite(resource: usize, wait: u8) -> u8, APC_LEVEL, |kernel| {
        acquire_resource(&kernel, resource, true, wait != 0)
    }
    /// nf-wdm-exacquireresourcesharedlite
    ExAcquireResourceSharedLite(resource: usize, wait: u8) -> u8, APC_LEVEL, |kernel| {
        acquire_resource(&kernel, resource, false, wait != 0)
    }
    /// nf-wdm-exreleaseresourcelite
    ExReleaseResourceLite(resource: usize) -> (), DISPATCH_LEVEL, |kernel| {
        check_apcs(&kernel);
        kernel.release_lock(resource, Kind::Resource);
    }
    /// nf-wdm-exdeleteresourcelite
    ExDeleteResourceLite(resource: usize) -> i32, DISPATCH_LEVEL, |kernel| {
        kernel.delete_resource(resource);
        0
    }
    /// nf-wdm-exacquirefastmutex: the thread is at APC_LEVEL until it releases the mutex.
    ExAcquireFastMutex(mutex: usize) -> (), APC_LEVEL, |kernel| {
        let before = thread::irql();
        if kernel.acquire_lock(mutex, Kind::FastMutex, true, None) {
            kernel.note_lock_irql(mutex, before);
            thread::set_irql(thread::APC_LEVEL);
        }
    }
    /// nf-wdm-exreleasefastmutex
    ExReleaseFastMutex(mutex: usize) -> (), APC_LEVEL, |kernel| {
        if let Some(level) = kernel.release_lock(mutex, Kind::FastMutex) {
            if thread::irql() != thread::APC_LEVEL {
                kernel.violation("IRQL", "a fast mutex was released at another level than APC_LEVEL");
            }
            thread::set_irql(level);
        }
    }
    /// nf-wdm-keinitializemutex
    KeInitializeMutex(mutex: usize, _level: u32) -> (), HIGH_LEVEL, |kernel| {
        kernel.initialize_lock(mutex, Object::new(Kind::Mutex));
    }
    /// nf-wdm-kereleasemutex: 0 if the mutex is free now.
    KeReleaseMutex(mutex: usize, _wait: u8) -> i32, DISPATCH_LEVEL, |kernel| {
        kernel.release_lock(mutex, Kind::Mutex);
        0
    }
    /// nf-wdm-keinitializeevent: NotificationEvent is 0.
    KeInitializeEvent(event: usize, kind: u32, signaled: u8) -> (), HIGH_LEVEL, |kernel| {
        kernel.initialize_lock(event, Object::event(kind == 0, signaled != 0));
    }
    /// nf-wdm-kesetevent
    KeSetEvent(event: usize, _increment: i32, _wait: u8) -> i32, DISPATCH_LEVEL, |kernel| {
        i32::from(kernel.set_event(event, true))
    }
    /// nf-wdm-keclearevent
    KeClearEvent(event: usize) -> (), DISPATCH_LEVEL, |kernel| { kernel.set_event(event, false); }
    /// nf-wdm-kewaitforsingleobject: at DISPATCH_LEVEL only without waiting.
    KeWaitForSingleObject(
        object: usize, _reason: u32, _mode: i8, _alertable: u8, timeout: *const i64
    ) -> i32, DISPATCH_LEVEL, |kernel| {
        let patience = patience(&kernel, timeout);
        if patience != Some(Duration::ZERO) && thread::irql() > thread::APC_LEVEL {
            kernel.violation("IRQL", "a wait that may last was begun above APC_LEVEL");
        }
        if kernel.wait_for_object(object, patience) { 0 } else { STATUS_TIMEOUT }
    }
}

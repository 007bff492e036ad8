//! Who may open the control device.
//!
//! SYSTEM and administrators everything; authenticated users to read, which is what requests about
//! their own files need; nobody else anything. The access bits of the control codes do the rest.

use super::{section::kernel_handle, status::NtStatus};
use core::{mem::MaybeUninit, ptr};
use wdk_sys::{
    ACCESS_MASK, DEVICE_OBJECT, HANDLE, NTSTATUS, PVOID, SECURITY_DESCRIPTOR, ntddk::ZwClose,
};

unsafe extern "system" {
    /// IRQL <= APC_LEVEL (nf-ntifs-obopenobjectbypointer).
    fn ObOpenObjectByPointer(
        object: PVOID,
        attributes: u32,
        state: PVOID,
        access: ACCESS_MASK,
        kind: PVOID,
        mode: i8,
        handle: *mut HANDLE,
    ) -> NTSTATUS;
    /// IRQL PASSIVE_LEVEL (nf-ntifs-zwsetsecurityobject).
    fn ZwSetSecurityObject(handle: HANDLE, information: u32, descriptor: PVOID) -> NTSTATUS;
    /// IRQL PASSIVE_LEVEL (nf-wdm-rtlcreatesecuritydescriptor).
    fn RtlCreateSecurityDescriptor(descriptor: PVOID, revision: u32) -> NTSTATUS;
    /// IRQL PASSIVE_LEVEL (nf-wdm-rtlsetdaclsecuritydescriptor).
    fn RtlSetDaclSecurityDescriptor(
        descriptor: PVOID,
        present: u8,
        list: PVOID,
        defaulted: u8,
    ) -> NTSTATUS;
}

const WRITE_DAC: ACCESS_MASK = 0x4_0000;
const KERNEL_MODE: i8 = 0;
const SECURITY_DESCRIPTOR_REVISION: u32 = 1;
const DACL_SECURITY_INFORMATION: u32 = 4;

const FILE_ALL_ACCESS: u32 = 0x1f_01ff;
const FILE_GENERIC_READ: u32 = 0x12_0089;

/// ACCESS_ALLOWED_ACE with a SID of N sub-authorities of the NT authority (ns-ntifs-_sid).
#[repr(C)]
struct Ace<const N: usize> {
    kind: u8,
    flags: u8,
    size: u16,
    mask: u32,
    sid_revision: u8,
    sid_count: u8,
    sid_authority: [u8; 6],
    sid: [u32; N],
}

impl<const N: usize> Ace<N> {
    const fn allow(mask: u32, sid: [u32; N]) -> Self {
        Self {
            kind: 0,
            flags: 0,
            size: size_of::<Self>() as u16,
            mask,
            sid_revision: 1,
            sid_count: N as u8,
            sid_authority: [0, 0, 0, 0, 0, 5],
            sid,
        }
    }
}

/// An ACL (ns-wdm-_acl) with its entries.
#[repr(C)]
struct AccessList {
    revision: u8,
    reserved: u8,
    size: u16,
    count: u16,
    reserved_too: u16,
    system: Ace<1>,
    administrators: Ace<2>,
    users: Ace<1>,
}

const SECURITY_LOCAL_SYSTEM_RID: u32 = 18;
const SECURITY_BUILTIN_DOMAIN_RID: u32 = 32;
const DOMAIN_ALIAS_RID_ADMINS: u32 = 544;
const SECURITY_AUTHENTICATED_USER_RID: u32 = 11;

static ACCESS: AccessList = AccessList {
    revision: 2,
    reserved: 0,
    size: size_of::<AccessList>() as u16,
    count: 3,
    reserved_too: 0,
    system: Ace::allow(FILE_ALL_ACCESS, [SECURITY_LOCAL_SYSTEM_RID]),
    administrators: Ace::allow(
        FILE_ALL_ACCESS,
        [SECURITY_BUILTIN_DOMAIN_RID, DOMAIN_ALIAS_RID_ADMINS],
    ),
    users: Ace::allow(FILE_GENERIC_READ, [SECURITY_AUTHENTICATED_USER_RID]),
};

/// Sets the device's security descriptor. IRQL PASSIVE_LEVEL.
///
/// # Safety
/// `device` is a device object of ours.
pub(in crate::nt) unsafe fn protect(device: *mut DEVICE_OBJECT) -> Result<(), NtStatus> {
    let mut descriptor = MaybeUninit::<SECURITY_DESCRIPTOR>::zeroed();
    let place: PVOID = descriptor.as_mut_ptr().cast();
    // SAFETY: room for a descriptor.
    NtStatus::check(unsafe { RtlCreateSecurityDescriptor(place, SECURITY_DESCRIPTOR_REVISION) })?;
    let list: PVOID = (&raw const ACCESS).cast_mut().cast();
    // SAFETY: the descriptor just made, and a list that lives for ever and is only read.
    NtStatus::check(unsafe { RtlSetDaclSecurityDescriptor(place, 1, list, 0) })?;
    let mut handle: HANDLE = ptr::null_mut();
    // SAFETY: a device of ours; without a type any object is opened in KernelMode.
    let status = unsafe {
        ObOpenObjectByPointer(
            device.cast(),
            kernel_handle().Attributes,
            ptr::null_mut(),
            WRITE_DAC,
            ptr::null_mut(),
            KERNEL_MODE,
            &raw mut handle,
        )
    };
    NtStatus::check(status)?;
    // SAFETY: the handle just opened, and the descriptor made above, which is copied.
    let status = unsafe { ZwSetSecurityObject(handle, DACL_SECURITY_INFORMATION, place) };
    // SAFETY: our own handle.
    let _ = unsafe { ZwClose(handle) };
    NtStatus::check(status)
}

const _: () = {
    assert!(size_of::<Ace<1>>() == 20 && size_of::<Ace<2>>() == 24);
    assert!(size_of::<AccessList>() == 72);
    assert!(size_of::<SECURITY_DESCRIPTOR>() == 40);
};

//! Routines of ntoskrnl.exe for the security of objects.

use super::{code, imports};
use crate::{NtStatus, security};

const OBJ_KERNEL_HANDLE: u32 = 0x200;

imports! {
    /// nf-ntifs-obopenobjectbypointer
    ObOpenObjectByPointer(
        object: usize, attributes: u32, state: usize, access: u32, kind: usize, mode: u8,
        handle: *mut u64
    ) -> i32, APC_LEVEL, |kernel| {
        let kernel_handle = attributes & OBJ_KERNEL_HANDLE != 0;
        if !kernel_handle {
            kernel.violation("handle", "an object was opened without OBJ_KERNEL_HANDLE");
        }
        if mode != 0 || state != 0 || attributes & !OBJ_KERNEL_HANDLE != 0 {
            kernel.violation("not simulated", "only a plain open in KernelMode is simulated");
            return NtStatus::NOT_SUPPORTED.0;
        }
        if kind == kernel.file_type.address() {
            return NtStatus::OBJECT_TYPE_MISMATCH.0;
        }
        if kernel.fails("ObOpenObjectByPointer") {
            return NtStatus::INSUFFICIENT_RESOURCES.0;
        }
        code(kernel.open_device_object(object, access, kernel_handle).map(|opened| {
            // SAFETY: the driver's out parameter.
            unsafe { handle.write(opened) };
        }))
    }
    /// nf-ntifs-zwsetsecurityobject
    ZwSetSecurityObject(handle: u64, information: u32, descriptor: usize) -> i32,
        PASSIVE_LEVEL, |kernel| {
        const DACL_SECURITY_INFORMATION: u32 = 4;
        if information != DACL_SECURITY_INFORMATION {
            kernel.violation("not simulated", "only DACL_SECURITY_INFORMATION is simulated");
            return NtStatus::NOT_SUPPORTED.0;
        }
        if descriptor == 0 {
            return NtStatus::ACCESS_VIOLATION.0;
        }
        if kernel.fails("ZwSetSecurityObject") {
            return NtStatus::INSUFFICIENT_RESOURCES.0;
        }
        // SAFETY: the driver's descriptor.
        let dacl = unsafe { security::read_dacl(descriptor) };
        if dacl == Err(NtStatus::INVALID_SECURITY_DESCR) {
            kernel.violation("not simulated", "only absolute security descriptors are simulated");
        }
        code(dacl.and_then(|dacl| kernel.set_device_dacl(handle, dacl)))
    }
    /// nf-wdm-rtlcreatesecuritydescriptor
    RtlCreateSecurityDescriptor(descriptor: usize, revision: u32) -> i32, PASSIVE_LEVEL, |kernel| {
        if kernel.fails("RtlCreateSecurityDescriptor") {
            return NtStatus::UNKNOWN_REVISION.0;
        }
        // SAFETY: the driver's buffer.
        code(unsafe { security::create_descriptor(descriptor, revision) })
    }
    /// nf-wdm-rtlsetdaclsecuritydescriptor
    RtlSetDaclSecurityDescriptor(descriptor: usize, present: u8, dacl: usize, defaulted: u8) -> i32,
        PASSIVE_LEVEL, |kernel| {
        if kernel.fails("RtlSetDaclSecurityDescriptor") {
            return NtStatus::INVALID_SECURITY_DESCR.0;
        }
        // SAFETY: the driver's descriptor.
        code(unsafe { security::set_dacl(descriptor, present != 0, dacl, defaulted != 0) })
    }
    /// nf-ntifs-rtlcreateacl
    RtlCreateAcl(acl: usize, length: u32, revision: u32) -> i32, APC_LEVEL, |kernel| {
        if kernel.fails("RtlCreateAcl") {
            return NtStatus::BUFFER_TOO_SMALL.0;
        }
        // SAFETY: the driver's buffer of that length.
        code(unsafe { security::create_acl(acl, length, revision) })
    }
    /// nf-ntifs-rtladdaccessallowedace
    RtlAddAccessAllowedAce(acl: usize, revision: u32, mask: u32, sid: usize) -> i32,
        APC_LEVEL, |kernel| {
        if kernel.fails("RtlAddAccessAllowedAce") {
            return NtStatus::ALLOTTED_SPACE_EXCEEDED.0;
        }
        // SAFETY: the driver's list and SID.
        code(unsafe { security::add_allowed(acl, revision, mask, sid) })
    }
    /// nf-ntifs-rtllengthsid
    RtlLengthSid(sid: usize) -> u32, APC_LEVEL, |kernel| {
        // SAFETY: the driver's SID.
        let length = unsafe { security::length_of_sid(sid) };
        if length.is_none() {
            kernel.violation("security", "the length of something that is no SID was asked for");
        }
        length.unwrap_or_default() as u32
    }
}

//! Security descriptors and access control lists in the driver's memory.

use super::{
    Sid,
    access::{Acl, Entry, map_generic},
    sid,
};
use crate::{
    NtStatus,
    nt::{get, put},
};

/// ns-ntifs-_security_descriptor: Revision, Sbz1, Control, Owner, Group, Sacl, Dacl.
mod descriptor {
    pub const SIZE: usize = 40;
    pub const CONTROL: usize = 2;
    pub const DACL: usize = 32;
    pub const REVISION: u8 = 1;
    /// security-descriptor-control
    pub const SE_DACL_PRESENT: u16 = 4;
    pub const SE_DACL_DEFAULTED: u16 = 8;
    pub const SE_SELF_RELATIVE: u16 = 0x8000;
}

/// ns-wdm-_acl: AclRevision, Sbz1, AclSize, AceCount, Sbz2.
mod acl {
    pub const SIZE: usize = 8;
    pub const ACL_SIZE: usize = 2;
    pub const ACE_COUNT: usize = 4;
    pub const REVISION: u8 = 2;
    pub const REVISION_DS: u8 = 4;
}

/// ns-ntifs-_access_allowed_ace: the header (ns-ntifs-_ace_header: AceType, AceFlags, AceSize),
/// Mask, SidStart.
mod ace {
    pub const FLAGS: usize = 1;
    pub const SIZE: usize = 2;
    pub const MASK: usize = 4;
    pub const SID_START: usize = 8;
    pub const ACCESS_ALLOWED: u8 = 0;
    pub const ACCESS_DENIED: u8 = 1;
    pub const INHERIT_ONLY: u8 = 8;
}

fn is_revision(revision: u32) -> bool {
    (u32::from(acl::REVISION)..=u32::from(acl::REVISION_DS)).contains(&revision)
}

/// nf-wdm-rtlcreatesecuritydescriptor
///
/// # Safety
/// `at` is the driver's buffer for a descriptor.
pub(crate) unsafe fn create_descriptor(at: usize, revision: u32) -> Result<(), NtStatus> {
    if revision != u32::from(descriptor::REVISION) {
        return Err(NtStatus::UNKNOWN_REVISION);
    }
    // SAFETY: the caller's promise.
    unsafe { put(at, 0, [0_u8; descriptor::SIZE]) };
    // SAFETY: as above.
    unsafe { put(at, 0, descriptor::REVISION) };
    Ok(())
}

/// nf-wdm-rtlsetdaclsecuritydescriptor
///
/// # Safety
/// `at` is the driver's descriptor.
pub(crate) unsafe fn set_dacl(
    at: usize,
    present: bool,
    dacl: usize,
    defaulted: bool,
) -> Result<(), NtStatus> {
    use descriptor::{CONTROL, DACL, SE_DACL_DEFAULTED, SE_DACL_PRESENT};
    // SAFETY: the caller's promise.
    let mut control = unsafe { read_control(at) }?;
    if control & descriptor::SE_SELF_RELATIVE != 0 {
        return Err(NtStatus::INVALID_SECURITY_DESCR);
    }
    control &= !(SE_DACL_PRESENT | SE_DACL_DEFAULTED);
    if present {
        control |= SE_DACL_PRESENT;
        if defaulted {
            control |= SE_DACL_DEFAULTED;
        }
        // SAFETY: as above.
        unsafe { put(at, DACL, dacl) };
    }
    // SAFETY: as above.
    unsafe { put(at, CONTROL, control) };
    Ok(())
}

unsafe fn read_control(at: usize) -> Result<u16, NtStatus> {
    // SAFETY: the caller's promise: a descriptor.
    let revision: u8 = unsafe { get(at, 0) };
    if revision != descriptor::REVISION {
        return Err(NtStatus::UNKNOWN_REVISION);
    }
    // SAFETY: as above.
    Ok(unsafe { get(at, descriptor::CONTROL) })
}

/// nf-ntifs-rtlcreateacl
///
/// # Safety
/// `at` is the driver's buffer of `length` bytes.
pub(crate) unsafe fn create_acl(at: usize, length: u32, revision: u32) -> Result<(), NtStatus> {
    if (length as usize) < acl::SIZE {
        return Err(NtStatus::BUFFER_TOO_SMALL);
    }
    let size = u16::try_from(length).map_err(|_| NtStatus::INVALID_PARAMETER)?;
    if !is_revision(revision) {
        return Err(NtStatus::INVALID_PARAMETER);
    }
    // SAFETY: the caller's promise.
    unsafe { put(at, 0, [0_u8; acl::SIZE]) };
    // SAFETY: as above.
    unsafe { put(at, 0, revision as u8) };
    // SAFETY: as above. Lists are of whole 32-bit words.
    unsafe { put(at, acl::ACL_SIZE, size & !3) };
    Ok(())
}

/// nf-ntifs-rtladdaccessallowedace
///
/// # Safety
/// `at` is the driver's list, and `sid` the driver's SID.
pub(crate) unsafe fn add_allowed(
    at: usize,
    revision: u32,
    mask: u32,
    sid: usize,
) -> Result<(), NtStatus> {
    // SAFETY: the caller's promise.
    let list = unsafe { List::read(at) }?;
    // SAFETY: as above.
    let sid = unsafe { read_sid(sid) }.ok_or(NtStatus::INVALID_SID)?;
    if !is_revision(revision) {
        return Err(NtStatus::REVISION_MISMATCH);
    }
    let mut entry = vec![ace::ACCESS_ALLOWED, 0];
    entry.extend(((ace::SID_START + sid.bytes().len()) as u16).to_le_bytes());
    entry.extend(mask.to_le_bytes());
    entry.extend(sid.bytes());
    let end = list.end;
    if end + entry.len() > list.bytes.len() {
        return Err(NtStatus::ALLOTTED_SPACE_EXCEEDED);
    }
    // SAFETY: as above: the list is at least that long.
    unsafe { ((at + end) as *mut u8).copy_from(entry.as_ptr(), entry.len()) };
    // SAFETY: as above.
    unsafe { put(at, acl::ACE_COUNT, list.entries + 1) };
    Ok(())
}

/// nf-ntifs-rtllengthsid; nothing if the SID is not valid.
///
/// # Safety
/// `at` is the driver's SID.
pub(crate) unsafe fn length_of_sid(at: usize) -> Option<usize> {
    // SAFETY: the caller's promise.
    let revision: u8 = unsafe { get(at, 0) };
    // SAFETY: as above.
    let count: u8 = unsafe { get(at, 1) };
    Sid::length(revision, count)
}

unsafe fn read_sid(at: usize) -> Option<Sid> {
    // SAFETY: the caller's promise: a SID.
    let length = unsafe { length_of_sid(at) }?;
    // SAFETY: as above.
    Sid::read(unsafe { std::slice::from_raw_parts(at as *const u8, length) })
}

/// The list of a descriptor of the driver's, copied, with generic rights mapped. A descriptor
/// without a list protects nothing.
///
/// # Safety
/// `at` is the driver's descriptor.
pub(crate) unsafe fn read_dacl(at: usize) -> Result<Acl, NtStatus> {
    // SAFETY: the caller's promise.
    let control = unsafe { read_control(at) }?;
    if control & descriptor::SE_SELF_RELATIVE != 0 {
        // Not simulated: the offsets would be read as pointers.
        return Err(NtStatus::INVALID_SECURITY_DESCR);
    }
    // SAFETY: as above.
    let dacl: usize = unsafe { get(at, descriptor::DACL) };
    if control & descriptor::SE_DACL_PRESENT == 0 || dacl == 0 {
        return Ok(None);
    }
    // SAFETY: as above.
    unsafe { List::read(dacl) }?.entries().map(Some)
}

/// A list, copied.
struct List {
    bytes: Vec<u8>,
    entries: u16,
    /// Where the next entry would go.
    end: usize,
}

impl List {
    unsafe fn read(at: usize) -> Result<Self, NtStatus> {
        // SAFETY: the caller's promise: a list's header.
        let (revision, size, entries): (u8, u16, u16) =
            unsafe { (get(at, 0), get(at, acl::ACL_SIZE), get(at, acl::ACE_COUNT)) };
        let size = usize::from(size);
        if !at.is_multiple_of(4) || size < acl::SIZE || !is_revision(u32::from(revision)) {
            return Err(NtStatus::INVALID_ACL);
        }
        // SAFETY: as above: the list is as long as its header says.
        let bytes = unsafe { std::slice::from_raw_parts(at as *const u8, size) }.to_vec();
        let mut list = Self {
            bytes,
            entries,
            end: acl::SIZE,
        };
        for _ in 0..entries {
            let length = list.entry(list.end).ok_or(NtStatus::INVALID_ACL)?.len();
            list.end += length;
        }
        Ok(list)
    }

    fn entry(&self, at: usize) -> Option<&[u8]> {
        let size = self.bytes.get(at + ace::SIZE..at + ace::SIZE + 2)?;
        let size = usize::from(u16::from_le_bytes([size[0], size[1]]));
        let least = ace::SID_START + sid::FIXED;
        let whole = size >= least && size.is_multiple_of(4);
        whole.then(|| self.bytes.get(at..at + size))?
    }

    fn entries(&self) -> Result<Vec<Entry>, NtStatus> {
        let (mut at, mut entries) = (acl::SIZE, Vec::new());
        for _ in 0..self.entries {
            let entry = self.entry(at).ok_or(NtStatus::INVALID_ACL)?;
            at += entry.len();
            let allows = match entry[0] {
                ace::ACCESS_ALLOWED => true,
                ace::ACCESS_DENIED => false,
                // No other kind is for devices.
                _ => return Err(NtStatus::INVALID_ACL),
            };
            let mask = [0, 1, 2, 3].map(|byte| entry[ace::MASK + byte]);
            entries.push(Entry {
                allows,
                inherit_only: entry[ace::FLAGS] & ace::INHERIT_ONLY != 0,
                mask: map_generic(u32::from_le_bytes(mask)),
                sid: Sid::read(&entry[ace::SID_START..]).ok_or(NtStatus::INVALID_SID)?,
            });
        }
        Ok(entries)
    }
}

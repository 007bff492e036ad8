//! Reading the memory of a program that stands still.

use nix::{
    sys::uio::{RemoteIoVec, process_vm_readv},
    unistd::Pid,
};
use std::{ffi::OsString, io::IoSliceMut, os::unix::ffi::OsStringExt};

const PAGE: usize = 4096;
/// Linux' longest path, with its end.
const PATH_MAX: usize = 4096;

/// Reads as many bytes as there are from `address` on, and says how many.
pub fn read(pid: Pid, address: u64, into: &mut [u8]) -> usize {
    let remote = RemoteIoVec {
        base: address as usize,
        len: into.len(),
    };
    process_vm_readv(pid, &mut [IoSliceMut::new(into)], &[remote]).unwrap_or(0)
}

pub fn word(pid: Pid, address: u64) -> Option<u64> {
    let mut bytes = [0; 8];
    (read(pid, address, &mut bytes) == 8).then(|| u64::from_le_bytes(bytes))
}

/// A path, which ends with a 0.
pub fn path(pid: Pid, address: u64) -> Option<OsString> {
    let mut bytes = Vec::new();
    while address != 0 && bytes.len() < PATH_MAX {
        let at = address + bytes.len() as u64;
        // The next page may not be there.
        let mut chunk = [0; 256];
        let length = chunk.len().min(PAGE - at as usize % PAGE);
        let length = read(pid, at, &mut chunk[..length]);
        if let Some(end) = chunk[..length].iter().position(|byte| *byte == 0) {
            bytes.extend_from_slice(&chunk[..end]);
            return Some(OsString::from_vec(bytes));
        }
        if length == 0 {
            return None;
        }
        bytes.extend_from_slice(&chunk[..length]);
    }
    None
}

//! What a create asks for, in the terms of NtCreateFile.

use super::{Access, CreateFileOptions};
use crate::{
    callback_data::Parameters,
    files::Kind,
    nt::{Block, file_object as fo, io_security_context as sc, put},
    objects::{FILE_READ_DATA, FILE_WRITE_DATA},
};

/// CreateOptions (nf-ntifs-ntcreatefile).
mod option {
    pub const DIRECTORY_FILE: u32 = 0x1;
    pub const NON_DIRECTORY_FILE: u32 = 0x40;
    pub const WRITE_THROUGH: u32 = 0x2;
    pub const NO_INTERMEDIATE_BUFFERING: u32 = 0x8;
    pub const DELETE_ON_CLOSE: u32 = 0x1000;
}

pub(super) const FILE_SYNCHRONOUS_IO_NONALERT: u32 = 0x20;

/// What a create asks for.
#[derive(Clone, Copy)]
pub(super) struct Asked {
    pub options: CreateFileOptions,
    pub kind: Kind,
}

impl Asked {
    pub fn access(&self) -> u32 {
        match self.options.access {
            Access::Read => FILE_READ_DATA,
            Access::ReadWrite => FILE_READ_DATA | FILE_WRITE_DATA,
        }
    }

    pub fn file_object_flags(&self) -> u32 {
        let CreateFileOptions {
            write_through,
            no_intermediate_buffering,
            asynchronous,
            delete_on_close,
            ..
        } = self.options;
        let chosen = [
            (!asynchronous, fo::FO_SYNCHRONOUS_IO),
            (write_through, fo::FO_WRITE_THROUGH),
            (no_intermediate_buffering, fo::FO_NO_INTERMEDIATE_BUFFERING),
            (delete_on_close, fo::FO_DELETE_ON_CLOSE),
        ];
        sum(chosen)
    }

    pub fn create_options(&self) -> u32 {
        let chosen = [
            (self.kind == Kind::Directory, option::DIRECTORY_FILE),
            (self.kind == Kind::File, option::NON_DIRECTORY_FILE),
            (self.options.write_through, option::WRITE_THROUGH),
            (
                self.options.no_intermediate_buffering,
                option::NO_INTERMEDIATE_BUFFERING,
            ),
            (!self.options.asynchronous, FILE_SYNCHRONOUS_IO_NONALERT),
            (self.options.delete_on_close, option::DELETE_ON_CLOSE),
        ];
        sum(chosen) | self.options.disposition.code() << 24
    }
}

/// IO_SECURITY_CONTEXT and its ACCESS_STATE.
pub(super) struct Security {
    context: Block,
    _state: Block,
}

impl Security {
    pub fn new(access: u32, options: u32) -> Self {
        let desired = desired(access);
        let (context, state) = (
            Block::zeroed(sc::SIZE),
            Block::zeroed(sc::ACCESS_STATE_SIZE),
        );
        let (at, s) = (context.address(), state.address());
        // SAFETY: our own blocks of the structures' sizes, in all of these.
        unsafe { put(at, sc::ACCESS_STATE, s) };
        // SAFETY: as above.
        unsafe { put(at, sc::DESIRED_ACCESS, desired) };
        // SAFETY: as above.
        unsafe { put(at, sc::FULL_CREATE_OPTIONS, options) };
        // SAFETY: as above.
        unsafe { put(s, sc::REMAINING_DESIRED_ACCESS, desired) };
        // SAFETY: as above.
        unsafe { put(s, sc::ORIGINAL_DESIRED_ACCESS, desired) };
        Self {
            context,
            _state: state,
        }
    }

    pub fn create(&self, options: u32, flags: u8) -> Parameters<'_> {
        Parameters::Create {
            security: self.context.address(),
            options,
            flags,
        }
    }
}

fn sum<const N: usize>(chosen: [(bool, u32); N]) -> u32 {
    let flags = chosen.iter().filter(|(is, _)| *is).map(|(_, flag)| flag);
    flags.sum()
}

/// An access mask (access-mask) for read or write access to data.
fn desired(access: u32) -> u32 {
    const FILE_GENERIC_READ: u32 = 0x12_0089;
    const FILE_GENERIC_WRITE: u32 = 0x12_0116;
    let write = access & FILE_WRITE_DATA != 0;
    FILE_GENERIC_READ | if write { FILE_GENERIC_WRITE } else { 0 }
}

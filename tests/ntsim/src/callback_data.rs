//! FLT_CALLBACK_DATA (ns-fltkernel-_flt_callback_data) and the parameters of operations.

use crate::{
    NtStatus,
    dispatch::{Kind, Outcome},
    nt::{Block, flt_callback_data as cd, flt_io_parameter_block as pb, get, put},
};
use std::cell::Cell;

/// The parameters of the operations that have any.
#[derive(Clone, Copy)]
pub(crate) enum Parameters<'a> {
    None,
    Create {
        /// IO_SECURITY_CONTEXT.
        security: usize,
        options: u32,
        /// OperationFlags.
        flags: u8,
    },
    Read {
        offset: u64,
        length: u32,
        buffer: usize,
    },
    Flush {
        minor: u8,
    },
    Write {
        offset: i64,
        data: &'a [u8],
        /// OperationFlags.
        flags: u8,
    },
    /// An IRP_MJ_WRITE that asks for pages or gives them back.
    MdlWrite {
        minor: u8,
        offset: u64,
        length: u32,
        /// MdlAddress, which the file system sets when pages are asked for.
        chain: &'a Cell<usize>,
    },
    PrepareMdlWrite {
        offset: u64,
        length: u32,
        chain: usize,
    },
    MdlWriteComplete {
        offset: u64,
        chain: usize,
    },
    Control {
        code: u32,
        input: u32,
        output: u32,
        /// As the method of the code says: SystemBuffer, or input and output buffer.
        buffers: [usize; 2],
    },
    SetInformation {
        class: i32,
        buffer: &'a [u8],
        rename: Rename,
    },
    SectionSync {
        protection: u32,
    },
    Pnp {
        minor: u8,
    },
}

/// What else a rename or a new link has.
#[derive(Clone, Copy, Default)]
pub(crate) struct Rename {
    /// ParentOfTarget.
    pub parent: usize,
    /// ReplaceIfExists.
    pub replace: bool,
}

/// No program here uses keys, which leaves a recognisable value.
const KEY: u32 = 0x4b45_5900;

/// The structures that callbacks see.
pub(crate) struct CallbackData {
    data: Block,
    parameters: Block,
}

impl CallbackData {
    pub fn new(
        kind: Kind,
        major: u8,
        file: usize,
        instance: usize,
        parameters: &Parameters<'_>,
    ) -> Self {
        let (data, block) = (Block::zeroed(cd::SIZE), Block::zeroed(pb::SIZE));
        let (at, p) = (data.address(), block.address());
        let (flags, irp_flags) = match kind {
            Kind::Irp { flags } => (cd::FLTFL_CALLBACK_DATA_IRP_OPERATION, flags),
            Kind::FastIo => (cd::FLTFL_CALLBACK_DATA_FAST_IO_OPERATION, 0),
            Kind::FsFilter => (cd::FLTFL_CALLBACK_DATA_FS_FILTER_OPERATION, 0),
        };
        // SAFETY: our own blocks of the structures' sizes, in all of these.
        unsafe { put(at, cd::FLAGS, flags) };
        // SAFETY: as above.
        unsafe { put(at, cd::IOPB, p) };
        // SAFETY: as above. UserMode.
        unsafe { put(at, cd::REQUESTOR_MODE, 1_u8) };
        // SAFETY: as above.
        unsafe { put(p, pb::IRP_FLAGS, irp_flags) };
        // SAFETY: as above.
        unsafe { put(p, pb::MAJOR_FUNCTION, major) };
        // SAFETY: as above.
        unsafe { put(p, pb::TARGET_FILE_OBJECT, file) };
        // SAFETY: as above.
        unsafe { put(p, pb::TARGET_INSTANCE, instance) };
        let this = Self {
            data,
            parameters: block,
        };
        this.fill(parameters);
        this
    }

    fn fill(&self, parameters: &Parameters<'_>) {
        let p = self.parameters.address();
        match parameters {
            Parameters::None => {}
            Parameters::Create {
                security,
                options,
                flags,
            } => {
                const SHARE_ALL: u16 = 7;
                const FILE_ATTRIBUTE_NORMAL: u16 = 0x80;
                // SAFETY: our own block, in all of these.
                unsafe { put(p, pb::OPERATION_FLAGS, *flags) };
                // SAFETY: as above.
                unsafe { put(p, pb::CREATE_SECURITY_CONTEXT, *security) };
                // SAFETY: as above.
                unsafe { put(p, pb::CREATE_OPTIONS, *options) };
                // SAFETY: as above.
                unsafe { put(p, pb::CREATE_FILE_ATTRIBUTES, FILE_ATTRIBUTE_NORMAL) };
                // SAFETY: as above.
                unsafe { put(p, pb::CREATE_SHARE_ACCESS, SHARE_ALL) };
            }
            Parameters::Read {
                offset,
                length,
                buffer,
            } => {
                // SAFETY: our own block, in all of these: as for writes.
                unsafe { put(p, pb::WRITE_LENGTH, *length) };
                // SAFETY: as above.
                unsafe { put(p, pb::WRITE_KEY, KEY) };
                // SAFETY: as above.
                unsafe { put(p, pb::WRITE_BYTE_OFFSET, *offset) };
                // SAFETY: as above.
                unsafe { put(p, pb::WRITE_BUFFER, *buffer) };
            }
            Parameters::Flush { minor } => {
                // SAFETY: our own block.
                unsafe { put(p, pb::MINOR_FUNCTION, *minor) };
            }
            Parameters::MdlWrite {
                minor,
                offset,
                length,
                chain,
            } => {
                // SAFETY: our own block, in all of these.
                unsafe { put(p, pb::MINOR_FUNCTION, *minor) };
                // SAFETY: as above.
                unsafe { put(p, pb::WRITE_LENGTH, *length) };
                // SAFETY: as above.
                unsafe { put(p, pb::WRITE_KEY, KEY) };
                // SAFETY: as above.
                unsafe { put(p, pb::WRITE_BYTE_OFFSET, *offset) };
                // SAFETY: as above.
                unsafe { put(p, pb::WRITE_MDL, chain.get()) };
            }
            Parameters::PrepareMdlWrite {
                offset,
                length,
                chain,
            } => {
                // SAFETY: our own block, in all of these.
                unsafe { put(p, pb::PREPARE_OFFSET, *offset) };
                // SAFETY: as above.
                unsafe { put(p, pb::PREPARE_LENGTH, *length) };
                // SAFETY: as above.
                unsafe { put(p, pb::PREPARE_KEY, KEY) };
                // SAFETY: as above.
                unsafe { put(p, pb::PREPARE_CHAIN, *chain) };
            }
            Parameters::MdlWriteComplete { offset, chain } => {
                // SAFETY: our own block, in both.
                unsafe { put(p, pb::COMPLETE_OFFSET, *offset) };
                // SAFETY: as above.
                unsafe { put(p, pb::COMPLETE_CHAIN, *chain) };
            }
            Parameters::Control {
                code,
                input,
                output,
                buffers,
            } => {
                // SAFETY: our own block, in all of these.
                unsafe { put(p, pb::CONTROL_OUTPUT_LENGTH, *output) };
                // SAFETY: as above.
                unsafe { put(p, pb::CONTROL_INPUT_LENGTH, *input) };
                // SAFETY: as above.
                unsafe { put(p, pb::CONTROL_CODE, *code) };
                // SAFETY: as above.
                unsafe { put(p, pb::CONTROL_BUFFER, buffers[0]) };
                // SAFETY: as above.
                unsafe { put(p, pb::CONTROL_OUTPUT_BUFFER, buffers[1]) };
            }
            Parameters::Write {
                offset,
                data,
                flags,
            } => {
                // SAFETY: our own block, in all of these.
                unsafe { put(p, pb::OPERATION_FLAGS, *flags) };
                // SAFETY: as above.
                unsafe { put(p, pb::WRITE_LENGTH, data.len() as u32) };
                // SAFETY: as above.
                unsafe { put(p, pb::WRITE_KEY, KEY) };
                // SAFETY: as above.
                unsafe { put(p, pb::WRITE_BYTE_OFFSET, *offset) };
                // SAFETY: as above.
                unsafe { put(p, pb::WRITE_BUFFER, data.as_ptr() as usize) };
            }
            Parameters::SetInformation {
                class,
                buffer,
                rename,
            } => {
                let replace = u8::from(rename.replace);
                // SAFETY: our own block, in all of these.
                unsafe { put(p, pb::SET_LENGTH, buffer.len() as u32) };
                // SAFETY: as above.
                unsafe { put(p, pb::SET_CLASS, *class) };
                // SAFETY: as above.
                unsafe { put(p, pb::SET_PARENT_OF_TARGET, rename.parent) };
                // SAFETY: as above.
                unsafe { put(p, pb::SET_REPLACE_IF_EXISTS, replace) };
                // SAFETY: as above.
                unsafe { put(p, pb::SET_BUFFER, buffer.as_ptr() as usize) };
            }
            Parameters::SectionSync { protection } => {
                // SAFETY: our own block, in all of these. SyncTypeCreateSection.
                unsafe { put(p, pb::SYNC_TYPE, 1_u32) };
                // SAFETY: as above.
                unsafe { put(p, pb::SYNC_PAGE_PROTECTION, *protection) };
            }
            Parameters::Pnp { minor } => {
                // SAFETY: our own block. The requests that are sent have no parameters.
                unsafe { put(p, pb::MINOR_FUNCTION, *minor) };
            }
        }
    }

    /// What the file system has set in the parameters when it has acted.
    pub fn refresh(&self, parameters: &Parameters<'_>) {
        if let Parameters::MdlWrite { chain, .. } = parameters {
            // SAFETY: our own block.
            unsafe { put(self.parameters.address(), pb::WRITE_MDL, chain.get()) };
        }
    }

    /// A copy of an operation's callback data, as the post-operation of a draining operation gets.
    ///
    /// # Safety
    /// `data` is the address of callback data made here, which lives.
    pub unsafe fn copy_for_draining(data: usize) -> Self {
        // SAFETY: the caller's promise.
        let parameters: usize = unsafe { get(data, cd::IOPB) };
        let copy = |from: usize, size: usize| {
            let block = Block::zeroed(size);
            for at in 0..size {
                // SAFETY: structures of that size.
                unsafe { put::<u8>(block.address(), at, get(from, at)) };
            }
            block
        };
        let this = Self {
            data: copy(data, cd::SIZE),
            parameters: copy(parameters, pb::SIZE),
        };
        let at = this.data.address();
        // SAFETY: our own block.
        unsafe { put(at, cd::IOPB, this.parameters.address()) };
        this.add_flags(
            cd::FLTFL_CALLBACK_DATA_POST_OPERATION | cd::FLTFL_CALLBACK_DATA_DRAINING_IO,
        );
        this.set_outcome(&Err(NtStatus::FLT_POST_OPERATION_CLEANUP));
        this
    }

    pub fn address(&self) -> usize {
        self.data.address()
    }

    pub fn add_flags(&self, flags: u32) {
        let at = self.data.address();
        // SAFETY: our own block.
        let before: u32 = unsafe { get(at, cd::FLAGS) };
        // SAFETY: as above.
        unsafe { put(at, cd::FLAGS, before | flags) };
    }

    pub fn set_outcome(&self, outcome: &Outcome) {
        let status = outcome.err().unwrap_or(NtStatus::SUCCESS);
        // SAFETY: our own block.
        unsafe { put(self.data.address(), cd::STATUS, status.0) };
        // SAFETY: as above.
        unsafe { put(self.data.address(), cd::INFORMATION, outcome.unwrap_or(0)) };
    }

    pub fn status(&self) -> NtStatus {
        // SAFETY: our own block, which the filter may have written.
        NtStatus(unsafe { get(self.data.address(), cd::STATUS) })
    }

    /// What the caller of the operation gets.
    pub fn outcome(&self) -> Outcome {
        self.status().check()?;
        // SAFETY: our own block, which the filter may have written.
        Ok(unsafe { get(self.data.address(), cd::INFORMATION) })
    }
}

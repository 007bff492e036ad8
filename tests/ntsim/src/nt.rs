//! Structures of 64-bit Windows as offsets, written from the driver reference's declarations with
//! every POINTER_ALIGNMENT kept, and read and written byte by byte.

use ntsim_machine::guarded::Guarded;

/// Memory with a structure in it, zeroed and at a fixed address.
pub struct Block {
    words: Box<[u64]>,
}

impl Block {
    pub fn zeroed(bytes: usize) -> Self {
        Self {
            words: vec![0; bytes.div_ceil(8)].into_boxed_slice(),
        }
    }

    pub fn address(&self) -> usize {
        self.words.as_ptr() as usize
    }
}

/// Writes a value into a structure.
///
/// # Safety
/// `base + offset` is memory of the simulation that holds a `T`, or a pointer that the driver
/// passed for one.
pub unsafe fn put<T>(base: usize, offset: usize, value: T) {
    // SAFETY: the caller's promise.
    unsafe { ((base + offset) as *mut T).write_unaligned(value) };
}

/// Reads a value from a structure.
///
/// # Safety
/// As for [`put`].
pub unsafe fn get<T: Copy>(base: usize, offset: usize) -> T {
    // SAFETY: the caller's promise.
    unsafe { ((base + offset) as *const T).read_unaligned() }
}

/// A UNICODE_STRING (ns-ntdef-_unicode_string) and its characters, without a null character.
///
/// They end right before an inaccessible page, for a driver that looks for a null character.
pub struct Utf16 {
    string: Block,
    _characters: Guarded,
}

/// What the name of a string's memory is in messages.
const UNTERMINATED: &str = "a UNICODE_STRING's buffer, which has no null character";

/// Memory that ends before an inaccessible page; the rule is what a touch of that breaks.
pub fn guarded(bytes: usize, rule: &'static str, what: &'static str) -> Guarded {
    Guarded::new(bytes, rule, what).expect("memory of the host")
}

/// Memory for a string's characters.
pub fn guarded_characters(bytes: usize) -> Guarded {
    guarded(bytes, "string", UNTERMINATED)
}

impl Utf16 {
    pub fn new(text: &str) -> Self {
        let units: Vec<u16> = text.encode_utf16().collect();
        let bytes = 2 * units.len();
        let (string, characters) = (Block::zeroed(16), guarded_characters(bytes));
        for (at, unit) in units.iter().enumerate() {
            // SAFETY: our own block, which is long enough.
            unsafe { put(characters.address(), 2 * at, *unit) };
        }
        // SAFETY: our own block: Length, MaximumLength, Buffer.
        unsafe {
            put(string.address(), 0, bytes as u16);
            put(string.address(), 2, bytes as u16);
            put(string.address(), 8, characters.address());
        }
        Self {
            string,
            _characters: characters,
        }
    }

    pub fn address(&self) -> usize {
        self.string.address()
    }
}

/// ns-wdm-_file_object
pub mod file_object {
    pub const SIZE: usize = 0xd8;
    pub const TYPE: usize = 0;
    pub const STRUCTURE_SIZE: usize = 2;
    pub const DEVICE_OBJECT: usize = 8;
    pub const FS_CONTEXT: usize = 0x18;
    pub const SECTION_OBJECT_POINTER: usize = 0x28;
    pub const DELETE_PENDING: usize = 0x49;
    pub const READ_ACCESS: usize = 0x4a;
    pub const WRITE_ACCESS: usize = 0x4b;
    pub const FLAGS: usize = 0x50;
    pub const FILE_NAME: usize = 0x58;
    pub const CURRENT_BYTE_OFFSET: usize = 0x68;
    pub const FO_SYNCHRONOUS_IO: u32 = 0x2;
    pub const FO_NO_INTERMEDIATE_BUFFERING: u32 = 0x8;
    pub const FO_WRITE_THROUGH: u32 = 0x10;
    pub const FO_CLEANUP_COMPLETE: u32 = 0x4000;
    pub const FO_DELETE_ON_CLOSE: u32 = 0x1_0000;
    pub const FO_VOLUME_OPEN: u32 = 0x40_0000;
}

/// ns-wdm-_driver_object
pub mod driver_object {
    pub const SIZE: usize = 0x150;
    pub const MAJOR_FUNCTION: usize = 0x70;
}

/// ns-wdm-_device_object
pub mod device_object {
    pub const SIZE: usize = 0x150;
    pub const TYPE: usize = 0;
    pub const STRUCTURE_SIZE: usize = 2;
    pub const DRIVER_OBJECT: usize = 8;
    pub const FLAGS: usize = 0x30;
    pub const CHARACTERISTICS: usize = 0x34;
    pub const DEVICE_EXTENSION: usize = 0x40;
    pub const DEVICE_TYPE: usize = 0x48;
    pub const STACK_SIZE: usize = 0x4c;
    pub const IO_TYPE_DEVICE: i16 = 3;
    pub const DO_EXCLUSIVE: u32 = 0x8;
    pub const DO_DEVICE_INITIALIZING: u32 = 0x80;
    pub const FILE_DEVICE_SECURE_OPEN: u32 = 0x100;
}

/// ns-wdm-_irp
pub mod irp {
    pub const SIZE: usize = 0xd0;
    pub const SYSTEM_BUFFER: usize = 0x18;
    pub const STATUS: usize = 0x30;
    pub const INFORMATION: usize = 0x38;
    pub const REQUESTOR_MODE: usize = 0x40;
    pub const USER_BUFFER: usize = 0x70;
    /// Tail.Overlay.CurrentStackLocation: the tail is at 0x78, after DriverContext (32), Thread,
    /// AuxiliaryBuffer and ListEntry (16).
    pub const CURRENT_STACK_LOCATION: usize = 0x78 + 32 + 8 + 8 + 16;
}

/// ns-wdm-_io_stack_location
pub mod io_stack_location {
    pub const SIZE: usize = 0x48;
    pub const MAJOR_FUNCTION: usize = 0;
    pub const CONTROL: usize = 3;
    pub const SL_PENDING_RETURNED: u8 = 1;
    /// Parameters.DeviceIoControl: each ULONG but the first is POINTER_ALIGNMENT;
    /// Type3InputBuffer.
    pub const OUTPUT_BUFFER_LENGTH: usize = 8;
    pub const INPUT_BUFFER_LENGTH: usize = 16;
    pub const IO_CONTROL_CODE: usize = 24;
    pub const TYPE_3_INPUT_BUFFER: usize = 32;
    pub const DEVICE_OBJECT: usize = 0x28;
    pub const FILE_OBJECT: usize = 0x30;
}

/// ns-fltkernel-_flt_registration
pub mod flt_registration {
    pub const SIZE: u16 = 112;
    pub const VERSION: usize = 2;
    pub const FLAGS: usize = 4;
    pub const CONTEXTS: usize = 8;
    pub const OPERATIONS: usize = 16;
    pub const UNLOAD: usize = 24;
    pub const INSTANCE_SETUP: usize = 32;
    pub const QUERY_TEARDOWN: usize = 40;
    pub const TEARDOWN_START: usize = 48;
    pub const TEARDOWN_COMPLETE: usize = 56;
    pub const SECTION_NOTIFICATION: usize = 104;
    pub const DO_NOT_SUPPORT_SERVICE_STOP: u32 = 1;
    pub const SUPPORT_DAX_VOLUME: u32 = 4;
}

/// ns-fltkernel-_flt_operation_registration
pub mod flt_operation_registration {
    pub const SIZE: usize = 32;
    pub const MAJOR_FUNCTION: usize = 0;
    pub const FLAGS: usize = 4;
    pub const PRE: usize = 8;
    pub const POST: usize = 16;
    pub const END: u8 = 0x80;
    pub const SKIP_PAGING_IO: u32 = 1;
    pub const SKIP_CACHED_IO: u32 = 2;
    pub const SKIP_NON_DASD_IO: u32 = 4;
    pub const SKIP_NON_CACHED_NON_PAGING_IO: u32 = 8;
}

/// ns-fltkernel-_flt_context_registration
pub mod flt_context_registration {
    pub const SIZE: usize = 56;
    pub const TYPE: usize = 0;
    pub const CLEANUP: usize = 8;
    pub const CONTEXT_SIZE: usize = 16;
    pub const END: u16 = 0xffff;
}

/// ns-fltkernel-_flt_callback_data: after TagData a union of { QueueLinks, QueueContext[2] } and
/// FilterContext[4], 32 bytes.
pub mod flt_callback_data {
    pub const SIZE: usize = 0x58;
    pub const FLAGS: usize = 0;
    pub const IOPB: usize = 16;
    pub const STATUS: usize = 24;
    pub const INFORMATION: usize = 32;
    pub const REQUESTOR_MODE: usize = 80;
    pub const FLTFL_CALLBACK_DATA_IRP_OPERATION: u32 = 1;
    pub const FLTFL_CALLBACK_DATA_FAST_IO_OPERATION: u32 = 2;
    pub const FLTFL_CALLBACK_DATA_FS_FILTER_OPERATION: u32 = 4;
    pub const FLTFL_CALLBACK_DATA_DRAINING_IO: u32 = 0x4_0000;
    pub const FLTFL_CALLBACK_DATA_POST_OPERATION: u32 = 0x8_0000;
}

/// ns-fltkernel-_flt_io_parameter_block; the parameters' offsets are within the block.
pub mod flt_io_parameter_block {
    pub const SIZE: usize = 24 + 48;
    pub const IRP_FLAGS: usize = 0;
    pub const IRP_NOCACHE: u32 = 0x1;
    pub const IRP_PAGING_IO: u32 = 0x2;
    pub const IRP_SYNCHRONOUS_API: u32 = 0x4;
    pub const IRP_SYNCHRONOUS_PAGING_IO: u32 = 0x40;
    pub const IRP_WRITE_OPERATION: u32 = 0x200;
    pub const MAJOR_FUNCTION: usize = 4;
    pub const MINOR_FUNCTION: usize = 5;
    pub const OPERATION_FLAGS: usize = 6;
    pub const SL_WRITE_THROUGH: u8 = 0x4;
    pub const SL_OPEN_TARGET_DIRECTORY: u8 = 0x4;
    pub const TARGET_FILE_OBJECT: usize = 8;
    pub const TARGET_INSTANCE: usize = 16;
    pub const PARAMETERS: usize = 24;
    /// FLT_PARAMETERS for IRP_MJ_WRITE: Length, Key (POINTER_ALIGNMENT), ByteOffset, WriteBuffer.
    pub const WRITE_LENGTH: usize = PARAMETERS;
    pub const WRITE_KEY: usize = PARAMETERS + 8;
    pub const WRITE_BYTE_OFFSET: usize = PARAMETERS + 16;
    pub const WRITE_BUFFER: usize = PARAMETERS + 24;
    pub const WRITE_MDL: usize = PARAMETERS + 32;
    /// FLT_PARAMETERS for IRP_MJ_CREATE: SecurityContext, Options, FileAttributes
    /// (POINTER_ALIGNMENT), ShareAccess, EaLength (POINTER_ALIGNMENT), EaBuffer, AllocationSize.
    pub const CREATE_SECURITY_CONTEXT: usize = PARAMETERS;
    pub const CREATE_OPTIONS: usize = PARAMETERS + 8;
    pub const CREATE_FILE_ATTRIBUTES: usize = PARAMETERS + 16;
    pub const CREATE_SHARE_ACCESS: usize = PARAMETERS + 18;
    /// FLT_PARAMETERS for IRP_MJ_PREPARE_MDL_WRITE: FileOffset, Length, Key (both
    /// POINTER_ALIGNMENT), MdlChain.
    pub const PREPARE_OFFSET: usize = PARAMETERS;
    pub const PREPARE_LENGTH: usize = PARAMETERS + 8;
    pub const PREPARE_KEY: usize = PARAMETERS + 16;
    pub const PREPARE_CHAIN: usize = PARAMETERS + 24;
    /// FLT_PARAMETERS for IRP_MJ_MDL_WRITE_COMPLETE: FileOffset, MdlChain.
    pub const COMPLETE_OFFSET: usize = PARAMETERS;
    pub const COMPLETE_CHAIN: usize = PARAMETERS + 8;
    /// FLT_PARAMETERS for IRP_MJ_FILE_SYSTEM_CONTROL: OutputBufferLength, InputBufferLength and
    /// FsControlCode (both POINTER_ALIGNMENT), then by method SystemBuffer; InputSystemBuffer,
    /// OutputBuffer and OutputMdlAddress; or InputBuffer, OutputBuffer and OutputMdlAddress.
    pub const CONTROL_OUTPUT_LENGTH: usize = PARAMETERS;
    pub const CONTROL_INPUT_LENGTH: usize = PARAMETERS + 8;
    pub const CONTROL_CODE: usize = PARAMETERS + 16;
    pub const CONTROL_BUFFER: usize = PARAMETERS + 24;
    pub const CONTROL_OUTPUT_BUFFER: usize = PARAMETERS + 32;
    /// FLT_PARAMETERS for IRP_MJ_SET_INFORMATION: Length, FileInformationClass
    /// (POINTER_ALIGNMENT), ParentOfTarget, a union, InfoBuffer.
    pub const SET_LENGTH: usize = PARAMETERS;
    pub const SET_CLASS: usize = PARAMETERS + 8;
    pub const SET_PARENT_OF_TARGET: usize = PARAMETERS + 16;
    pub const SET_REPLACE_IF_EXISTS: usize = PARAMETERS + 24;
    pub const SET_BUFFER: usize = PARAMETERS + 32;
    /// FLT_PARAMETERS for IRP_MJ_ACQUIRE_FOR_SECTION_SYNCHRONIZATION: SyncType, PageProtection.
    pub const SYNC_TYPE: usize = PARAMETERS;
    pub const SYNC_PAGE_PROTECTION: usize = PARAMETERS + 4;
}

/// ns-fltkernel-_flt_related_objects
pub mod flt_related_objects {
    pub const SIZE: usize = 48;
    pub const STRUCTURE_SIZE: usize = 0;
    pub const FILTER: usize = 8;
    pub const VOLUME: usize = 16;
    pub const INSTANCE: usize = 24;
    pub const FILE_OBJECT: usize = 32;
}

/// ns-fltkernel-_flt_volume_properties
pub mod flt_volume_properties {
    pub const SIZE: usize = 72;
    pub const DEVICE_TYPE: usize = 0;
    pub const SECTOR_SIZE: usize = 16;
    pub const FLAGS: usize = 18;
    pub const FILE_DEVICE_DISK_FILE_SYSTEM: u32 = 8;
    pub const VOL_PROP_FL_DAX_VOLUME: u16 = 1;
}

/// EVENT_DESCRIPTOR (ns-evntprov-event_descriptor): Id, Version, Channel, Level, Opcode, Task,
/// Keyword.
pub mod event_descriptor {
    pub const LEVEL: usize = 4;
    pub const KEYWORD: usize = 8;
}

/// EVENT_DATA_DESCRIPTOR (ns-evntprov-event_data_descriptor): Ptr, Size, Reserved, whose first byte
/// is the type.
pub mod event_data_descriptor {
    pub const SIZE: usize = 16;
    pub const PTR: usize = 0;
    pub const LENGTH: usize = 8;
    pub const RESERVED: usize = 12;
}

/// ns-wdm-_io_error_log_packet: MajorFunctionCode, RetryCount, DumpDataSize, NumberOfStrings,
/// StringOffset, EventCategory, ErrorCode, UniqueErrorValue, FinalStatus, SequenceNumber,
/// IoControlCode, DeviceOffset, DumpData (of one ULONG at least).
pub mod io_error_log_packet {
    pub const SIZE: usize = 48;
    pub const DUMP_DATA_SIZE: usize = 2;
    pub const NUMBER_OF_STRINGS: usize = 4;
    pub const STRING_OFFSET: usize = 6;
    pub const ERROR_CODE: usize = 12;
    pub const FINAL_STATUS: usize = 20;
    pub const DUMP_DATA: usize = 40;
}

/// ns-fltkernel-_flt_file_name_information: Size and NamesParsed (16 bits each), Format, then
/// Name, Volume, Share, Extension, Stream, FinalComponent and ParentDir; and
/// flt-file-name-options.
pub mod flt_file_name_information {
    pub const SIZE: usize = 8 + 7 * 16;
    pub const FORMAT: usize = 4;
    pub const NAME: usize = 8;
    pub const VOLUME: usize = 24;
    pub const NORMALIZED: u32 = 1;
    pub const OPENED: u32 = 2;
    pub const QUERY_DEFAULT: u32 = 0x100;
    pub const QUERY_CACHE_ONLY: u32 = 0x200;
    pub const QUERY_FILESYSTEM_ONLY: u32 = 0x300;
    pub const QUERY_ALWAYS_ALLOW_CACHE_LOOKUP: u32 = 0x400;
}

/// ns-wdm-_mdl: Next, Size, MdlFlags, Process, MappedSystemVa, StartVa, ByteCount, ByteOffset; the
/// page frame numbers follow.
pub mod mdl {
    pub const SIZE: usize = 0x30;
    pub const NEXT: usize = 0;
    pub const STRUCTURE_SIZE: usize = 8;
    pub const MDL_FLAGS: usize = 10;
    pub const START_VA: usize = 0x20;
    pub const BYTE_COUNT: usize = 0x28;
    pub const BYTE_OFFSET: usize = 0x2c;
    pub const MDL_PAGES_LOCKED: i16 = 2;
}

/// ns-ntifs-_fsrtl_advanced_fcb_header, which begins with ns-ntifs-_fsrtl_common_fcb_header:
/// NodeTypeCode, NodeByteSize, Flags, IsFastIoPossible, Flags2, Version (upper 4 bits), Resource,
/// PagingIoResource, AllocationSize, FileSize, ValidDataLength. Then FastMutex, FilterContexts,
/// PushLock, FileContextSupportPointer, Oplock, ReservedForRemote.
pub mod fcb_header {
    pub const SIZE: usize = 0x68;
    pub const NODE_BYTE_SIZE: usize = 2;
    pub const FLAGS: usize = 4;
    pub const IS_FAST_IO_POSSIBLE: usize = 5;
    pub const FLAGS2: usize = 6;
    pub const VERSION: usize = 7;
    pub const ALLOCATION_SIZE: usize = 24;
    pub const FILE_SIZE: usize = 32;
    pub const VALID_DATA_LENGTH: usize = 40;
    pub const FILTER_CONTEXTS: usize = 0x38;
    pub const FSRTL_FLAG_ADVANCED_HEADER: u8 = 0x40;
    pub const FSRTL_FLAG2_SUPPORTS_FILTER_CONTEXTS: u8 = 2;
    pub const FSRTL_FCB_HEADER_V2: u8 = 2;
    pub const FAST_IO_IS_POSSIBLE: u8 = 1;
}

/// ns-wdm-_io_security_context, and ns-wdm-_access_state as far as it is filled.
pub mod io_security_context {
    pub const SIZE: usize = 0x18;
    pub const ACCESS_STATE: usize = 8;
    pub const DESIRED_ACCESS: usize = 16;
    pub const FULL_CREATE_OPTIONS: usize = 20;
    pub const ACCESS_STATE_SIZE: usize = 0xa0;
    pub const REMAINING_DESIRED_ACCESS: usize = 0x10;
    pub const ORIGINAL_DESIRED_ACCESS: usize = 0x18;
}

/// ns-wdm-_file_standard_information
pub mod standard_information {
    pub const SIZE: u32 = 24;
    pub const ALLOCATION_SIZE: usize = 0;
    pub const END_OF_FILE: usize = 8;
    pub const NUMBER_OF_LINKS: usize = 16;
    pub const DELETE_PENDING: usize = 20;
    pub const DIRECTORY: usize = 21;
}

/// ns-wudfwdm-_object_attributes
pub mod object_attributes {
    pub const SIZE: u32 = 48;
    pub const ROOT_DIRECTORY: usize = 8;
    pub const OBJECT_NAME: usize = 16;
    pub const ATTRIBUTES: usize = 24;
    pub const OBJ_KERNEL_HANDLE: u32 = 0x200;
}

/// ns-wdm-_work_queue_item: List, WorkerRoutine, Parameter.
pub mod work_queue_item {
    pub const WORKER_ROUTINE: usize = 16;
    pub const PARAMETER: usize = 24;
}

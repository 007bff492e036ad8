//! What a callback is told: callback data, parameter blocks and the objects around them.

use super::{PFLT_FILTER, PFLT_INSTANCE, PFLT_VOLUME};
use core::ffi::c_void;
use wdk_sys::{
    IO_STATUS_BLOCK, KPROCESSOR_MODE, LARGE_INTEGER, PETHREAD, PFILE_OBJECT, PMDL, PVOID, UCHAR,
    ULONG, UNICODE_STRING, USHORT,
};

/// ns-fltkernel-_flt_callback_data
#[repr(C)]
pub struct FLT_CALLBACK_DATA {
    pub Flags: ULONG,
    pub Thread: PETHREAD,
    pub Iopb: *mut FLT_IO_PARAMETER_BLOCK,
    pub IoStatus: IO_STATUS_BLOCK,
    pub TagData: *mut c_void,
    /// Shares its place with QueueLinks, a LIST_ENTRY, and the two pointers of QueueContext.
    pub FilterContext: [PVOID; 4],
    pub RequestorMode: KPROCESSOR_MODE,
}

pub type PFLT_CALLBACK_DATA = *mut FLT_CALLBACK_DATA;

/// ns-fltkernel-_flt_io_parameter_block
#[repr(C)]
pub struct FLT_IO_PARAMETER_BLOCK {
    pub IrpFlags: ULONG,
    pub MajorFunction: UCHAR,
    pub MinorFunction: UCHAR,
    pub OperationFlags: UCHAR,
    pub Reserved: UCHAR,
    pub TargetFileObject: PFILE_OBJECT,
    pub TargetInstance: PFLT_INSTANCE,
    pub Parameters: FLT_PARAMETERS,
}

/// ns-fltkernel-_flt_parameters: the members for the operations that the driver looks into.
#[repr(C)]
pub union FLT_PARAMETERS {
    pub Write: FLT_WRITE,
    pub SetFileInformation: FLT_SET_FILE_INFORMATION,
    pub AcquireForSectionSynchronization: FLT_ACQUIRE_FOR_SECTION_SYNCHRONIZATION,
    pub MdlWriteComplete: FLT_MDL_WRITE_COMPLETE,
    pub FileSystemControl: FLT_FILE_SYSTEM_CONTROL,
    /// Six pointer-sized arguments: the size of the largest member (Create).
    pub Others: [PVOID; 6],
}

/// A ULONG that the declaration aligns to a pointer (POINTER_ALIGNMENT).
#[repr(C, align(8))]
#[derive(Clone, Copy)]
pub struct Aligned(pub ULONG);

/// flt-parameters-for-irp-mj-write
#[cfg(not(feature = "fault-write-layout"))]
#[repr(C)]
#[derive(Clone, Copy)]
pub struct FLT_WRITE {
    pub Length: ULONG,
    pub Key: Aligned,
    pub ByteOffset: LARGE_INTEGER,
    pub WriteBuffer: PVOID,
    pub MdlAddress: PVOID,
}

/// What public bindings make of it: POINTER_ALIGNMENT dropped, so ByteOffset is at 8 and not at 16.
#[cfg(feature = "fault-write-layout")]
#[repr(C)]
#[derive(Clone, Copy)]
pub struct FLT_WRITE {
    pub Length: ULONG,
    pub Key: ULONG,
    pub ByteOffset: LARGE_INTEGER,
    pub WriteBuffer: PVOID,
    pub MdlAddress: PVOID,
}

/// flt-parameters-for-irp-mj-set-information
#[repr(C)]
#[derive(Clone, Copy)]
pub struct FLT_SET_FILE_INFORMATION {
    pub Length: ULONG,
    pub FileInformationClass: AlignedClass,
    pub ParentOfTarget: PFILE_OBJECT,
    pub Detail: FLT_SET_FILE_INFORMATION_DETAIL,
    pub InfoBuffer: PVOID,
}

/// A FILE_INFORMATION_CLASS with POINTER_ALIGNMENT.
#[repr(C, align(8))]
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AlignedClass(pub i32);

/// The unnamed union of [`FLT_SET_FILE_INFORMATION`].
#[repr(C)]
#[derive(Clone, Copy)]
pub union FLT_SET_FILE_INFORMATION_DETAIL {
    pub Flags: FLT_SET_FILE_INFORMATION_FLAGS,
    pub ClusterCount: ULONG,
    pub DeleteHandle: PVOID,
}

/// ReplaceIfExists and AdvanceOnly.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct FLT_SET_FILE_INFORMATION_FLAGS {
    pub ReplaceIfExists: UCHAR,
    pub AdvanceOnly: UCHAR,
}

/// flt-parameters-for-irp-mj-acquire-for-section-synchronization
#[repr(C, align(8))]
#[derive(Clone, Copy)]
pub struct FLT_ACQUIRE_FOR_SECTION_SYNCHRONIZATION {
    pub SyncType: i32,
    pub PageProtection: ULONG,
    pub OutputInformation: *mut c_void,
    pub Flags: ULONG,
    pub AllocationAttributes: ULONG,
}

/// flt-parameters-for-irp-mj-mdl-write-complete
#[repr(C)]
#[derive(Clone, Copy)]
pub struct FLT_MDL_WRITE_COMPLETE {
    pub FileOffset: LARGE_INTEGER,
    pub MdlChain: PMDL,
}

/// flt-parameters-for-irp-mj-file-system-control: the member for METHOD_BUFFERED, which begins like
/// all others.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct FLT_FILE_SYSTEM_CONTROL {
    pub OutputBufferLength: ULONG,
    pub InputBufferLength: Aligned,
    pub FsControlCode: Aligned,
    pub SystemBuffer: PVOID,
}

/// ns-fltkernel-_flt_related_objects
#[repr(C)]
pub struct FLT_RELATED_OBJECTS {
    pub Size: USHORT,
    pub TransactionContext: USHORT,
    pub Filter: PFLT_FILTER,
    pub Volume: PFLT_VOLUME,
    pub Instance: PFLT_INSTANCE,
    pub FileObject: PFILE_OBJECT,
    pub Transaction: PVOID,
}

pub type PCFLT_RELATED_OBJECTS = *const FLT_RELATED_OBJECTS;

/// ns-fltkernel-_flt_volume_properties
#[repr(C)]
pub struct FLT_VOLUME_PROPERTIES {
    pub DeviceType: ULONG,
    pub DeviceCharacteristics: ULONG,
    pub DeviceObjectFlags: ULONG,
    pub AlignmentRequirement: ULONG,
    pub SectorSize: USHORT,
    pub Flags: USHORT,
    pub FileSystemDriverName: UNICODE_STRING,
    pub FileSystemDeviceName: UNICODE_STRING,
    pub RealDeviceName: UNICODE_STRING,
}

/// ns-fltkernel-_flt_file_name_information
#[repr(C)]
pub struct FLT_FILE_NAME_INFORMATION {
    pub Size: USHORT,
    pub NamesParsed: USHORT,
    pub Format: ULONG,
    pub Name: UNICODE_STRING,
    pub Volume: UNICODE_STRING,
    pub Share: UNICODE_STRING,
    pub Extension: UNICODE_STRING,
    pub Stream: UNICODE_STRING,
    pub FinalComponent: UNICODE_STRING,
    pub ParentDir: UNICODE_STRING,
}

//! Sizes and offsets, in bytes, on 64-bit Windows, as one table that two parties check: the
//! compiler against the bindings, and tests/gates against a C transcription of the declarations.

/// Asserts at compile time that each structure has the size and member offsets listed.
macro_rules! layouts {
    ($($(#[$attribute:meta])* $structure:ident: $size:literal {
        $($member:ident: $offset:literal),* $(,)?
    })*) => {
        $($(#[$attribute])* const _: () = {
            assert!(size_of::<$structure>() == $size);
            $(assert!(core::mem::offset_of!($structure, $member) == $offset);)*
        };)*
    };
}

use super::{parameters::*, registration::*};

layouts! {
    FLT_REGISTRATION: 112 {
        Size: 0, Version: 2, Flags: 4, ContextRegistration: 8, OperationRegistration: 16,
        FilterUnloadCallback: 24, InstanceSetupCallback: 32, InstanceQueryTeardownCallback: 40,
        InstanceTeardownStartCallback: 48, InstanceTeardownCompleteCallback: 56,
        GenerateFileNameCallback: 64, NormalizeNameComponentCallback: 72,
        NormalizeContextCleanupCallback: 80, TransactionNotificationCallback: 88,
        NormalizeNameComponentExCallback: 96, SectionNotificationCallback: 104,
    }
    FLT_OPERATION_REGISTRATION: 32 {
        MajorFunction: 0, Flags: 4, PreOperation: 8, PostOperation: 16, Reserved1: 24,
    }
    FLT_CONTEXT_REGISTRATION: 56 {
        ContextType: 0, Flags: 2, ContextCleanupCallback: 8, Size: 16, PoolTag: 24,
        ContextAllocateCallback: 32, ContextFreeCallback: 40, Reserved1: 48,
    }
    FLT_RELATED_OBJECTS: 48 {
        Size: 0, TransactionContext: 2, Filter: 8, Volume: 16, Instance: 24, FileObject: 32,
        Transaction: 40,
    }
    FLT_CALLBACK_DATA: 88 {
        Flags: 0, Thread: 8, Iopb: 16, IoStatus: 24, TagData: 40, FilterContext: 48,
        RequestorMode: 80,
    }
    FLT_VOLUME_PROPERTIES: 72 {
        DeviceType: 0, DeviceCharacteristics: 4, DeviceObjectFlags: 8, AlignmentRequirement: 12,
        SectorSize: 16, Flags: 18, FileSystemDriverName: 24, FileSystemDeviceName: 40,
        RealDeviceName: 56,
    }
    FLT_FILE_NAME_INFORMATION: 120 {
        Size: 0, NamesParsed: 2, Format: 4, Name: 8, Volume: 24, Share: 40, Extension: 56, Stream: 72,
        FinalComponent: 88, ParentDir: 104,
    }
    FLT_IO_PARAMETER_BLOCK: 72 {
        IrpFlags: 0, MajorFunction: 4, MinorFunction: 5, OperationFlags: 6, Reserved: 7,
        TargetFileObject: 8, TargetInstance: 16, Parameters: 24,
    }
    FLT_PARAMETERS: 48 {
        Write: 0, SetFileInformation: 0, AcquireForSectionSynchronization: 0, MdlWriteComplete: 0,
        FileSystemControl: 0, Others: 0,
    }
    #[cfg(not(feature = "fault-write-layout"))]
    FLT_WRITE: 40 { Length: 0, Key: 8, ByteOffset: 16, WriteBuffer: 24, MdlAddress: 32 }
    FLT_SET_FILE_INFORMATION: 40 {
        Length: 0, FileInformationClass: 8, ParentOfTarget: 16, Detail: 24, InfoBuffer: 32,
    }
    FLT_SET_FILE_INFORMATION_DETAIL: 8 { Flags: 0, ClusterCount: 0, DeleteHandle: 0 }
    FLT_SET_FILE_INFORMATION_FLAGS: 2 { ReplaceIfExists: 0, AdvanceOnly: 1 }
    FLT_MDL_WRITE_COMPLETE: 16 { FileOffset: 0, MdlChain: 8 }
    FLT_FILE_SYSTEM_CONTROL: 32 {
        OutputBufferLength: 0, InputBufferLength: 8, FsControlCode: 16, SystemBuffer: 24,
    }
    FLT_ACQUIRE_FOR_SECTION_SYNCHRONIZATION: 24 {
        SyncType: 0, PageProtection: 4, OutputInformation: 8, Flags: 16, AllocationAttributes: 20,
    }
}

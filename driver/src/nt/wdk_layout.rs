//! The structures of `wdk-sys` that the driver touches: whichever headers they were generated
//! from, they have these sizes and offsets on 64-bit Windows.

use core::mem::offset_of;
use wdk_sys::{
    DEVICE_OBJECT, DRIVER_OBJECT, FILE_OBJECT, FILE_STANDARD_INFORMATION, IO_STACK_LOCATION,
    IO_STATUS_BLOCK, IRP, KAPC_STATE, LARGE_INTEGER, MDL, OBJECT_ATTRIBUTES, UNICODE_STRING,
};

const _: () = {
    assert!(size_of::<IRP>() == 0xd0);
    assert!(offset_of!(IRP, AssociatedIrp) == 0x18);
    assert!(offset_of!(IRP, IoStatus) == 0x30);
    assert!(offset_of!(IRP, RequestorMode) == 0x40);
    assert!(offset_of!(IRP, Tail) == 0x78);
    assert!(
        offset_of!(
            IRP,
            Tail.Overlay
                .__bindgen_anon_2
                .__bindgen_anon_1
                .CurrentStackLocation
        ) == 0xb8
    );
    assert!(size_of::<IO_STACK_LOCATION>() == 0x48);
    assert!(offset_of!(IO_STACK_LOCATION, MajorFunction) == 0);
    // Each of the lengths and the code takes 8 bytes (POINTER_ALIGNMENT).
    assert!(
        offset_of!(
            IO_STACK_LOCATION,
            Parameters.DeviceIoControl.OutputBufferLength
        ) == 8
    );
    assert!(
        offset_of!(
            IO_STACK_LOCATION,
            Parameters.DeviceIoControl.InputBufferLength
        ) == 16
    );
    assert!(offset_of!(IO_STACK_LOCATION, Parameters.DeviceIoControl.IoControlCode) == 24);
    assert!(
        offset_of!(
            IO_STACK_LOCATION,
            Parameters.DeviceIoControl.Type3InputBuffer
        ) == 32
    );
    assert!(offset_of!(IO_STACK_LOCATION, FileObject) == 0x30);
    assert!(size_of::<FILE_OBJECT>() == 0xd8);
    assert!(offset_of!(FILE_OBJECT, FsContext2) == 0x20);
    assert!(offset_of!(FILE_OBJECT, SectionObjectPointer) == 0x28);
    assert!(offset_of!(FILE_OBJECT, Flags) == 0x50);
    assert!(offset_of!(FILE_OBJECT, FileName) == 0x58);
    assert!(offset_of!(FILE_OBJECT, CurrentByteOffset) == 0x68);
    assert!(size_of::<DEVICE_OBJECT>() == 0x150);
    assert!(offset_of!(DEVICE_OBJECT, Flags) == 0x30);
    assert!(size_of::<DRIVER_OBJECT>() == 0x150);
    assert!(offset_of!(DRIVER_OBJECT, MajorFunction) == 0x70);
    assert!(size_of::<KAPC_STATE>() == 0x30);
    assert!(size_of::<IO_STATUS_BLOCK>() == 0x10);
    assert!(offset_of!(IO_STATUS_BLOCK, __bindgen_anon_1) == 0);
    assert!(offset_of!(IO_STATUS_BLOCK, Information) == 8);
    assert!(size_of::<OBJECT_ATTRIBUTES>() == 0x30);
    assert!(offset_of!(OBJECT_ATTRIBUTES, Length) == 0);
    assert!(offset_of!(OBJECT_ATTRIBUTES, Attributes) == 0x18);
    assert!(size_of::<UNICODE_STRING>() == 0x10);
    assert!(offset_of!(UNICODE_STRING, Length) == 0);
    assert!(offset_of!(UNICODE_STRING, MaximumLength) == 2);
    assert!(offset_of!(UNICODE_STRING, Buffer) == 8);
    assert!(size_of::<LARGE_INTEGER>() == 8);
    assert!(size_of::<FILE_STANDARD_INFORMATION>() == 24);
    assert!(offset_of!(FILE_STANDARD_INFORMATION, EndOfFile) == 8);
    assert!(offset_of!(FILE_STANDARD_INFORMATION, NumberOfLinks) == 16);
    assert!(offset_of!(FILE_STANDARD_INFORMATION, DeletePending) == 20);
    assert!(offset_of!(MDL, Next) == 0);
    assert!(offset_of!(MDL, ByteCount) == 0x28);
};

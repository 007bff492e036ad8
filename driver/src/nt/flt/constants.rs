//! Constants of fltkernel.h, by the reference page of the structure or routine that takes them.

/// pflt_pre_operation_callback.
pub type FLT_PREOP_CALLBACK_STATUS = i32;
pub const FLT_PREOP_SUCCESS_WITH_CALLBACK: FLT_PREOP_CALLBACK_STATUS = 0;
pub const FLT_PREOP_SUCCESS_NO_CALLBACK: FLT_PREOP_CALLBACK_STATUS = 1;
pub const FLT_PREOP_COMPLETE: FLT_PREOP_CALLBACK_STATUS = 4;
pub const FLT_PREOP_SYNCHRONIZE: FLT_PREOP_CALLBACK_STATUS = 5;

/// pflt_post_operation_callback.
pub type FLT_POSTOP_CALLBACK_STATUS = i32;
pub const FLT_POSTOP_FINISHED_PROCESSING: FLT_POSTOP_CALLBACK_STATUS = 0;
pub const FLT_POSTOP_MORE_PROCESSING_REQUIRED: FLT_POSTOP_CALLBACK_STATUS = 1;
pub type FLT_POST_OPERATION_FLAGS = u32;
pub const FLTFL_POST_OPERATION_DRAINING: FLT_POST_OPERATION_FLAGS = 0x1;

/// fltqueuedeferredioworkitem: DelayedWorkQueue of WORK_QUEUE_TYPE.
pub const DELAYED_WORK_QUEUE: i32 = 1;

/// _flt_operation_registration.
pub const FLTFL_OPERATION_REGISTRATION_SKIP_PAGING_IO: u32 = 0x1;
pub const IRP_MJ_OPERATION_END: u8 = 0x80;

/// _flt_context_registration.
pub type FLT_CONTEXT_TYPE = u16;
pub const FLT_INSTANCE_CONTEXT: FLT_CONTEXT_TYPE = 0x2;
pub const FLT_STREAM_CONTEXT: FLT_CONTEXT_TYPE = 0x8;
pub const FLT_SECTION_CONTEXT: FLT_CONTEXT_TYPE = 0x40;
pub const FLT_CONTEXT_END: FLT_CONTEXT_TYPE = 0xffff;

/// fltsetstreamcontext.
pub type FLT_SET_CONTEXT_OPERATION = i32;
pub const FLT_SET_CONTEXT_KEEP_IF_EXISTS: FLT_SET_CONTEXT_OPERATION = 1;

/// _flt_registration.
pub const FLT_REGISTRATION_VERSION: u16 = 0x0203;
pub const FLTFL_REGISTRATION_SUPPORT_DAX_VOLUME: u32 = 0x4;

/// pflt_filter_unload_callback.
pub type FLT_FILTER_UNLOAD_FLAGS = u32;
pub const FLTFL_FILTER_UNLOAD_MANDATORY: FLT_FILTER_UNLOAD_FLAGS = 0x1;

/// pflt_instance_setup_callback.
pub type FLT_INSTANCE_SETUP_FLAGS = u32;
pub const FLTFL_INSTANCE_SETUP_NEWLY_MOUNTED_VOLUME: FLT_INSTANCE_SETUP_FLAGS = 0x4;
pub type FLT_INSTANCE_QUERY_TEARDOWN_FLAGS = u32;
pub type FLT_INSTANCE_TEARDOWN_FLAGS = u32;

/// _flt_filesystem_type.
pub type FLT_FILESYSTEM_TYPE = i32;
pub const FLT_FSTYPE_NTFS: FLT_FILESYSTEM_TYPE = 2;

/// _flt_volume_properties.
pub const VOL_PROP_FL_DAX_VOLUME: u16 = 0x1;

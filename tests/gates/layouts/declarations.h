/*
 * The documented declarations of what the driver touches, transcribed in C from the driver
 * reference (ns-fltkernel-*, flt-parameters-for-irp-mj-*, ns-wdm-*), independently of the driver's
 * bindings. Members that the header aligns to a pointer carry POINTER_ALIGNMENT, as there.
 */
#include <stddef.h>

#define POINTER_ALIGNMENT __declspec(align(8))

typedef unsigned char UCHAR, BOOLEAN;
typedef char CCHAR;
typedef unsigned short USHORT;
typedef short CSHORT;
typedef unsigned long ULONG;
typedef long LONG, NTSTATUS;
typedef long long LONGLONG;
typedef unsigned long long ULONG_PTR, SIZE_T;
typedef void *PVOID, *HANDLE;
typedef union _LARGE_INTEGER {
    struct { ULONG LowPart; LONG HighPart; } u;
    LONGLONG QuadPart;
} LARGE_INTEGER;
typedef struct _UNICODE_STRING {
    USHORT Length;
    USHORT MaximumLength;
    USHORT *Buffer;
} UNICODE_STRING;
typedef struct _LIST_ENTRY {
    struct _LIST_ENTRY *Flink;
    struct _LIST_ENTRY *Blink;
} LIST_ENTRY;
typedef struct _IO_STATUS_BLOCK {
    union { NTSTATUS Status; PVOID Pointer; } u;
    ULONG_PTR Information;
} IO_STATUS_BLOCK;
typedef int FILE_INFORMATION_CLASS;
typedef int FS_FILTER_SECTION_SYNC_TYPE;
typedef PVOID PFLT_FILTER, PFLT_VOLUME, PFLT_INSTANCE, PFILE_OBJECT, PMDL, PETHREAD;
typedef PVOID PKTRANSACTION, PFLT_TAG_DATA_BUFFER;
typedef USHORT FLT_CONTEXT_TYPE;
typedef void (*CALLBACK)(void);

/* ns-fltkernel-_flt_operation_registration */
typedef struct _FLT_OPERATION_REGISTRATION {
    UCHAR MajorFunction;
    ULONG Flags;
    CALLBACK PreOperation;
    CALLBACK PostOperation;
    PVOID Reserved1;
} FLT_OPERATION_REGISTRATION;

/* ns-fltkernel-_flt_context_registration */
typedef struct _FLT_CONTEXT_REGISTRATION {
    FLT_CONTEXT_TYPE ContextType;
    USHORT Flags;
    CALLBACK ContextCleanupCallback;
    SIZE_T Size;
    ULONG PoolTag;
    CALLBACK ContextAllocateCallback;
    CALLBACK ContextFreeCallback;
    PVOID Reserved1;
} FLT_CONTEXT_REGISTRATION;

/* ns-fltkernel-_flt_registration */
typedef struct _FLT_REGISTRATION {
    USHORT Size;
    USHORT Version;
    ULONG Flags;
    const FLT_CONTEXT_REGISTRATION *ContextRegistration;
    const FLT_OPERATION_REGISTRATION *OperationRegistration;
    CALLBACK FilterUnloadCallback;
    CALLBACK InstanceSetupCallback;
    CALLBACK InstanceQueryTeardownCallback;
    CALLBACK InstanceTeardownStartCallback;
    CALLBACK InstanceTeardownCompleteCallback;
    CALLBACK GenerateFileNameCallback;
    CALLBACK NormalizeNameComponentCallback;
    CALLBACK NormalizeContextCleanupCallback;
    CALLBACK TransactionNotificationCallback;
    CALLBACK NormalizeNameComponentExCallback;
    CALLBACK SectionNotificationCallback;
} FLT_REGISTRATION;

/* ns-fltkernel-_flt_related_objects */
typedef struct _FLT_RELATED_OBJECTS {
    const USHORT Size;
    const USHORT TransactionContext;
    const PFLT_FILTER Filter;
    const PFLT_VOLUME Volume;
    const PFLT_INSTANCE Instance;
    const PFILE_OBJECT FileObject;
    const PKTRANSACTION Transaction;
} FLT_RELATED_OBJECTS;

/*
 * flt-parameters-for-irp-mj-set-information. The declaration leaves these two without names; they
 * have them here so that their members can be compared.
 */
typedef struct _FLT_SET_FILE_INFORMATION_FLAGS {
    BOOLEAN ReplaceIfExists;
    BOOLEAN AdvanceOnly;
} FLT_SET_FILE_INFORMATION_FLAGS;
typedef union _FLT_SET_FILE_INFORMATION_DETAIL {
    FLT_SET_FILE_INFORMATION_FLAGS Flags;
    ULONG ClusterCount;
    HANDLE DeleteHandle;
} FLT_SET_FILE_INFORMATION_DETAIL;

/*
 * ns-fltkernel-_flt_parameters: the members for operations that the driver looks into, and the
 * largest ones (48 bytes), which decide the size of the union.
 */
typedef union _FLT_PARAMETERS {
    struct {
        PVOID SecurityContext;
        ULONG Options;
        USHORT POINTER_ALIGNMENT FileAttributes;
        USHORT ShareAccess;
        ULONG POINTER_ALIGNMENT EaLength;
        PVOID EaBuffer;
        LARGE_INTEGER AllocationSize;
    } Create;
    struct {
        ULONG Length;
        ULONG POINTER_ALIGNMENT Key;
        LARGE_INTEGER ByteOffset;
        PVOID WriteBuffer;
        PMDL MdlAddress;
    } Write;
    struct {
        ULONG Length;
        FILE_INFORMATION_CLASS POINTER_ALIGNMENT FileInformationClass;
        PFILE_OBJECT ParentOfTarget;
        FLT_SET_FILE_INFORMATION_DETAIL Detail;
        PVOID InfoBuffer;
    } SetFileInformation;
    struct {
        ULONG Length;
        PVOID EaList;
        ULONG EaListLength;
        ULONG POINTER_ALIGNMENT EaIndex;
        PVOID EaBuffer;
        PMDL MdlAddress;
    } QueryEa;
    union {
        struct {
            ULONG Length;
            UNICODE_STRING *FileName;
            FILE_INFORMATION_CLASS FileInformationClass;
            ULONG POINTER_ALIGNMENT FileIndex;
            PVOID DirectoryBuffer;
            PMDL MdlAddress;
        } QueryDirectory;
        struct {
            ULONG Length;
            ULONG POINTER_ALIGNMENT CompletionFilter;
            ULONG POINTER_ALIGNMENT Spare1;
            ULONG POINTER_ALIGNMENT Spare2;
            PVOID DirectoryBuffer;
            PMDL MdlAddress;
        } NotifyDirectory;
    } DirectoryControl;
    union {
        struct {
            ULONG OutputBufferLength;
            ULONG POINTER_ALIGNMENT InputBufferLength;
            ULONG POINTER_ALIGNMENT FsControlCode;
            PVOID InputBuffer;
            PVOID OutputBuffer;
            PMDL OutputMdlAddress;
        } Neither;
        struct {
            ULONG OutputBufferLength;
            ULONG POINTER_ALIGNMENT InputBufferLength;
            ULONG POINTER_ALIGNMENT FsControlCode;
            PVOID SystemBuffer;
        } Buffered;
    } FileSystemControl;
    struct {
        LARGE_INTEGER FileOffset;
        PMDL MdlChain;
    } MdlWriteComplete;
    /*
     * An older form of the page has POINTER_ALIGNMENT at PageProtection; the current one does not,
     * and FS_FILTER_PARAMETERS, declared alike, has it at 4 in the system's symbols. Flags and
     * AllocationAttributes were added later.
     */
    struct {
        FS_FILTER_SECTION_SYNC_TYPE SyncType;
        ULONG PageProtection;
        PVOID OutputInformation;
        ULONG Flags;
        ULONG AllocationAttributes;
    } AcquireForSectionSynchronization;
    struct {
        PVOID Argument1;
        PVOID Argument2;
        PVOID Argument3;
        PVOID Argument4;
        PVOID Argument5;
        LARGE_INTEGER Argument6;
    } Others;
} FLT_PARAMETERS;

/* The bindings' names for members of the union. */
typedef __typeof__(((FLT_PARAMETERS *)0)->Write) FLT_WRITE;
typedef __typeof__(((FLT_PARAMETERS *)0)->SetFileInformation) FLT_SET_FILE_INFORMATION;
typedef __typeof__(((FLT_PARAMETERS *)0)->AcquireForSectionSynchronization)
    FLT_ACQUIRE_FOR_SECTION_SYNCHRONIZATION;
typedef __typeof__(((FLT_PARAMETERS *)0)->MdlWriteComplete) FLT_MDL_WRITE_COMPLETE;
typedef __typeof__(((FLT_PARAMETERS *)0)->FileSystemControl.Buffered) FLT_FILE_SYSTEM_CONTROL;

/* ns-fltkernel-_flt_io_parameter_block */
typedef struct _FLT_IO_PARAMETER_BLOCK {
    ULONG IrpFlags;
    UCHAR MajorFunction;
    UCHAR MinorFunction;
    UCHAR OperationFlags;
    UCHAR Reserved;
    PFILE_OBJECT TargetFileObject;
    PFLT_INSTANCE TargetInstance;
    FLT_PARAMETERS Parameters;
} FLT_IO_PARAMETER_BLOCK;

/* ns-fltkernel-_flt_callback_data */
typedef struct _FLT_CALLBACK_DATA {
    ULONG Flags;
    const PETHREAD Thread;
    FLT_IO_PARAMETER_BLOCK *const Iopb;
    IO_STATUS_BLOCK IoStatus;
    PFLT_TAG_DATA_BUFFER TagData;
    /* A filter has either the Filter Manager's queue or FilterContext: the two overlap. */
    union {
        struct {
            LIST_ENTRY QueueLinks;
            PVOID QueueContext[2];
        };
        PVOID FilterContext[4];
    };
    CCHAR RequestorMode;
} FLT_CALLBACK_DATA;

/*
 * ns-fltkernel-_flt_file_name_information: USHORT Size; FLT_FILE_NAME_PARSED_FLAGS (USHORT);
 * FLT_FILE_NAME_OPTIONS (ULONG); then the strings.
 */
typedef struct _FLT_FILE_NAME_INFORMATION {
    USHORT Size;
    USHORT NamesParsed;
    ULONG Format;
    UNICODE_STRING Name;
    UNICODE_STRING Volume;
    UNICODE_STRING Share;
    UNICODE_STRING Extension;
    UNICODE_STRING Stream;
    UNICODE_STRING FinalComponent;
    UNICODE_STRING ParentDir;
} FLT_FILE_NAME_INFORMATION;

/* ns-fltkernel-_flt_volume_properties */
typedef struct _FLT_VOLUME_PROPERTIES {
    ULONG DeviceType;
    ULONG DeviceCharacteristics;
    ULONG DeviceObjectFlags;
    ULONG AlignmentRequirement;
    USHORT SectorSize;
    USHORT Flags;
    UNICODE_STRING FileSystemDriverName;
    UNICODE_STRING FileSystemDeviceName;
    UNICODE_STRING RealDeviceName;
} FLT_VOLUME_PROPERTIES;

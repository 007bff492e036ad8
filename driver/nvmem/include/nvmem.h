/*
 * The non-volatile memory routines of daxflush-nvmem (feature "c-abi"), under their Windows names.
 *
 * On Windows include ntddk.h or winnt.h first: what they declare is not declared again here. A
 * program links these routines instead of the system's. Anywhere else this header is enough.
 */
#ifndef DAXFLUSH_NVMEM_H
#define DAXFLUSH_NVMEM_H

#ifdef __cplusplus
extern "C" {
#endif

#ifndef _WIN32
#include <stddef.h>
#include <stdint.h>

typedef void *PVOID;
typedef uint8_t UCHAR;
typedef size_t SIZE_T;
typedef uintptr_t ULONG_PTR;
typedef uint32_t ULONG;
typedef int32_t NTSTATUS;

#define NTAPI
#define NT_SUCCESS(Status) ((NTSTATUS)(Status) >= 0)
#define STATUS_SUCCESS ((NTSTATUS)0x00000000)
#define STATUS_INVALID_PARAMETER ((NTSTATUS)0xC000000D)
#define STATUS_INSUFFICIENT_RESOURCES ((NTSTATUS)0xC000009A)
#define STATUS_NOT_SUPPORTED ((NTSTATUS)0xC00000BB)
#endif

#ifndef FLUSH_NV_MEMORY_IN_FLAG_NO_DRAIN
typedef struct _NV_MEMORY_RANGE {
    void *BaseAddress;
    SIZE_T Length;
} NV_MEMORY_RANGE, *PNV_MEMORY_RANGE;

#define FLUSH_NV_MEMORY_IN_FLAG_NO_DRAIN 0x00000001
#define FLUSH_NV_MEMORY_DEFAULT_TOKEN ((PVOID)(ULONG_PTR)-1)

#define WRITE_NV_MEMORY_FLAG_FLUSH 0x00000001
#define WRITE_NV_MEMORY_FLAG_NON_TEMPORAL 0x00000002
#define WRITE_NV_MEMORY_FLAG_PERSIST 0x00000003
#define WRITE_NV_MEMORY_FLAG_NO_DRAIN 0x00000100
#endif

#ifndef FILL_NV_MEMORY_FLAG_FLUSH
#define FILL_NV_MEMORY_FLAG_FLUSH 0x00000001
#define FILL_NV_MEMORY_FLAG_NON_TEMPORAL 0x00000002
#define FILL_NV_MEMORY_FLAG_PERSIST 0x00000003
#define FILL_NV_MEMORY_FLAG_NO_DRAIN 0x00000100
#endif

/*
 * All return STATUS_SUCCESS or, having touched nothing, STATUS_INVALID_PARAMETER for a token, a
 * range or a flag that is not valid, STATUS_INSUFFICIENT_RESOURCES when no token is left, or
 * STATUS_NOT_SUPPORTED where the processor has no flush instruction. IRQL <= DISPATCH_LEVEL, except
 * RtlFreeNonVolatileToken, which waits for calls under way: IRQL <= APC_LEVEL.
 *
 * The memory of a token must stay mapped until RtlFreeNonVolatileToken has returned.
 */
NTSTATUS NTAPI RtlGetNonVolatileToken(PVOID NvBuffer, SIZE_T Size, PVOID *NvToken);
NTSTATUS NTAPI RtlFreeNonVolatileToken(PVOID NvToken);
NTSTATUS NTAPI RtlFlushNonVolatileMemory(PVOID NvToken, PVOID NvBuffer, SIZE_T Size, ULONG Flags);
NTSTATUS NTAPI RtlFlushNonVolatileMemoryRanges(PVOID NvToken, PNV_MEMORY_RANGE NvRanges,
                                               SIZE_T NumRanges, ULONG Flags);
NTSTATUS NTAPI RtlDrainNonVolatileFlush(PVOID NvToken);
NTSTATUS NTAPI RtlWriteNonVolatileMemory(PVOID NvToken, void *NvDestination, const void *Source,
                                         SIZE_T Size, ULONG Flags);
NTSTATUS NTAPI RtlFillNonVolatileMemory(PVOID NvToken, void *NvDestination, SIZE_T Size,
                                        const UCHAR Value, ULONG Flags);

#ifdef __cplusplus
}
#endif

#endif

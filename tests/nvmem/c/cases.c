/* The random cases, called by a C compiler's code. */
#include "nvmem.h"

NTSTATUS c_get(PVOID base, SIZE_T size, PVOID *token)
{
    return RtlGetNonVolatileToken(base, size, token);
}

NTSTATUS c_free(PVOID token)
{
    return RtlFreeNonVolatileToken(token);
}

NTSTATUS c_flush(PVOID token, PVOID base, SIZE_T size, ULONG flags)
{
    return RtlFlushNonVolatileMemory(token, base, size, flags);
}

NTSTATUS c_flush_ranges(PVOID token, PNV_MEMORY_RANGE ranges, SIZE_T count, ULONG flags)
{
    return RtlFlushNonVolatileMemoryRanges(token, ranges, count, flags);
}

NTSTATUS c_drain(PVOID token)
{
    return RtlDrainNonVolatileFlush(token);
}

NTSTATUS c_write(PVOID token, void *destination, const void *source, SIZE_T size, ULONG flags)
{
    return RtlWriteNonVolatileMemory(token, destination, source, size, flags);
}

NTSTATUS c_fill(PVOID token, void *destination, SIZE_T size, UCHAR value, ULONG flags)
{
    return RtlFillNonVolatileMemory(token, destination, size, value, flags);
}

/* A program in C that uses the routines by their Windows names and nothing else of ours. */
#include "nvmem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGES_SIZE 65536

static int failures;

static void check(int holds, const char *what, int line)
{
    if (!holds) {
        failures++;
        fprintf(stderr, "c/program.c:%d: %s\n", line, what);
    }
}

#define CHECK(condition) check((condition), #condition, __LINE__)
#define OK(call) CHECK((call) == STATUS_SUCCESS)
#define REFUSED(call) CHECK((call) == STATUS_INVALID_PARAMETER)

static void flushes(PVOID token, unsigned char *memory)
{
    NV_MEMORY_RANGE ranges[3] = {
        { memory + 100, 1 }, { memory + 60, 5000 }, { memory, 0 },
    };

    OK(RtlFlushNonVolatileMemory(token, memory, PAGES_SIZE, 0));
    OK(RtlFlushNonVolatileMemory(token, memory + 1, 1, FLUSH_NV_MEMORY_IN_FLAG_NO_DRAIN));
    OK(RtlFlushNonVolatileMemory(token, memory, 0, 0));
    OK(RtlFlushNonVolatileMemoryRanges(token, ranges, 3, 0));
    OK(RtlFlushNonVolatileMemoryRanges(token, ranges, 3, FLUSH_NV_MEMORY_IN_FLAG_NO_DRAIN));
    OK(RtlFlushNonVolatileMemoryRanges(token, NULL, 0, 0));
    OK(RtlDrainNonVolatileFlush(token));

    REFUSED(RtlFlushNonVolatileMemory(token, memory - 1, 2, 0));
    REFUSED(RtlFlushNonVolatileMemory(token, memory, PAGES_SIZE + 1, 0));
    REFUSED(RtlFlushNonVolatileMemory(token, memory, (SIZE_T)-1, 0));
    REFUSED(RtlFlushNonVolatileMemory(token, memory, 1, 2));
    REFUSED(RtlFlushNonVolatileMemoryRanges(token, NULL, 1, 0));
    REFUSED(RtlFlushNonVolatileMemoryRanges(token, (PNV_MEMORY_RANGE)(memory + 1), 1, 0));
    REFUSED(RtlFlushNonVolatileMemoryRanges(token, ranges, (SIZE_T)-1, 0));
    REFUSED(RtlFlushNonVolatileMemoryRanges(token, ranges, ((SIZE_T)1 << 60) + 1, 0));
    ranges[2].BaseAddress = memory + PAGES_SIZE;
    ranges[2].Length = 1;
    REFUSED(RtlFlushNonVolatileMemoryRanges(token, ranges, 3, 0));
}

static void stores(PVOID token, unsigned char *memory)
{
    static const ULONG flags[] = {
        0,
        WRITE_NV_MEMORY_FLAG_FLUSH,
        WRITE_NV_MEMORY_FLAG_FLUSH | WRITE_NV_MEMORY_FLAG_NO_DRAIN,
        WRITE_NV_MEMORY_FLAG_NON_TEMPORAL,
        WRITE_NV_MEMORY_FLAG_PERSIST,
    };
    static unsigned char source[5000], wanted[PAGES_SIZE];
    size_t i;

    for (i = 0; i < sizeof source; i++)
        source[i] = (unsigned char)(i * 7);
    for (i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        memset(memory, 0xEE, PAGES_SIZE);
        memset(wanted, 0xEE, PAGES_SIZE);
        memcpy(wanted + 37, source, sizeof source);
        memset(wanted + 30000, 0x5A, 777);
        OK(RtlWriteNonVolatileMemory(token, memory + 37, source, sizeof source, flags[i]));
        OK(RtlFillNonVolatileMemory(token, memory + 30000, 777, 0x5A, flags[i]));
        CHECK(memcmp(memory, wanted, PAGES_SIZE) == 0);
        memmove(wanted + 50, wanted + 37, 4000);
        OK(RtlWriteNonVolatileMemory(token, memory + 50, memory + 37, 4000, flags[i]));
        CHECK(memcmp(memory, wanted, PAGES_SIZE) == 0);
        REFUSED(RtlWriteNonVolatileMemory(token, memory + PAGES_SIZE - 1, source, 2, flags[i]));
        REFUSED(RtlFillNonVolatileMemory(token, memory - 1, 2, 0, flags[i]));
        REFUSED(RtlWriteNonVolatileMemory(token, memory, NULL, 1, flags[i]));
        CHECK(memcmp(memory, wanted, PAGES_SIZE) == 0);
    }
    OK(RtlWriteNonVolatileMemory(token, memory, NULL, 0, 0));
    REFUSED(RtlWriteNonVolatileMemory(token, memory, source, 1, WRITE_NV_MEMORY_FLAG_NO_DRAIN));
    REFUSED(RtlFillNonVolatileMemory(token, memory, 1, 1, 0x10));
    CHECK(memcmp(memory, wanted, PAGES_SIZE) == 0);
}

static void default_token(unsigned char *memory)
{
    NV_MEMORY_RANGE range = { memory, 100 };
    PVOID token = FLUSH_NV_MEMORY_DEFAULT_TOKEN;

    OK(RtlFlushNonVolatileMemory(token, memory, PAGES_SIZE, 0));
    OK(RtlFlushNonVolatileMemoryRanges(token, &range, 1, 0));
    OK(RtlDrainNonVolatileFlush(token));
    OK(RtlFillNonVolatileMemory(token, memory, 100, 1, FILL_NV_MEMORY_FLAG_PERSIST));
    REFUSED(RtlFlushNonVolatileMemory(token, NULL, 1, 0));
    REFUSED(RtlFreeNonVolatileToken(token));
}

static void tokens(unsigned char *memory)
{
    PVOID token = NULL, other = NULL, pair[2] = { NULL, NULL };

    REFUSED(RtlGetNonVolatileToken(NULL, 1, &token));
    REFUSED(RtlGetNonVolatileToken(memory, 0, &token));
    REFUSED(RtlGetNonVolatileToken(memory, (SIZE_T)-1, &token));
    REFUSED(RtlGetNonVolatileToken(memory, 1, NULL));
    REFUSED(RtlGetNonVolatileToken(memory, 1, (PVOID *)((char *)pair + 1)));
    CHECK(token == NULL && pair[0] == NULL);
    REFUSED(RtlFreeNonVolatileToken(NULL));

    OK(RtlGetNonVolatileToken(memory, PAGES_SIZE, &token));
    OK(RtlGetNonVolatileToken(memory, PAGES_SIZE, &other));
    CHECK(token != NULL && token != other && token != FLUSH_NV_MEMORY_DEFAULT_TOKEN);
    flushes(token, memory);
    stores(token, memory);
    OK(RtlFreeNonVolatileToken(token));
    REFUSED(RtlFreeNonVolatileToken(token));
    REFUSED(RtlFlushNonVolatileMemory(token, memory, 1, 0));
    REFUSED(RtlDrainNonVolatileFlush(token));
    REFUSED(RtlFlushNonVolatileMemory((PVOID)((ULONG_PTR)other ^ 1), memory, 1, 0));
    OK(RtlFlushNonVolatileMemory(other, memory, 1, 0));
    OK(RtlFreeNonVolatileToken(other));
}

int main(void)
{
    unsigned char *memory = aligned_alloc(4096, PAGES_SIZE);

    if (memory == NULL)
        return 2;
    tokens(memory);
    default_token(memory);
    free(memory);
    if (failures == 0)
        puts("the routines under their Windows names: all as documented");
    return failures != 0;
}

// A driver with imports by name and by ordinal, and with relocations.

__declspec(dllimport) long KeTestAdd(long a, long b);
__declspec(dllimport) long FltTestStore(long *to, long value);
__declspec(dllimport) long FltByOrdinal(void);

static long one(void) { return 1; }
static long two(void) { return 2; }

// Absolute addresses: each needs a relocation.
long (*const table[])(void) = {one, two};
static long variable = 40;
long *pointer = &variable;

long DriverEntry(long a, long b) {
    long stored = 0;
    FltTestStore(&stored, 1000);
    return KeTestAdd(a, b) + stored + FltByOrdinal();
}

long call_table(long i) { return table[i](); }
long read_pointer(void) { return (*pointer)++; }

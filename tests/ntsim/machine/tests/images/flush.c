// Flushes the ways a driver does, and fails the ways it should not.

typedef unsigned char u8;
typedef unsigned long long u64;

__declspec(dllimport) long KeTestAdd(long a, long b);

static void clwb(const void *p) { __asm__ volatile("clwb %0" : : "m"(*(const u8 *)p) : "memory"); }
static void sfence(void) { __asm__ volatile("sfence" : : : "memory"); }

long DriverEntry(void) { return 0; }

void flush(u8 *start, u64 len) {
    for (u64 at = (u64)start & ~63ull; at < (u64)start + len; at += 64) clwb((void *)at);
}

void drain(void) { sfence(); }

void persist(u8 *start, u64 len) {
    flush(start, len);
    drain();
}

void flush_clflush(u8 *p) { __asm__ volatile("clflush %0" : : "m"(*p) : "memory"); }
void flush_clflushopt(u8 *p) { __asm__ volatile("clflushopt %0" : : "m"(*p) : "memory"); }
void drain_mfence(void) { __asm__ volatile("mfence" : : : "memory"); }

void store_nt8(u64 *p, u64 value) { __asm__ volatile("movnti %1, %0" : "=m"(*p) : "r"(value)); }
void store_nt4(unsigned *p, unsigned value) { __asm__ volatile("movnti %1, %0" : "=m"(*p) : "r"(value)); }

// Calls the host between flushes.
long persist_and_call(u8 *start, u64 len) {
    long sum = 0;
    for (u64 at = 0; at < len; at += 64) {
        clwb(start + at);
        sum = KeTestAdd(sum, (long)at);
    }
    sfence();
    return sum;
}

// Repeated string instructions between flushes.
void copy_and_persist(u8 *to, const u8 *from, u64 len) {
    u8 *start = to;
    u64 n = len;
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
    persist(start, len);
}

long crash_read(long *p) { return *p; }
void crash_ud2(void) { __builtin_trap(); }
void crash_fastfail(void) { __asm__ volatile("mov $7, %%ecx\n int $0x29" : : : "rcx"); }
void crash_int3(void) { __asm__ volatile("int3"); }
long crash_divide(long a, long b) { __asm__ volatile("idivl %1" : "+a"(a) : "r"(b) : "rdx"); return a; }
void crash_call(void (*f)(void)) { f(); __asm__ volatile(""); }
void store_nt16(void *p, u64 value) {
    __asm__ volatile("movq %1, %%xmm9\n\tpunpcklqdq %%xmm9, %%xmm9\n\tmovntdq %%xmm9, (%0)"
                     : : "r"(p), "r"(value) : "xmm9", "memory");
}

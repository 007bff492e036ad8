// Blocks that only a jump table leads to, and some that nothing executes.

long DriverEntry(void) { return 0; }

static long __attribute__((noinline)) twice(long value) { return value * 2 + 1; }

long choose(long which, long value) {
    switch (which) {
    case 0: return twice(value) ^ 5;
    case 1: return value * value - 3;
    case 2: __asm__ volatile("sfence" : : : "memory"); return value + 17;
    case 3: return twice(value) / 7;
    case 4: return value << 3 | 1;
    case 5: return ~value & 0x7fff;
    case 6: return value % 11;
    default: return -1;
    }
}

long loop(long count) {
    long sum = 0;
    for (long i = 0; i < count; i++) {
        if (i % 3 == 0) sum += twice(i); else sum ^= i;
    }
    return sum;
}

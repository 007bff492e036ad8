// A driver with a load configuration, as /GS and /guard builds have.

typedef unsigned long long u64;

u64 __security_cookie = 0x00002B992DDFA232;

struct {
    unsigned size;
    char unused[0x54];
    u64 *security_cookie;
} const _load_config_used = {0x60, {0}, &__security_cookie};

long DriverEntry(void) { return 0; }
u64 read_cookie(void) { return *(volatile u64 *)&__security_cookie; }

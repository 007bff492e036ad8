// The least that is a driver, a program or a DLL.

static int data[1024] = {1};
int (*pointer)(void);
int DriverEntry(void) { return data[3]; }

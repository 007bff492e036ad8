// A driver that wants functions nobody has.

__declspec(dllimport) long KeTestMissing(void);
__declspec(dllimport) long FltTestMissing(void);
__declspec(dllimport) long KeTestAdd(long a, long b);

long DriverEntry(void) { return KeTestMissing() + FltTestMissing() + KeTestAdd(1, 2); }

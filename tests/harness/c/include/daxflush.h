/* The client library of daxflush for C: files on persistent memory that are stored to through mapped
 * views and committed.
 *
 * Functions return DAXFLUSH_OK or another DAXFLUSH_... number. After an error, daxflush_last_error and
 * daxflush_last_code say more about it, to the same thread. Each function may return DAXFLUSH_INVALID
 * for a NULL or unusable argument and, unless it says otherwise, DAXFLUSH_SYSTEM if the driver or the
 * system refuses, and DAXFLUSH_PROTOCOL if the driver's answer makes no sense. After an error nothing
 * that was stored is forgotten, and a later commit may succeed.
 *
 * Threads: a device may be used by several threads at once, but for daxflush_close. A file is used by
 * one thread at a time; different files by different threads at once. Handles are used from when they
 * are given until they are closed. Paths are UTF-8 and end with 0.
 */
#ifndef DAXFLUSH_H
#define DAXFLUSH_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The driver's device. */
typedef struct daxflush_device daxflush_device;
/* An open file, with at most one view of it. */
typedef struct daxflush_file daxflush_file;

/* What functions return. */
enum {
    DAXFLUSH_OK = 0,
    /* An argument cannot be used: NULL, not UTF-8, an unknown number. */
    DAXFLUSH_INVALID = 1,
    /* There is no driver that could be loaded. */
    DAXFLUSH_NO_DRIVER = 2,
    /* The driver or the system refused; daxflush_last_code has its number. */
    DAXFLUSH_SYSTEM = 3,
    /* The driver is of another version. */
    DAXFLUSH_PROTOCOL = 4,
    /* The range is not within the view, or there is none. */
    DAXFLUSH_NOT_MAPPED = 5,
    /* The file is mapped already. */
    DAXFLUSH_MAPPED = 6,
    /* First stores to pages cannot be noted. */
    DAXFLUSH_TRACKING = 7,
    /* Not possible on this system. */
    DAXFLUSH_UNSUPPORTED = 8,
    /* Files of the device are open. */
    DAXFLUSH_BUSY = 9,
    /* The driver broke a rule in the simulator. */
    DAXFLUSH_BROKEN = 10
};

/* How the driver learns what is stored through a view. */
enum {
    /* Ranges are reported in batches, and before a commit. */
    DAXFLUSH_REPORT = 0,
    /* Ranges are put into a dirty log, without a system call. */
    DAXFLUSH_LOG = 1,
    /* The first store to each page is noted by a fault; nothing has to be recorded. */
    DAXFLUSH_FAULTS = 2,
    /* Nothing is recorded: every commit takes the whole file for dirty. */
    DAXFLUSH_CONSERVATIVE = 3
};

/* Opens the device of this Windows machine. Errors: DAXFLUSH_SYSTEM, the driver is not loaded;
 * DAXFLUSH_PROTOCOL; DAXFLUSH_UNSUPPORTED, not on Windows. *device is NULL after an error. */
int32_t daxflush_open(daxflush_device **device);

/* Boots a simulated machine in this process, on Linux, with the driver from a file and an empty volume
 * D:, which are gone when it is closed. For tests. Errors: DAXFLUSH_NO_DRIVER; DAXFLUSH_UNSUPPORTED,
 * not on Linux. *device is NULL after an error. */
int32_t daxflush_simulate(const char *driver, daxflush_device **device);

/* Closes the device, when nobody uses it. Errors: DAXFLUSH_BUSY, files are open and the device is still
 * open too; DAXFLUSH_BROKEN, the driver broke a rule in the simulator, and the device is closed. */
int32_t daxflush_close(daxflush_device *device);

/* Opens a file to read and write it, made if it is not there. `log_entries` is for DAXFLUSH_LOG: ranges
 * that fit between two commits, a power of two from 64 to 65536; one that does not fit makes the next
 * commit flush the whole file. *file is NULL after an error. */
int32_t daxflush_open_file(daxflush_device *device, const char *path, int32_t recording,
                           uint32_t log_entries, daxflush_file **file);

/* Lets the driver know all that was stored, unmaps the view and closes the file. It is closed after an
 * error too, but what was stored may then not be known to the driver. Does not commit. */
int32_t daxflush_close_file(daxflush_file *file);

/* Sets the size in bytes. */
int32_t daxflush_set_size(daxflush_file *file, uint64_t size);

/* Maps a range within the file; on Windows `offset` is a multiple of 64 KiB. Errors: DAXFLUSH_MAPPED;
 * DAXFLUSH_TRACKING, with DAXFLUSH_FAULTS. */
int32_t daxflush_map(daxflush_file *file, uint64_t offset, uint64_t length);

/* Lets the driver know all that was stored, and unmaps the view, if there is one. The file may stay
 * mapped after an error. */
int32_t daxflush_unmap(daxflush_file *file);

/* Where the view begins and how many bytes it has, until it is unmapped or the file closed, for
 * programs that store by themselves. With DAXFLUSH_REPORT and DAXFLUSH_LOG they record every store with
 * daxflush_record before they commit. With the others several threads may store at once; a commit
 * covers what was stored before it began. Errors: DAXFLUSH_NOT_MAPPED. */
int32_t daxflush_view(daxflush_file *file, void **address, uint64_t *length);

/* Records that the program has stored to a range, by its offset in the file. Does nothing more than
 * check the range with DAXFLUSH_FAULTS and DAXFLUSH_CONSERVATIVE. Errors: DAXFLUSH_NOT_MAPPED, nothing
 * is recorded; after others the range is recorded nevertheless. */
int32_t daxflush_record(daxflush_file *file, uint64_t offset, uint64_t length);

/* Copies data into the view, at an offset in the file, and records it. Aligned 8 bytes are stored at
 * once. Errors: DAXFLUSH_NOT_MAPPED, nothing is stored; as daxflush_record's. */
int32_t daxflush_store(daxflush_file *file, uint64_t offset, const void *data, size_t length);

/* Writes data at an offset, without the view; the driver sees it by itself. It is durable after a
 * commit only. */
int32_t daxflush_write(daxflush_file *file, uint64_t offset, const void *data, size_t length);

/* Makes all that was written and stored before durable, and the file's metadata. Errors:
 * DAXFLUSH_TRACKING, with DAXFLUSH_FAULTS. */
int32_t daxflush_commit(daxflush_file *file);

/* Makes the data of a range durable, without the metadata; offset 0 and length 0 mean all of the file.
 * Errors as daxflush_commit's. */
int32_t daxflush_commit_range(daxflush_file *file, uint64_t offset, uint64_t length);

/* Begins to make the data of a range durable, as daxflush_commit_range does. It is durable when
 * daxflush_drain or a later commit of the file has succeeded. Errors as daxflush_commit's. */
int32_t daxflush_begin_commit(daxflush_file *file, uint64_t offset, uint64_t length);

/* Makes durable what was begun with daxflush_begin_commit on any file of the device, by any thread. */
int32_t daxflush_drain(daxflush_device *device);

/* What the calling thread's last error was, in English and UTF-8; empty if there was none. Valid until
 * the thread's next error or its end. Never NULL but in a thread that is ending. */
const char *daxflush_last_error(void);

/* The system's own number for the calling thread's last error: a Win32 error code, or an NTSTATUS of the
 * simulated machine; 0 if there is none. */
uint32_t daxflush_last_code(void);

#ifdef __cplusplus
}
#endif

#endif

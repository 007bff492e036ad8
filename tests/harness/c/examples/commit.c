/* Stores to a file on persistent memory and makes it durable.
 *
 * commit FILE [DRIVER]: on Linux DRIVER is the daxflush.sys for a simulated machine with volume D:. */
#include "daxflush.h"

#include <stdio.h>
#include <string.h>

#define SIZE 65536

static int check(const char *doing, int32_t result) {
    if (result == DAXFLUSH_OK) {
        return 1;
    }
    fprintf(stderr, "%s: error %d: %s (%#x)\n", doing, (int)result, daxflush_last_error(),
            (unsigned)daxflush_last_code());
    return 0;
}

static int work(daxflush_device *device, daxflush_file *file) {
    static const char greeting[] = "stored by the library";
    void *view = NULL;
    uint64_t length = 0;
    if (!check("size", daxflush_set_size(file, SIZE)) ||
        !check("map", daxflush_map(file, 0, SIZE)) ||
        !check("store", daxflush_store(file, 100, greeting, sizeof greeting)) ||
        !check("commit", daxflush_commit(file))) {
        return 0;
    }
    if (!check("view", daxflush_view(file, &view, &length))) {
        return 0;
    }
    printf("view of %llu bytes: %s\n", (unsigned long long)length, (const char *)view + 100);
    strcpy((char *)view + 4096, "stored by the program");
    if (!check("record", daxflush_record(file, 4096, 22)) ||
        !check("commit of a range", daxflush_commit_range(file, 4096, 22)) ||
        !check("write", daxflush_write(file, 8192, "written", 7)) ||
        !check("begin", daxflush_begin_commit(file, 0, 0)) ||
        !check("drain", daxflush_drain(device))) {
        return 0;
    }
    printf("durable: %s, %.7s\n", (const char *)view + 4096, (const char *)view + 8192);
    printf("outside: %d, ", (int)daxflush_record(file, SIZE, 1));
    puts(daxflush_last_error());
    return check("unmap", daxflush_unmap(file));
}

int main(int count, char **arguments) {
    daxflush_device *device = NULL;
    daxflush_file *file = NULL;
    int done;
    if (count < 2) {
        fprintf(stderr, "usage: commit FILE [DRIVER]\n");
        return 2;
    }
    if (!check("the device", count > 2 ? daxflush_simulate(arguments[2], &device)
                                       : daxflush_open(&device))) {
        return 1;
    }
    if (!check(arguments[1], daxflush_open_file(device, arguments[1], DAXFLUSH_LOG, 64, &file))) {
        daxflush_close(device);
        return 1;
    }
    done = work(device, file);
    printf("close while in use: %d\n", (int)daxflush_close(device));
    done = check("close of the file", daxflush_close_file(file)) && done;
    done = check("close", daxflush_close(device)) && done;
    puts(done ? "done" : "failed");
    return done ? 0 : 1;
}

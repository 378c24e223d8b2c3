//  io_fault: makes the n-th write or sync of a file fail
//  SPDX-License-Identifier: MPL-2.0
//
//  Each function takes the place of the C library's and goes to the kernel itself.

#include "io_fault.h"
#include "stint.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

typedef struct {
    char path [PATH_MAX];  //  Real path of the directory; empty for no faults
    char calls [256];      //  With a comma at both ends; empty for all
    uint64_t nth;          //  First call to fail; zero for none
    int error;             //  What it fails with
    bool half;             //  A write is short instead
    bool forever;          //  Those after it too
    int count_file;        //  Open for the count, or -1
    uint64_t count;        //  Calls so far
} s_settings_t;

//  What takes the place of a function has no argument to keep its state in.
static s_settings_t s_settings = {.count_file = -1};
static pthread_mutex_t s_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t s_once = PTHREAD_ONCE_INIT;

static const char *
s_setting (const char *name)
{
    const char *value = getenv (name);
    return value ? value : "";
}

static void
s_read_settings (void)
{
    s_settings_t *self = &s_settings;
    if (self->count_file >= 0)
        close (self->count_file);
    memset (self, 0, sizeof *self);
    self->count_file = -1;

    const char *path = s_setting ("IO_FAULT_PATH");
    if (*path == 0 || !realpath (path, self->path)) {
        self->path [0] = 0;
        return;
    }
    const char *calls = s_setting ("IO_FAULT_CALL");
    if (*calls)
        snprintf (self->calls, sizeof self->calls, ",%s,", calls);
    self->nth = strtoull (s_setting ("IO_FAULT_NTH"), NULL, 10);
    const char *error = s_setting ("IO_FAULT_ERRNO");
    self->error = strcmp (error, "ENOSPC") == 0  ? ENOSPC
                  : strcmp (error, "EINTR") == 0 ? EINTR
                                                 : EIO;
    self->half = strcmp (error, "SHORT") == 0;
    self->forever = strcmp (s_setting ("IO_FAULT_FOREVER"), "1") == 0;
    const char *count = s_setting ("IO_FAULT_COUNT");
    if (*count)
        self->count_file = open (count, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

void
io_fault_reset (void)
{
    pthread_once (&s_once, s_read_settings);
    pthread_mutex_lock (&s_mutex);
    s_read_settings ();
    pthread_mutex_unlock (&s_mutex);
}

static bool
s_is_below (const char *path)
{
    size_t size = strlen (s_settings.path);
    return strncmp (path, s_settings.path, size) == 0
           && (path [size] == '/' || path [size] == 0);
}

static bool
s_file_counts (int file)
{
    char link [64], path [PATH_MAX];
    snprintf (link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t size = readlink (link, path, sizeof path - 1);
    if (size < 0)
        return false;

    path [size] = 0;
    return s_is_below (path);
}

//  A mapping has no descriptor; the kernel's table of mappings names its file.

static bool
s_mapping_counts (const void *address)
{
    FILE *maps = fopen ("/proc/self/maps", "re");
    if (!maps)
        return false;

    bool counts = false;
    char line [PATH_MAX + 128];
    while (!counts && fgets (line, sizeof line, maps)) {
        char *end;
        uintptr_t from = strtoull (line, &end, 16);
        uintptr_t to = strtoull (end + 1, NULL, 16);
        char *path = strchr (line, '/');
        counts = path && (uintptr_t) address >= from && (uintptr_t) address < to
                 && s_is_below (path);
    }
    fclose (maps);
    return counts;
}

static bool
s_call_counts (const char *call)
{
    char sought [32];
    snprintf (sought, sizeof sought, ",%s,", call);
    return s_settings.calls [0] == 0 || strstr (s_settings.calls, sought);
}

//  Counts a call. Returns true, with errno set, when it is to fail.

static bool
s_fails (const char *call, int file, const void *address)
{
    pthread_once (&s_once, s_read_settings);
    pthread_mutex_lock (&s_mutex);
    s_settings_t *self = &s_settings;
    bool fails = false;
    int before = errno;
    if (self->path [0] && s_call_counts (call)
        && (address ? s_mapping_counts (address) : s_file_counts (file))) {
        self->count++;
        fails = self->nth
                && (self->forever ? self->count >= self->nth : self->count == self->nth);
        char text [32];
        int size = snprintf (text, sizeof text, "%llu\n", (unsigned long long) self->count);
        if (self->count_file >= 0)
            syscall (SYS_pwrite64, self->count_file, text, (size_t) size, 0L);
    }
    errno = fails ? self->error : before;
    pthread_mutex_unlock (&s_mutex);
    return fails;
}

//  Returns how many bytes a write that fails is to write, 0 for none.

static size_t
s_short (size_t size)
{
    return s_settings.half ? size / 2 : 0;
}

STINT_EXPORT ssize_t
write (int file, const void *data, size_t size)
{
    if (s_fails ("write", file, NULL) && (size = s_short (size)) == 0)
        return -1;
    return syscall (SYS_write, file, data, size);
}

STINT_EXPORT ssize_t
pwrite (int file, const void *data, size_t size, off_t offset)
{
    if (s_fails ("pwrite", file, NULL) && (size = s_short (size)) == 0)
        return -1;
    return syscall (SYS_pwrite64, file, data, size, offset);
}

STINT_EXPORT ssize_t
pwrite64 (int file, const void *data, size_t size, off64_t offset)
{
    return pwrite (file, data, size, offset);
}

STINT_EXPORT ssize_t
writev (int file, const struct iovec *parts, int count)
{
    if (s_fails ("writev", file, NULL) && (count = (int) s_short ((size_t) count)) == 0)
        return -1;
    return syscall (SYS_writev, file, parts, count);
}

//  The kernel wants the high half of the offset in an argument of its own, which it
//  ignores where the low one has all 64 bits.

STINT_EXPORT ssize_t
pwritev (int file, const struct iovec *parts, int count, off_t offset)
{
    if (s_fails ("pwritev", file, NULL) && (count = (int) s_short ((size_t) count)) == 0)
        return -1;
    return syscall (SYS_pwritev, file, parts, count, offset, (int64_t) offset >> 32);
}

STINT_EXPORT ssize_t
pwritev64 (int file, const struct iovec *parts, int count, off64_t offset)
{
    return pwritev (file, parts, count, offset);
}

STINT_EXPORT int
fdatasync (int file)
{
    return s_fails ("fdatasync", file, NULL) ? -1 : (int) syscall (SYS_fdatasync, file);
}

STINT_EXPORT int
fsync (int file)
{
    return s_fails ("fsync", file, NULL) ? -1 : (int) syscall (SYS_fsync, file);
}

STINT_EXPORT int
msync (void *address, size_t size, int flags)
{
    if (s_fails ("msync", -1, address))
        return -1;
    return (int) syscall (SYS_msync, address, size, flags);
}

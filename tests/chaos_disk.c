//  chaos_disk: what the disk was told, in a log from which images of it can be made
//  SPDX-License-Identifier: MPL-2.0
//
//  Each function takes the place of the C library's and goes to the kernel itself. One
//  mutex makes the order of the log that of the operations.

#include "chaos_disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

//  What takes the place of a function has no argument to keep its state in.
static char s_path [PATH_MAX];  //  The directory; empty when nothing is written down
static int s_log = -1;          //  Open for appending
static uint64_t s_number;       //  Of the last operation
static pthread_mutex_t s_mutex = PTHREAD_MUTEX_INITIALIZER;

static int64_t
s_now (void)
{
    struct timespec now;
    clock_gettime (CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000000000 + now.tv_nsec;
}

static void
s_fail (void)
{
    static const char text [] = "chaos_disk: the log cannot be written\n";
    syscall (SYS_write, 2, text, sizeof text - 1);
    _exit (99);
}

//  Appends a line and bytes, in one call.

static void
s_append (disk_line_t *line, const char *name, const void *data)
{
    size_t size = line->kind == DISK_DONE ? 0 : (size_t) line->size;
    struct iovec parts [] = {{line, sizeof *line}, {(void *) (uintptr_t) data, size}};
    snprintf (line->name, sizeof line->name, "%s", name);
    line->stamp = s_now ();
    long count = syscall (SYS_writev, s_log, parts, size ? 2 : 1);
    if (count != (long) (sizeof *line + size))
        s_fail ();
}

//  Begins and ends an operation; the mutex is held in between.

static uint64_t
s_begin (disk_line_t line, const char *name, const void *data)
{
    pthread_mutex_lock (&s_mutex);
    line.number = ++s_number;
    s_append (&line, name, data);
    return line.number;
}

static void
s_end (uint64_t number, const char *name, int64_t result)
{
    int before = errno;
    disk_line_t line = {.kind = DISK_DONE, .number = number, .size = result};
    s_append (&line, name, NULL);
    pthread_mutex_unlock (&s_mutex);
    errno = before;
}

//  Writes down what a file of the directory holds.

static void
s_hold (const char *name)
{
    char *path;
    struct stat known;
    if (asprintf (&path, "%s/%s", s_path, name) < 0)
        s_fail ();
    int file = (int) syscall (SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    free (path);
    if (file < 0 || fstat (file, &known) != 0 || !S_ISREG (known.st_mode))
        return;
    void *data = malloc ((size_t) known.st_size + 1);
    if (!data || pread (file, data, (size_t) known.st_size, 0) != known.st_size)
        s_fail ();
    disk_line_t line = {.kind = DISK_HOLDS, .size = known.st_size};
    s_append (&line, name, data);
    free (data);
    close (file);
}

//  Takes away the entry at the end of the log that is not whole.

static void
s_cut_torn (void)
{
    struct stat known;
    disk_line_t line;
    off_t at = 0;
    if (fstat (s_log, &known) != 0)
        s_fail ();
    while (pread (s_log, &line, sizeof line, at) == sizeof line) {
        off_t size = line.kind == DISK_DONE ? 0 : line.size;
        if (at + (off_t) sizeof line + size > known.st_size)
            break;
        at += (off_t) sizeof line + size;
    }
    if (at < known.st_size && syscall (SYS_ftruncate, s_log, at) != 0)
        s_fail ();
}

__attribute__ ((constructor)) static void
s_start (void)
{
    const char *path = getenv ("CHAOS_DISK_PATH");
    const char *log = getenv ("CHAOS_DISK_LOG");
    if (!path || !log || !realpath (path, s_path)) {
        s_path [0] = 0;
        return;
    }
    s_log = (int) syscall (SYS_openat, AT_FDCWD, log,
                           O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (s_log < 0)
        s_fail ();
    s_cut_torn ();
    disk_line_t line = {.kind = DISK_START};
    s_append (&line, "", NULL);
    DIR *listed = opendir (s_path);
    struct dirent *entry;
    while (listed && (entry = readdir (listed)) != NULL)
        if (entry->d_name [0] != '.')
            s_hold (entry->d_name);
    if (listed)
        closedir (listed);
}

//  Returns the name in the directory that a path is, "" for the directory itself, or null.

static const char *
s_name (const char *path)
{
    size_t size = strlen (s_path);
    if (size == 0 || strncmp (path, s_path, size) != 0)
        return NULL;
    if (path [size] == 0)
        return "";
    const char *name = path + size + 1;
    return path [size] == '/' && !strchr (name, '/') ? name : NULL;
}

//  Copies the path of an open file. Returns its name as above.

static const char *
s_file_name (int file, char path [PATH_MAX])
{
    char link [64];
    if (s_path [0] == 0)
        return NULL;
    snprintf (link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t size = readlink (link, path, PATH_MAX - 1);
    if (size < 0)
        return NULL;
    path [size] = 0;
    return s_name (path);
}

static bool
s_writes_through (int file)
{
    return (fcntl (file, F_GETFL) & O_DSYNC) != 0;
}

//  ---------------------------------------------------------------------------------

STINT_EXPORT ssize_t
pwrite (int file, const void *data, size_t size, off_t offset)
{
    char path [PATH_MAX];
    const char *name = s_file_name (file, path);
    if (!name)
        return syscall (SYS_pwrite64, file, data, size, offset);
    uint64_t number = s_begin ((disk_line_t){.kind = DISK_WRITE,
                                             .offset = (uint64_t) offset,
                                             .size = (int64_t) size,
                                             .synced = s_writes_through (file)},
                               name, data);
    ssize_t result = syscall (SYS_pwrite64, file, data, size, offset);
    s_end (number, name, result);
    return result;
}

STINT_EXPORT ssize_t
pwrite64 (int file, const void *data, size_t size, off64_t offset)
{
    return pwrite (file, data, size, offset);
}

//  Moves the file on as write does.

STINT_EXPORT ssize_t
write (int file, const void *data, size_t size)
{
    char path [PATH_MAX];
    if (!s_file_name (file, path))
        return syscall (SYS_write, file, data, size);
    off_t offset = lseek (file, 0, SEEK_CUR);
    ssize_t result = pwrite (file, data, size, offset);
    if (result > 0)
        lseek (file, result, SEEK_CUR);
    return result;
}

//  Several parts are as many writes: the disk may take some of them only.

STINT_EXPORT ssize_t
pwritev (int file, const struct iovec *parts, int count, off_t offset)
{
    char path [PATH_MAX];
    if (!s_file_name (file, path))
        return syscall (SYS_pwritev, file, parts, count, offset, (int64_t) offset >> 32);
    ssize_t total = 0;
    for (int part = 0; part < count; part++) {
        ssize_t result =
            pwrite (file, parts [part].iov_base, parts [part].iov_len, offset + total);
        if (result < 0)
            return total > 0 ? total : result;
        total += result;
        if ((size_t) result < parts [part].iov_len)
            break;
    }
    return total;
}

STINT_EXPORT ssize_t
pwritev64 (int file, const struct iovec *parts, int count, off64_t offset)
{
    return pwritev (file, parts, count, offset);
}

STINT_EXPORT ssize_t
writev (int file, const struct iovec *parts, int count)
{
    char path [PATH_MAX];
    if (!s_file_name (file, path))
        return syscall (SYS_writev, file, parts, count);
    off_t offset = lseek (file, 0, SEEK_CUR);
    ssize_t result = pwritev (file, parts, count, offset);
    if (result > 0)
        lseek (file, result, SEEK_CUR);
    return result;
}

static int
s_sync (int file, long call)
{
    char path [PATH_MAX];
    const char *name = s_file_name (file, path);
    if (!name)
        return (int) syscall (call, file);
    disk_kind_t kind = *name ? DISK_SYNC : DISK_NAMES;
    uint64_t number = s_begin ((disk_line_t){.kind = (uint32_t) kind}, name, NULL);
    int result = (int) syscall (call, file);
    s_end (number, name, result);
    return result;
}

STINT_EXPORT int
fdatasync (int file)
{
    return s_sync (file, SYS_fdatasync);
}

STINT_EXPORT int
fsync (int file)
{
    return s_sync (file, SYS_fsync);
}

STINT_EXPORT int
ftruncate (int file, off_t size)
{
    char path [PATH_MAX];
    const char *name = s_file_name (file, path);
    if (!name)
        return (int) syscall (SYS_ftruncate, file, size);
    uint64_t number =
        s_begin ((disk_line_t){.kind = DISK_CUT, .offset = (uint64_t) size}, name, NULL);
    int result = (int) syscall (SYS_ftruncate, file, size);
    s_end (number, name, result);
    return result;
}

STINT_EXPORT int
ftruncate64 (int file, off64_t size)
{
    return ftruncate (file, size);
}

//  A file that is opened may be made or emptied by it.

STINT_EXPORT int
open (const char *path, int flags, ...)
{
    mode_t mode = 0;
    if (flags & O_CREAT) {
        va_list arguments;
        va_start (arguments, flags);
        mode = va_arg (arguments, mode_t);
        va_end (arguments);
    }
    const char *name = s_name (path);
    bool makes = (flags & O_TRUNC) || ((flags & O_CREAT) && access (path, F_OK) != 0);
    if (!name || !makes)
        return (int) syscall (SYS_openat, AT_FDCWD, path, flags, mode);
    uint64_t number = s_begin ((disk_line_t){.kind = DISK_MAKE}, name, NULL);
    int result = (int) syscall (SYS_openat, AT_FDCWD, path, flags, mode);
    s_end (number, name, result < 0 ? -1 : 0);
    return result;
}

STINT_EXPORT int
rename (const char *from, const char *to)
{
    const char *name = s_name (from), *target = s_name (to);
    if (!name || !target)
        return (int) syscall (SYS_rename, from, to);
    uint64_t number =
        s_begin ((disk_line_t){.kind = DISK_RENAME, .size = (int64_t) strlen (target) + 1},
                 name, target);
    int result = (int) syscall (SYS_rename, from, to);
    s_end (number, name, result);
    return result;
}

STINT_EXPORT int
unlink (const char *path)
{
    const char *name = s_name (path);
    if (!name)
        return (int) syscall (SYS_unlink, path);
    uint64_t number = s_begin ((disk_line_t){.kind = DISK_REMOVE}, name, NULL);
    int result = (int) syscall (SYS_unlink, path);
    s_end (number, name, result);
    return result;
}

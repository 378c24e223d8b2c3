//  store_directory: the directory a store lives in, and who may write there
//  SPDX-License-Identifier: MPL-2.0

#include "store_directory.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

//  Makes one directory whose parent is there.

static int
s_make_last (const char *path, const char *parent)
{
    //  Another process may have been faster, which is as good
    if (mkdir (path, 0700) != 0 && errno != EEXIST)
        return errno;

    return directory_sync (parent);
}

int
directory_make (const char *path)
{
    struct stat known;
    if (stat (path, &known) == 0)
        return S_ISDIR (known.st_mode) ? 0 : ENOTDIR;
    if (errno != ENOENT)
        return errno;

    char *parent = strdup (path);
    assert (parent);
    size_t size = strlen (parent);
    while (size > 1 && parent [size - 1] == '/')
        parent [--size] = 0;
    char *slash = strrchr (parent, '/');
    int rc = 0;
    if (slash && slash != parent) {
        *slash = 0;
        rc = directory_make (parent);
    }
    if (rc == 0)
        rc = s_make_last (path, !slash ? "." : slash == parent ? "/" : parent);
    free (parent);
    return rc;
}

//  Leaves our pid in the locked file, for the message that others will see.

static int
s_sign (int file)
{
    char text [32];
    int size = snprintf (text, sizeof text, "%ld\n", (long) getpid ());
    if (ftruncate (file, 0) != 0)
        return errno;

    ssize_t count = pwrite (file, text, (size_t) size, 0);
    return count < 0 ? errno : count < size ? ENOSPC : 0;
}

int
directory_lock (const char *path, int *file, long *holder)
{
    char *name = directory_file (path, "stint.lock");
    *holder = 0;
    *file = open (name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    free (name);
    if (*file < 0)
        return errno;
    if (flock (*file, LOCK_EX | LOCK_NB) == 0)
        return s_sign (*file);

    int rc = errno;
    char text [32] = "";
    if (pread (*file, text, sizeof text - 1, 0) > 0)
        *holder = strtol (text, NULL, 10);
    return rc;
}

int
directory_sync (const char *path)
{
    int file = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0)
        return errno;

    int rc = fsync (file) == 0 ? 0 : errno;
    close (file);
    return rc;
}

//  The text is for people; only that there is such a file counts.

static int
s_write_mark (int file)
{
    static const char text [] =
        "The journal of a stint-broker is in data.mdb beside this.\n";
    ssize_t size = sizeof text - 1;
    ssize_t count = write (file, text, (size_t) size);
    if (count == size && fsync (file) == 0)
        return 0;
    return count >= 0 && count < size ? ENOSPC : errno;
}

int
directory_mark (const char *path)
{
    if (directory_is_marked (path))
        return 0;
    char *name = directory_file (path, "stint.store");
    int file = open (name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    free (name);
    if (file < 0)
        return errno;
    int rc = s_write_mark (file);
    close (file);
    return rc ? rc : directory_sync (path);
}

bool
directory_is_marked (const char *path)
{
    char *name = directory_file (path, "stint.store");
    bool marked = access (name, F_OK) == 0;
    free (name);
    return marked;
}

char *
directory_file (const char *path, const char *name)
{
    char *file = NULL;
    int size = asprintf (&file, "%s/%s", path, name);
    assert (size > 0);
    return file;
}

uint64_t
directory_free_bytes (const char *path)
{
    struct statvfs known;
    if (statvfs (path, &known) != 0)
        return 0;

    return (uint64_t) known.f_bavail * known.f_frsize;
}

const char *
directory_advice (const char *path, int error)
{
    //  What a full disk takes only in part comes to us as EIO
    bool full = error == ENOSPC || error == EDQUOT
                || (error == EIO && directory_free_bytes (path) < (uint64_t) 1 << 20);
    if (full)
        return "the disk is full; make room";
    if (error == EIO)
        return "the disk reports errors; see the kernel's log before you start again";
    if (error == EROFS)
        return "the file system is mounted read-only; name another directory";
    if (error == EACCES || error == EPERM)
        return "run the broker as the user that owns it, or name another directory";
    if (error == ENOMEM || error == EINVAL)
        return "no address space of that size; lower the size limit of the store or "
               "raise that of the process (ulimit -v)";
    return "name another directory, or see to its disk";
}

//  Writes whose a file or directory is, unless it is ours. Returns as the function below.

static bool
s_tell_owner (const char *place, char *text, size_t size)
{
    char names [1024];
    struct stat known;
    struct passwd entry, *found = NULL;
    if (stat (place, &known) != 0 || known.st_uid == geteuid ())
        return false;
    char user [32];
    snprintf (user, sizeof user, "user %lu", (unsigned long) known.st_uid);
    if (getpwuid_r (known.st_uid, &entry, names, sizeof names, &found) != 0)
        found = NULL;
    snprintf (text, size,
              "%.128s belongs to %.64s; run the broker as that user, or name another "
              "directory",
              place, found ? found->pw_name : user);
    return true;
}

bool
directory_tell_owner (const char *path, char *text, size_t size)
{
    static const char *const files [] = {"stint.lock", "data.mdb"};
    char place [PATH_MAX];
    struct stat known;
    snprintf (place, sizeof place, "%s", path);
    while (stat (place, &known) != 0 && strlen (place) > 1) {
        char *slash = strrchr (place, '/');
        if (!slash)
            snprintf (place, sizeof place, ".");
        else
            slash [slash == place ? 1 : 0] = 0;
    }
    if (s_tell_owner (place, text, size))
        return true;
    for (size_t at = 0; at < 2; at++) {
        char *file = directory_file (path, files [at]);
        bool told = s_tell_owner (file, text, size);
        free (file);
        if (told)
            return true;
    }
    return false;
}

bool
directory_is_open (const char *path)
{
    struct stat known;
    return stat (path, &known) == 0 && (known.st_mode & S_IWOTH);
}

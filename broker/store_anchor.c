//  store_anchor: the way back to the last state of a file that surely is on the disk
//  SPDX-License-Identifier: MPL-2.0
//
//  The file holds s_anchor_t, then the copy of the head. It is written beside its name
//  and renamed, so it is whole or not there.

#include "store_anchor.h"
#include "store_directory.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define S_MAGIC "anchor1"  //  Eight bytes with the final null
#define S_BOOT "/proc/sys/kernel/random/boot_id"
#define S_HEAD_MAX ((size_t) 1 << 20)  //  More is damage

typedef struct {
    char magic [8];      //  S_MAGIC
    char boot [48];      //  Names one life of the kernel; empty when not known
    uint64_t head_size;  //  Bytes that follow
} s_anchor_t;

//  Without a name for this life of the kernel the text stays empty.

static void
s_name_boot (char boot [48])
{
    memset (boot, 0, 48);
    int file = open (S_BOOT, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return;

    if (read (file, boot, 47) < 0)
        boot [0] = 0;
    close (file);
}

//  Closes the descriptor and returns 0, or errno of what came before when not good.

static int
s_close (int file, bool good)
{
    int rc = good ? 0 : errno;
    close (file);
    return rc;
}

//  A short count of a regular file is a full disk, or a file cut short.

static bool
s_whole (ssize_t count, size_t size)
{
    if (count >= 0 && (size_t) count < size)
        errno = EIO;
    return count >= 0 && (size_t) count == size;
}

int
anchor_write (const char *directory, int file, size_t head_size)
{
    char *path = directory_file (directory, "stint.anchor");
    char *fresh = directory_file (directory, "stint.anchor.new");

    assert (head_size <= S_HEAD_MAX);
    size_t size = sizeof (s_anchor_t) + head_size;
    s_anchor_t *anchor = calloc (1, size);
    assert (anchor);
    memcpy (anchor->magic, S_MAGIC, sizeof anchor->magic);
    s_name_boot (anchor->boot);
    anchor->head_size = head_size;

    int copy = open (fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int rc = copy < 0 ? errno : 0;
    if (rc == 0)
        rc = s_close (copy, s_whole (pread (file, anchor + 1, head_size, 0), head_size)
                                && s_whole (write (copy, anchor, size), size)
                                && fdatasync (copy) == 0 && rename (fresh, path) == 0);
    free (anchor);
    free (fresh);
    free (path);
    return rc ? rc : directory_sync (directory);
}

void
anchor_distrust (const char *directory)
{
    char *path = directory_file (directory, "stint.anchor");
    int copy = open (path, O_WRONLY | O_CLOEXEC);
    free (path);
    if (copy < 0)
        return;

    //  Read back from the kernel's memory, so the disk that fails is not needed for this.
    //  If it cannot be written nevertheless, the error that led here stays the message.
    ssize_t count = pwrite (copy, "", 1, offsetof (s_anchor_t, boot));
    (void) count;
    close (copy);
}

int
anchor_remove (const char *directory)
{
    char *path = directory_file (directory, "stint.anchor");
    int rc = unlink (path) == 0 ? 0 : errno;
    free (path);
    if (rc)
        return rc == ENOENT ? 0 : rc;

    return directory_sync (directory);
}

//  Reads the anchor. Returns 0, ENOENT when there is none, or errno.

static int
s_read (const char *directory, s_anchor_t *anchor, uint8_t **head)
{
    char *path = directory_file (directory, "stint.anchor");
    int copy = open (path, O_RDONLY | O_CLOEXEC);
    free (path);
    if (copy < 0)
        return errno;

    bool good = s_whole (read (copy, anchor, sizeof *anchor), sizeof *anchor);
    if (good
        && (memcmp (anchor->magic, S_MAGIC, 8) != 0 || anchor->head_size > S_HEAD_MAX)) {
        errno = EIO;
        good = false;
    }
    if (good) {
        *head = calloc (1, anchor->head_size + 1);
        assert (*head);
        good = s_whole (read (copy, *head, anchor->head_size), anchor->head_size);
    }
    return s_close (copy, good);
}

//  Brings the file to the last moment that is known to be good, and onto the disk.

static int
s_put_back (const char *path, const s_anchor_t *anchor, const uint8_t *head)
{
    char boot [48];
    s_name_boot (boot);
    bool same = boot [0] && memcmp (boot, anchor->boot, sizeof boot) == 0;
    if (!same && anchor->head_size == 0)
        return -1;

    int file = open (path, O_WRONLY | O_CLOEXEC);
    if (file < 0)
        return errno;

    size_t size = same ? 0 : anchor->head_size;
    bool good = size == 0 || s_whole (pwrite (file, head, size, 0), size);
    return s_close (file, good && fdatasync (file) == 0);
}

int
anchor_recover (const char *directory, const char *name)
{
    s_anchor_t anchor = {.head_size = 0};
    uint8_t *head = NULL;
    int rc = s_read (directory, &anchor, &head);
    if (rc == ENOENT)
        return 0;

    if (rc == 0) {
        char *path = directory_file (directory, name);
        rc = s_put_back (path, &anchor, head);
        free (path);
    }
    free (head);
    return rc ? rc : anchor_remove (directory);
}

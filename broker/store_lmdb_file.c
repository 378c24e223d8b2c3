//  store_lmdb_file: the file of an LMDB store, and all that is written to it
//  SPDX-License-Identifier: MPL-2.0
//
//  Trimming is logical first: the mark is part of the next commit, and replay starts
//  behind it. The blocks before it are deleted a bounded number at a time, so that
//  forgetting ten thousand blocks never makes one commit long.

#include "store_lmdb_file.h"
#include "store_anchor.h"
#include "store_directory.h"
#include "store_lmdb_check.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define S_FORMAT 1           //  Of what this file writes
#define S_MAGIC "stint\0\0"  //  Eight bytes with the final null
#define S_TRIM_LEAST                                                                       \
    32                                   //  Blocks deleted in one commit; twice as many
                                         //  as the commit adds when that is more
#define S_SIZE_LEAST ((size_t) 1 << 20)  //  A smaller size_max counts as this

//  ---------------------------------------------------------------------------
//  What people are told

//  Returns what to do about an error of LMDB or of the system; it may stand in text.

static const char *
s_advice (const char *directory, int rc, char *text, size_t size)
{
    if (rc == MDB_MAP_FULL)
        return "the store has reached its size limit; raise the limit";
    if (rc == MDB_INVALID || rc == MDB_VERSION_MISMATCH)
        return "its data.mdb is not ours, or its head is damaged; restore it from a copy, "
               "or name another directory";
    if (rc == MDB_CORRUPTED || rc == MDB_PAGE_NOTFOUND || rc == MDB_PANIC)
        return "the file is damaged; restore it from a copy";
    if ((rc == EACCES || rc == EPERM) && directory_tell_owner (directory, text, size))
        return text;
    return directory_advice (directory, rc);
}

void
lmdb_file_tell (lmdb_file_t *self, const char *operation, int rc)
{
    char text [256];
    const char *directory = self->options.directory;
    snprintf (self->failure, sizeof self->failure, "cannot %s store %s: %s (%s)", operation,
              directory, mdb_strerror (rc), s_advice (directory, rc, text, sizeof text));
}

//  ---------------------------------------------------------------------------
//  Values in the file. Each function returns 0 or an error of LMDB.

MDB_val
lmdb_file_key (uint64_t *number)
{
    return (MDB_val){sizeof *number, number};
}

static int
s_put_meta (lmdb_file_t *self, MDB_txn *txn)
{
    uint64_t zero = 0;
    MDB_val key = lmdb_file_key (&zero);
    MDB_val value = {sizeof self->meta, &self->meta};
    return mdb_put (txn, self->dbi, &key, &value, 0);
}

uint64_t
lmdb_file_number (const MDB_val *key)
{
    uint64_t number = 0;
    if (key->mv_size == sizeof number)
        memcpy (&number, key->mv_data, sizeof number);
    return number;
}

//  Puts the blocks of a commit behind those in the file.

static int
s_put_blocks (lmdb_file_t *self, MDB_txn *txn, const writer_commit_t *commit)
{
    for (size_t index = 0; index < commit->count; index++) {
        stint_bytes_t block = commit->blocks [index];
        uint64_t number = commit->number + index;
        MDB_val key = lmdb_file_key (&number);
        MDB_val value = {block.size, NULL};
        int rc = mdb_put (txn, self->dbi, &key, &value, MDB_APPEND | MDB_RESERVE);
        if (rc)
            return rc;
        memcpy (value.mv_data, block.data, block.size);
    }
    return 0;
}

//  Deletes some of the blocks that are forgotten. Each costs a look at its first page,
//  which may be on the disk only, hence the limit.

static int
s_delete_trimmed (lmdb_file_t *self, MDB_txn *txn, writer_commit_t *commit)
{
    size_t limit = 2 * commit->count > S_TRIM_LEAST ? 2 * commit->count : S_TRIM_LEAST;
    while (commit->deleted < commit->trim_to && limit-- > 0) {
        uint64_t number = commit->deleted + 1;
        MDB_val key = lmdb_file_key (&number);
        int rc = mdb_del (txn, self->dbi, &key, NULL);
        if (rc)
            return rc;
        commit->deleted = number;
    }
    return 0;
}

static int
s_fill (lmdb_file_t *self, MDB_txn *txn, writer_commit_t *commit)
{
    int rc = s_put_blocks (self, txn, commit);
    if (rc == 0 && (commit->count == 0 || commit->trim_to != self->meta.trimmed)) {
        self->meta.trimmed = commit->trim_to;
        rc = s_put_meta (self, txn);
    }
    return rc ? rc : s_delete_trimmed (self, txn, commit);
}

//  ---------------------------------------------------------------------------
//  Opening and closing

//  A file cut short would be SIGBUS when its map is read. With zeros where the rest was,
//  it is an error that LMDB or the checks of the journal find.

static int
s_fill_up (lmdb_file_t *self)
{
    MDB_envinfo known;
    MDB_stat table;
    struct stat file;
    int fd;
    int rc = mdb_env_info (self->env, &known);
    if (rc == 0)
        rc = mdb_env_stat (self->env, &table);
    if (rc == 0)
        rc = mdb_env_get_fd (self->env, &fd);
    if (rc == 0 && fstat (fd, &file) != 0)
        rc = errno;
    if (rc)
        return rc;

    self->page_size = table.ms_psize;
    off_t size = (off_t) ((known.me_last_pgno + 1) * self->page_size);
    return file.st_size < size && ftruncate (fd, size) != 0 ? errno : 0;
}

static int
s_refuse_lost (lmdb_file_t *self, const char *how)
{
    const char *directory = self->options.directory;
    snprintf (self->failure, sizeof self->failure,
              "cannot open store %s: its journal data.mdb is %s (restore a copy of it, or "
              "delete %s/stint.store to begin without)",
              directory, how, directory);
    return -1;
}

//  A file that is no longer than its two heads has never held a commit: the disk was full,
//  or the machine went down, when it was made. LMDB takes no half of a head, so such a file
//  is made anew; any other is left alone. In a directory that did have a journal it is what
//  is left of that. Returns 0, errno, or -1 with a line in failure.

static int
s_forget_unborn (lmdb_file_t *self)
{
    const char *directory = self->options.directory;
    size_t page_size = (size_t) sysconf (_SC_PAGESIZE);
    char *path = directory_file (directory, "data.mdb");
    int file = open (path, O_RDWR | O_CLOEXEC);
    free (path);
    if (file < 0 && errno != ENOENT)
        return errno;

    uint8_t *heads = calloc (3, page_size);
    assert (heads);
    ssize_t count = file < 0 ? 0 : pread (file, heads, 2 * page_size + 1, 0);
    size_t size = count > 0 ? (size_t) count : 0;
    size_t first = size < page_size ? size : page_size;
    bool unborn = size <= 2 * page_size && lmdb_check_unborn (heads, first)
                  && lmdb_check_unborn (heads + page_size, size - first);
    int rc = count < 0 ? errno : 0;
    if (rc == 0 && unborn && directory_is_marked (directory))
        rc = s_refuse_lost (self, file < 0 ? "missing" : "empty");
    else if (rc == 0 && unborn && size > 0 && ftruncate (file, 0) != 0)
        rc = errno;
    free (heads);
    if (file >= 0)
        close (file);
    return rc;
}

//  Opens the file, and makes sure that what the kernel holds of it is on the disk: a
//  broker before us may have ended between a write and its sync.

static int
s_open_file (lmdb_file_t *self)
{
    const char *directory = self->options.directory;
    int rc = anchor_recover (directory, "data.mdb");
    if (rc == -1)
        snprintf (self->failure, sizeof self->failure,
                  "cannot open store %s: the machine went down while it was used without "
                  "syncs, so it may be damaged anywhere (delete it, or restore a copy)",
                  directory);
    if (rc == 0)
        rc = s_forget_unborn (self);
    char fault [128];
    if (rc == 0 && (rc = lmdb_check (directory, fault, sizeof fault)) == -1)
        snprintf (self->failure, sizeof self->failure,
                  "cannot open store %s: %s (the file is damaged; restore it from a copy)",
                  directory, fault);
    if (rc == 0)
        rc = mdb_env_create (&self->env);
    if (rc)
        return rc;

    rc = mdb_env_set_mapsize (self->env, (size_t) self->options.size_max);
    if (rc == 0)
        rc = mdb_env_open (self->env, directory, MDB_NOTLS, 0600);
    if (rc == 0)
        rc = s_fill_up (self);
    return rc ? rc : mdb_env_sync (self->env, 1);
}

//  Finds the table, and in it what the store says about itself. Returns 0, an error of
//  LMDB, or -1 with a line in failure.

static int
s_load_meta (lmdb_file_t *self, MDB_txn *txn)
{
    MDB_stat table;
    unsigned flags;
    int rc = mdb_dbi_open (txn, NULL, 0, &self->dbi);
    if (rc == 0)
        rc = mdb_stat (txn, self->dbi, &table);
    if (rc == 0 && table.ms_entries == 0) {
        memcpy (self->meta.magic, S_MAGIC, sizeof self->meta.magic);
        self->meta.format = S_FORMAT;
        return mdb_dbi_open (txn, NULL, MDB_INTEGERKEY | MDB_CREATE, &self->dbi);
    }
    if (rc == 0)
        rc = mdb_dbi_flags (txn, self->dbi, &flags);
    if (rc)
        return rc;

    uint64_t zero = 0;
    MDB_val key = lmdb_file_key (&zero), value;
    if (flags != MDB_INTEGERKEY || mdb_get (txn, self->dbi, &key, &value) != 0
        || value.mv_size < sizeof self->meta || memcmp (value.mv_data, S_MAGIC, 8) != 0)
        return MDB_INVALID;

    memcpy (&self->meta, value.mv_data, sizeof self->meta);
    if (self->meta.format <= S_FORMAT)
        return 0;

    snprintf (self->failure, sizeof self->failure,
              "cannot open store %s: it has format %" PRIu32
              ", and this version knows up to %d (run a newer version)",
              self->options.directory, self->meta.format, S_FORMAT);
    return -1;
}

//  Finds the last block in the file, and the one before the first. A page that went astray
//  may hide blocks at an end, but not from the count that the head keeps.

static int
s_find_ends (lmdb_file_t *self, MDB_txn *txn)
{
    MDB_cursor *cursor;
    int rc = mdb_cursor_open (txn, self->dbi, &cursor);
    if (rc)
        return rc;

    self->deleted = self->last = self->meta.trimmed;
    uint64_t one = 1;
    MDB_val key = lmdb_file_key (&one), value;
    rc = mdb_cursor_get (cursor, &key, &value, MDB_SET_RANGE);
    if (rc == 0) {
        self->deleted = lmdb_file_number (&key) - 1;
        rc = mdb_cursor_get (cursor, &key, &value, MDB_LAST);
        self->last = lmdb_file_number (&key);
    }
    mdb_cursor_close (cursor);
    if (rc != 0 && rc != MDB_NOTFOUND)
        return rc;

    MDB_stat table;
    rc = mdb_stat (txn, self->dbi, &table);
    if (rc == 0 && table.ms_entries != self->last - self->deleted + 1)
        rc = MDB_CORRUPTED;
    return rc;
}

//  Begins a new life of the store's writer, durably. Returns as s_load_meta does.

static int
s_raise_epoch (lmdb_file_t *self)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin (self->env, NULL, 0, &txn);
    if (rc)
        return rc;

    rc = s_load_meta (self, txn);
    if (rc == 0) {
        self->meta.epoch++;
        rc = s_put_meta (self, txn);
    }
    if (rc == 0)
        rc = s_find_ends (self, txn);
    if (rc) {
        mdb_txn_abort (txn);
        return rc;
    }
    return mdb_txn_commit (txn);
}

static void
s_set_up (lmdb_file_t *self, const store_options_t *options)
{
    memset (self, 0, sizeof *self);
    self->options = *options;
    self->options.directory = strdup (options->directory);
    assert (self->options.directory);

    uint64_t page_size = (uint64_t) sysconf (_SC_PAGESIZE);
    uint64_t size = options->size_max < SIZE_MAX ? options->size_max : SIZE_MAX;
    size = size < S_SIZE_LEAST ? S_SIZE_LEAST : size;
    self->options.size_max = size - size % page_size;
    self->lock_file = -1;
}

//  Says in failure why the store cannot be opened, unless that is done.

static void
s_refuse (lmdb_file_t *self, int rc, long holder)
{
    char by [64] = "another process";
    if (holder > 0)
        snprintf (by, sizeof by, "process %ld", holder);

    if (rc == EWOULDBLOCK)
        snprintf (self->failure, sizeof self->failure,
                  "store %s is in use by %s (stop it, or name another directory)",
                  self->options.directory, by);
    else if (self->failure [0] == 0)
        lmdb_file_tell (self, "open", rc);
}

bool
lmdb_file_open (lmdb_file_t *self, const store_options_t *options)
{
    s_set_up (self, options);
    long holder = 0;
    int rc = directory_make (options->directory);
    if (rc == 0)
        rc = directory_lock (options->directory, &self->lock_file, &holder);
    if (rc == 0)
        rc = s_open_file (self);
    if (rc == 0)
        rc = s_raise_epoch (self);
    if (rc == 0)
        rc = directory_sync (options->directory);
    if (rc == 0)
        rc = directory_mark (options->directory);
    if (rc)
        s_refuse (self, rc, holder);
    errno = rc > 0 ? rc : 0;
    return rc == 0;
}

void
lmdb_file_close (lmdb_file_t *self)
{
    const char *directory = self->options.directory;
    if (self->anchored && self->failure [0] == 0) {
        if (mdb_env_sync (self->env, 1) == 0)
            anchor_remove (directory);
        else
            anchor_distrust (directory);
    }
    mdb_txn_abort (self->pin);
    if (self->env)
        mdb_env_close (self->env);
    if (self->lock_file >= 0)
        close (self->lock_file);
    free ((char *) (uintptr_t) directory);
}

//  ---------------------------------------------------------------------------
//  Writing

//  Makes the anchor lead to this moment, at which all of the file is on the disk. The
//  pages of this moment are not used again as long as a transaction reads it.

static int
s_anchor (lmdb_file_t *self)
{
    bool pinned = self->options.sync == STORE_SYNC_INTERVAL;
    int file;
    int rc = mdb_env_get_fd (self->env, &file);
    if (rc == 0)
        rc = anchor_write (self->options.directory, file, pinned ? 2 * self->page_size : 0);
    if (rc || !pinned)
        return rc;

    mdb_txn_abort (self->pin);
    self->pin = NULL;
    return mdb_txn_begin (self->env, NULL, MDB_RDONLY, &self->pin);
}

//  Every life of a store begins in LMDB's safest mode; the first commit leaves it when
//  less is asked for.

static int
s_leave_safest_mode (lmdb_file_t *self)
{
    if (self->anchored || self->options.sync == STORE_SYNC_ALWAYS)
        return 0;

    self->anchored = true;
    int rc = s_anchor (self);
    return rc ? rc : mdb_env_set_flags (self->env, MDB_NOSYNC, 1);
}

//  Tries one transaction. Returns 0 or an error of LMDB; then nothing has changed.

static int
s_try_commit (lmdb_file_t *self, writer_commit_t *commit)
{
    MDB_txn *txn;
    writer_commit_t tried = *commit;
    lmdb_meta_t meta = self->meta;
    int rc = mdb_txn_begin (self->env, NULL, 0, &txn);
    if (rc)
        return rc;

    rc = s_fill (self, txn, &tried);
    if (rc)
        mdb_txn_abort (txn);
    else
        rc = mdb_txn_commit (txn);

    if (rc)
        self->meta = meta;
    else
        commit->deleted = tried.deleted;
    return rc;
}

bool
lmdb_file_sync (void *file)
{
    lmdb_file_t *self = file;
    int rc = mdb_env_sync (self->env, 1);
    if (rc)
        anchor_distrust (self->options.directory);
    else
        rc = s_anchor (self);
    if (rc)
        lmdb_file_tell (self, "sync", rc);
    return rc == 0;
}

//  Deletes all that is forgotten, without the blocks of the commit. Pages that a
//  transaction has freed are used again by the one after the next, so the last one of these
//  deletes nothing; and the way back of an interval between syncs must not hold them.
//  Returns 0, an error of LMDB, or -1 with a line in failure.

static int
s_reclaim (lmdb_file_t *self, writer_commit_t *commit)
{
    writer_commit_t room = {.trim_to = commit->trim_to, .deleted = commit->deleted};
    uint64_t before;
    int rc;
    do {
        if (self->pin && !lmdb_file_sync (self))
            return -1;
        before = room.deleted;
        rc = s_try_commit (self, &room);
    } while (rc == 0 && room.deleted > before);
    commit->deleted = room.deleted;
    return rc == 0 && self->pin && !lmdb_file_sync (self) ? -1 : rc;
}

bool
lmdb_file_commit (void *file, writer_commit_t *commit)
{
    lmdb_file_t *self = file;
    int rc = s_leave_safest_mode (self);
    if (rc == 0)
        rc = s_try_commit (self, commit);

    //  Perhaps only because pages that are free may not be used yet. Nothing was written,
    //  so this is not what a failed write is
    if (rc == MDB_MAP_FULL && (rc = s_reclaim (self, commit)) == 0)
        rc = s_try_commit (self, commit);
    if (rc && rc != -1)
        lmdb_file_tell (self, "commit to", rc);
    return rc == 0;
}

bool
lmdb_file_cut (lmdb_file_t *self, uint64_t number)
{
    assert (number >= self->meta.trimmed && number <= self->last);
    MDB_txn *txn;
    int rc = mdb_txn_begin (self->env, NULL, 0, &txn);
    for (uint64_t last = self->last; rc == 0 && last > number; last--) {
        MDB_val key = lmdb_file_key (&last);
        rc = mdb_del (txn, self->dbi, &key, NULL);
        if (rc)
            mdb_txn_abort (txn);
    }
    if (rc == 0)
        rc = mdb_txn_commit (txn);
    if (rc)
        lmdb_file_tell (self, "cut", rc);
    self->last = rc ? self->last : number;
    return rc == 0;
}

//  store_lmdb: the default engine, where each block is one value in an LMDB file
//  SPDX-License-Identifier: MPL-2.0
//
//  The broker's thread, whose calls these are, only reads the file. What it appends and
//  trims goes to a writer with a thread of its own, whose commits are in
//  store_lmdb_file.c.

#include "store_directory.h"
#include "store_lmdb_file.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define S_AHEAD ((size_t) 16 << 20)  //  Bytes that replay asks the disk for early

struct store {
    lmdb_file_t file;  //  Belongs to the writer's thread once that has work
    writer_t *writer;  //  Commits to the file
    uint64_t epoch;    //  Of this opening
    uint64_t trimmed;  //  Last block that is not needed any more
    bool begun;        //  The first append or trim of this life has been
    bool stopped;      //  The file could not be read or cut
    MDB_txn *reader;   //  Reset between calls, so that it pins no page
    uint8_t *slice;    //  Holds a block of at most a page, for read
};

//  ---------------------------------------------------------------------------
//  Opening and closing

static void
s_lmdb_close (store_t **self_p)
{
    store_t *self = *self_p;
    if (!self)
        return;

    writer_destroy (&self->writer);
    mdb_txn_abort (self->reader);
    lmdb_file_close (&self->file);
    free (self->slice);
    free (self);
    *self_p = NULL;
}

//  Starts what works on an open file.

static bool
s_start (store_t *self)
{
    lmdb_file_t *file = &self->file;
    int rc = mdb_txn_begin (file->env, NULL, MDB_RDONLY, &self->reader);
    if (rc) {
        lmdb_file_tell (file, "read", rc);
        return false;
    }
    mdb_txn_reset (self->reader);
    self->slice = malloc (file->page_size);
    assert (self->slice);
    self->epoch = file->meta.epoch;
    self->trimmed = file->meta.trimmed;

    writer_options_t options = {.engine = file,
                                .commit = lmdb_file_commit,
                                .sync = lmdb_file_sync,
                                .durable = file->last,
                                .trimmed = file->meta.trimmed,
                                .deleted = file->deleted};
    if (file->options.sync == STORE_SYNC_INTERVAL)
        options.interval_ms = file->options.sync_interval_ms;
    self->writer = writer_new (&options);
    return true;
}

static store_t *
s_lmdb_open (const store_options_t *options, char *error, size_t error_size)
{
    assert (options->sync != STORE_SYNC_INTERVAL || options->sync_interval_ms > 0);
    store_t *self = calloc (1, sizeof *self);
    assert (self);
    if (lmdb_file_open (&self->file, options) && s_start (self))
        return self;

    int why = errno;
    snprintf (error, error_size, "%s", self->file.failure);
    s_lmdb_close (&self);
    errno = why;
    return NULL;
}

static uint64_t
s_lmdb_epoch (const store_t *self)
{
    return self->epoch;
}

//  ---------------------------------------------------------------------------
//  Reading. A block of more than a page lies in pages of its own, which LMDB leaves where
//  they are until the block is deleted; a smaller one may share its page, which is copied
//  at each change near it. So large blocks are read in place without a transaction that
//  would keep other pages from being used again, and small ones are copied.

//  Brings bytes of the map into memory. Returns 0, or EIO for what would be SIGBUS.

static int
s_touch (const void *data, size_t size, size_t page_size, int advice)
{
    uintptr_t start = (uintptr_t) data & ~(uintptr_t) (page_size - 1);
    size_t length = (uintptr_t) data + size - start;
    if (madvise ((void *) start, length, advice) == 0)
        return 0;

    //  Kernels before 5.14 do not know MADV_POPULATE_READ
    return errno == EINVAL ? 0 : EIO;
}

typedef struct {
    MDB_cursor *cursor;  //  At the block that is handed out
    MDB_cursor *scout;   //  Runs before it, and asks the disk for what comes
    uint64_t scouted;    //  The block the scout is at
    size_t ahead;        //  Bytes between the two
    uintptr_t page;      //  Of the block before, which small ones share
} s_replay_t;

//  Moves a cursor to a block. Returns 0 or an error of LMDB.

static int
s_step (const store_t *self, MDB_cursor *cursor, uint64_t number, MDB_val *value)
{
    uint64_t sought = number;
    MDB_val key = lmdb_file_key (&sought);
    bool first = number == self->trimmed + 1;
    int rc = mdb_cursor_get (cursor, &key, value, first ? MDB_SET_KEY : MDB_NEXT);
    if (rc == MDB_NOTFOUND || (rc == 0 && lmdb_file_number (&key) != number))
        return MDB_CORRUPTED;
    return rc;
}

static int
s_scout (const store_t *self, s_replay_t *replay)
{
    size_t page_size = self->file.page_size;
    while (replay->ahead < S_AHEAD && replay->scouted < self->file.last) {
        MDB_val value;
        int rc = s_step (self, replay->scout, ++replay->scouted, &value);
        if (rc)
            return rc;
        replay->ahead += value.mv_size;
        if (value.mv_size > page_size)
            s_touch (value.mv_data, value.mv_size, page_size, MADV_WILLNEED);
    }
    return 0;
}

static int
s_replay_blocks (const store_t *self, s_replay_t *replay, store_replay_fn *callback,
                 void *argument)
{
    size_t page_size = self->file.page_size;
    for (uint64_t number = self->trimmed + 1; number <= self->file.last; number++) {
        MDB_val value = {0, NULL};
        int rc = s_scout (self, replay);
        if (rc == 0)
            rc = s_step (self, replay->cursor, number, &value);
        uintptr_t page = (uintptr_t) value.mv_data / page_size;
        if (rc == 0 && (page != replay->page || value.mv_size > page_size))
            rc = s_touch (value.mv_data, value.mv_size, page_size, MADV_POPULATE_READ);
        if (rc)
            return rc;
        replay->page = page;
        replay->ahead -= value.mv_size;
        if (!callback (number, (stint_bytes_t){value.mv_data, value.mv_size}, argument))
            return 0;
    }
    return 0;
}

static int
s_lmdb_replay (store_t *self, store_replay_fn *callback, void *argument, char *error,
               size_t error_size)
{
    assert (!self->begun);
    s_replay_t replay = {.scouted = self->trimmed};
    int rc = mdb_txn_renew (self->reader);
    if (rc == 0)
        rc = mdb_cursor_open (self->reader, self->file.dbi, &replay.cursor);
    if (rc == 0)
        rc = mdb_cursor_open (self->reader, self->file.dbi, &replay.scout);
    if (rc == 0)
        rc = s_replay_blocks (self, &replay, callback, argument);
    if (rc) {
        lmdb_file_tell (&self->file, "read", rc);
        snprintf (error, error_size, "%s", self->file.failure);
        self->stopped = true;
    }

    if (replay.cursor)
        mdb_cursor_close (replay.cursor);
    if (replay.scout)
        mdb_cursor_close (replay.scout);
    mdb_txn_reset (self->reader);
    return rc ? -1 : 0;
}

static stint_bytes_t
s_lmdb_read (store_t *self, uint64_t number, size_t offset, size_t size)
{
    size_t page_size = self->file.page_size;
    stint_bytes_t none = {NULL, 0};
    if (number <= self->trimmed || mdb_txn_renew (self->reader) != 0)
        return none;

    MDB_val key = lmdb_file_key (&number), value = {0, NULL};
    int rc = mdb_get (self->reader, self->file.dbi, &key, &value);
    const uint8_t *data = value.mv_data;
    if (rc == 0 && (offset > value.mv_size || size > value.mv_size - offset))
        rc = MDB_NOTFOUND;
    if (rc == 0) {
        //  In one request to the disk; page by page would be four times slower
        s_touch (data + offset, size, page_size, MADV_WILLNEED);
        rc = s_touch (data + offset, size, page_size, MADV_POPULATE_READ);
    }
    if (rc == 0 && value.mv_size <= page_size) {
        memcpy (self->slice, data, value.mv_size);
        data = self->slice;
    }
    mdb_txn_reset (self->reader);
    return rc ? none : (stint_bytes_t){data + offset, size};
}

//  ---------------------------------------------------------------------------
//  Writing, as the broker's thread sees it

static void
s_lmdb_cut (store_t *self, uint64_t number)
{
    assert (!self->begun);
    if (lmdb_file_cut (&self->file, number))
        writer_cut (self->writer, number);
    else
        self->stopped = true;
}

static void
s_lmdb_append (store_t *self, uint64_t number, stint_bytes_t block)
{
    assert (block.size > 0 && block.size <= STORE_BLOCK_MAX);
    self->begun = true;
    if (!self->stopped)
        writer_append (self->writer, number, block);
}

static uint64_t
s_lmdb_durable (const store_t *self)
{
    return writer_durable (self->writer);
}

static bool
s_lmdb_busy (const store_t *self)
{
    return writer_busy (self->writer);
}

static const char *
s_lmdb_failed (const store_t *self)
{
    return self->stopped || writer_failed (self->writer) ? self->file.failure : NULL;
}

static int
s_lmdb_notify_fd (const store_t *self)
{
    return writer_notify_fd (self->writer);
}

static void
s_lmdb_acknowledge (store_t *self)
{
    writer_acknowledge (self->writer);
}

static void
s_lmdb_trim (store_t *self, uint64_t number)
{
    if (number <= self->trimmed || self->stopped)
        return;

    self->begun = true;
    self->trimmed = number;
    writer_trim (self->writer, number);
}

static uint64_t
s_lmdb_size (const store_t *self, uint64_t *free_bytes)
{
    struct stat known;
    int file;
    *free_bytes = directory_free_bytes (self->file.options.directory);
    bool found = mdb_env_get_fd (self->file.env, &file) == 0 && fstat (file, &known) == 0;
    return found ? (uint64_t) known.st_size : 0;
}

const store_engine_t store_lmdb = {
    .name = "lmdb",
    .open = s_lmdb_open,
    .epoch = s_lmdb_epoch,
    .replay = s_lmdb_replay,
    .cut = s_lmdb_cut,
    .append = s_lmdb_append,
    .durable = s_lmdb_durable,
    .busy = s_lmdb_busy,
    .failed = s_lmdb_failed,
    .notify_fd = s_lmdb_notify_fd,
    .acknowledge = s_lmdb_acknowledge,
    .read = s_lmdb_read,
    .trim = s_lmdb_trim,
    .size = s_lmdb_size,
    .close = s_lmdb_close,
    .keeps = false,
    .whole = true,
};

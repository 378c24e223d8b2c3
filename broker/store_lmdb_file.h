//  store_lmdb_file: the file of an LMDB store, and all that is written to it
//  SPDX-License-Identifier: MPL-2.0
//
//  A store is a directory:
//    data.mdb      number of a block -> its bytes, and 0 -> lmdb_meta_t
//    lock.mdb      LMDB's table of readers
//    stint.lock    held with flock by the broker that has the store open; its pid
//    stint.anchor  only while not every commit is synced; see store_anchor.h
//
//  LMDB's write transactions belong to the thread that began them: all calls come from
//  one thread until the first commit, and those of commit and sync from one thread after.
//
//  After a failed write nothing is known about the pages in memory, so nothing is tried
//  again, and what the file holds is the last commit. LMDB is not asked to write through
//  its map, which would turn a full disk into SIGBUS, nor to leave out the sync of its
//  meta page, which would let a crash undo the last commit.

#ifndef BROKER_STORE_LMDB_FILE_H
#define BROKER_STORE_LMDB_FILE_H

#include "store.h"
#include "store_writer.h"

#include <lmdb.h>

//  What is known about the store itself, under the number 0.

typedef struct {
    char magic [8];    //  "stint" and nulls
    uint32_t format;   //  Of the blocks and of this
    uint32_t unused;   //  Zero
    uint64_t epoch;    //  Of the last opening
    uint64_t trimmed;  //  Blocks up to here are forgotten, deleted or not
} lmdb_meta_t;

typedef struct {
    store_options_t options;  //  As they were given, with a directory of our own
    size_t page_size;         //  Of LMDB
    int lock_file;            //  Of stint.lock; -1 while it is not open
    MDB_env *env;             //  The file
    MDB_dbi dbi;              //  The only table in it
    lmdb_meta_t meta;         //  As the file has it
    uint64_t last;            //  Last block when the file was opened, or cut
    uint64_t deleted;         //  When it was opened, blocks up to here were not in it
    bool anchored;            //  Commits are not synced any more; an anchor is there
    MDB_txn *pin;             //  Keeps the pages that the anchor leads back to
    char failure [512];       //  One line, written by the first call that fails
    int reason;               //  The system's, when it cannot be opened, or zero
} lmdb_file_t;

//  Opens the file, takes the writer's place and raises the epoch, durably. Returns false
//  with a line in failure when that is not possible. To be closed in both cases.
bool lmdb_file_open (lmdb_file_t *self, const store_options_t *options);

//  Brings what was written onto the disk, if no write failed, and frees all.
void lmdb_file_close (lmdb_file_t *self);

//  Deletes every block above number, durably, before the first commit. Returns false
//  with a line in failure when that is not possible.
bool lmdb_file_cut (lmdb_file_t *self, uint64_t number);

//  The callbacks of a writer whose engine is the file. After false, a line is in failure.
bool lmdb_file_commit (void *file, writer_commit_t *commit);
bool lmdb_file_sync (void *file);

//  Writes into failure what could not be done, where, why, and what to do.
void lmdb_file_tell (lmdb_file_t *self, const char *operation, int error);

//  Returns the key of a block. Borrows the number for as long as the key is used.
MDB_val lmdb_file_key (uint64_t *number);

//  Returns the number in a key, zero when it is none.
uint64_t lmdb_file_number (const MDB_val *key);

#endif

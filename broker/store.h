//  store: what an engine must do to make the blocks of the journal durable
//  SPDX-License-Identifier: MPL-2.0
//
//  An engine keeps numbered blobs and knows nothing of what is in them. Blocks are
//  numbered from one, appended in order without gaps, and given back in that order.
//  All calls come from one thread, the broker's.

#ifndef BROKER_STORE_H
#define BROKER_STORE_H

#include "stint.h"

typedef struct store store_t;

#define STORE_BLOCK_MAX (128u << 20)  //  Most bytes in a block; the least is one

//  When an appended block counts as durable. A broker that is killed loses nothing in any
//  of them. A machine that stops takes back no more than an interval with the second, and
//  with the third the store may be damaged anywhere, so it is not opened again.

typedef enum {
    STORE_SYNC_ALWAYS,    //  When the disk has confirmed it
    STORE_SYNC_INTERVAL,  //  When it is written; the disk is synced every interval
    STORE_SYNC_NONE       //  When it is written; the kernel decides about the disk
} store_sync_t;

typedef struct {
    const char *directory;     //  Where the store lives; made when missing, mode 0700
    uint64_t size_max;         //  Most bytes the store may take on disk
    store_sync_t sync;         //  When a block is durable
    int64_t sync_interval_ms;  //  For STORE_SYNC_INTERVAL; more than zero
} store_options_t;

//  Takes one block of a replay. Returns false to stop the replay there.
typedef bool (store_replay_fn) (uint64_t number, stint_bytes_t block, void *argument);

typedef struct {
    const char *name;  //  "memory", "lmdb"

    //  Opens the store, takes the writer's place and raises the epoch by one, durably.
    //  Null when that is not possible: error then holds one line for people that says
    //  what, where and what to do (in use by another broker, not a directory, not a
    //  store, written by a newer version, no permission, disk full), and errno is the
    //  system's reason, or 0.
    store_t *(*open) (const store_options_t *options, char *error, size_t error_size);

    //  Returns the epoch that this opening began. The first is 1.
    uint64_t (*epoch) (const store_t *self);

    //  Calls back with every block that is kept, in order. Once, before the first
    //  append. The bytes are valid during the callback. Returns 0, or -1 with a line in
    //  error when the engine itself cannot go on.
    int (*replay) (store_t *self, store_replay_fn *callback, void *argument, char *error,
                   size_t error_size);

    //  Forgets every block above number: a torn tail. Only between replay and append,
    //  and not below what was trimmed. See failed () afterwards.
    void (*cut) (store_t *self, uint64_t number);

    //  Starts to make a block durable. Borrows the bytes until durable () reaches the
    //  number, or for an engine that keeps them (see keeps), until they are trimmed.
    //  Several blocks may be on their way; all of them share the next commit. Never
    //  fails: an engine that cannot write any more says so through failed (), and
    //  borrows nothing after close ().
    void (*append) (store_t *self, uint64_t number, stint_bytes_t block);

    //  Returns the number of the last block that survives a crash; after an opening the
    //  last one ever appended, trimmed or not. The first append takes the number after.
    uint64_t (*durable) (const store_t *self);

    //  Returns true while a commit is on its way.
    bool (*busy) (const store_t *self);

    //  Returns null, or one line that says which write failed, where and why. From then
    //  on durable () never grows again: the broker stops.
    const char *(*failed) (const store_t *self);

    //  Returns a descriptor that is readable when durable, busy or failed has changed;
    //  -1 when append returns only after the block is durable.
    int (*notify_fd) (const store_t *self);

    //  Takes away what made notify_fd readable.
    void (*acknowledge) (store_t *self);

    //  Returns bytes of a durable block, for payloads that left memory. Valid until the
    //  next read or trim. Data is null when the block is not there, is shorter, or cannot
    //  be read from the disk.
    stint_bytes_t (*read) (store_t *self, uint64_t number, size_t offset, size_t size);

    //  Durable blocks up to here are not needed any more. The next commit forgets all of
    //  them at once; an engine may free their space little by little. Without a commit
    //  they come back.
    void (*trim) (store_t *self, uint64_t number);

    //  Returns bytes taken on disk, and in free_bytes what the file system has left. What
    //  is trimmed is used again, but the bytes taken may never get less: count what is
    //  kept to know how full the store is, and leave a tenth of size_max for the engine.
    uint64_t (*size) (const store_t *self, uint64_t *free_bytes);

    //  Waits until what was appended is durable or failed, closes and nulls.
    void (*close) (store_t **self_p);

    bool keeps;  //  True when the engine itself keeps borrowed blocks in memory
    bool whole;  //  True when a crash never leaves a part of a block: then one that is
                 //  not well was damaged, and it may have been acknowledged
} store_engine_t;

extern const store_engine_t store_memory;
extern const store_engine_t store_lmdb;

#endif

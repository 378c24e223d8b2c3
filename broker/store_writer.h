//  store_writer: a thread of its own that commits blocks, all that wait at a time
//  SPDX-License-Identifier: MPL-2.0
//
//  A commit blocks for as long as the disk takes, and an engine's transaction may belong
//  to the thread that began it, so commits do not run on the broker's thread. They run on
//  a plain thread with a queue under a mutex; an actor would put two socket hops around
//  each commit. At most one commit is on its way; what comes meanwhile is the next one.
//
//  All calls but the two callbacks come from the broker's thread.

#ifndef BROKER_STORE_WRITER_H
#define BROKER_STORE_WRITER_H

#include "stint.h"

typedef struct writer writer_t;

//  One commit.
typedef struct {
    uint64_t number;        //  Of the first block
    stint_bytes_t *blocks;  //  Borrowed; may be null when count is zero
    size_t count;           //  Blocks in this commit
    uint64_t trim_to;       //  Blocks up to here are not needed any more
    uint64_t deleted;       //  Blocks up to here are deleted; the engine moves it
} writer_commit_t;

typedef struct {
    void *engine;  //  First argument of the callbacks

    //  Carries out a commit, on the writer's thread. Returns false when that failed;
    //  neither callback is called again then.
    bool (*commit) (void *engine, writer_commit_t *commit);

    //  Brings all commits onto the disk, on the writer's thread. Called an interval
    //  after the first commit that was not synced. May be null when there is no
    //  interval. Returns false when that failed, as above.
    bool (*sync) (void *engine);

    int64_t interval_ms;  //  Between syncs; zero for none
    uint64_t durable;     //  Last block of the store at the start
    uint64_t trimmed;     //  Blocks up to here are forgotten,
    uint64_t deleted;     //  and up to here deleted too
} writer_options_t;

//  Starts the thread. Copies the options.
writer_t *writer_new (const writer_options_t *options);

//  Commits what was handed over, unless something failed, ends the thread and nulls.
void writer_destroy (writer_t **self_p);

//  Continues after this block instead. Only before the first append or trim.
void writer_cut (writer_t *self, uint64_t number);

//  Hands over a block, borrowed until durable reaches its number.
void writer_append (writer_t *self, uint64_t number, stint_bytes_t block);

//  Hands over a mark. It goes with the next block, or by itself when so much is left to
//  delete that idle time should be used for it, or at the end.
void writer_trim (writer_t *self, uint64_t number);

//  Returns the last block committed.
uint64_t writer_durable (const writer_t *self);

//  Returns true while a block that was handed over is not committed.
bool writer_busy (const writer_t *self);

//  Returns true once a callback failed. What the engine wrote before it can be read.
bool writer_failed (const writer_t *self);

//  Returns a descriptor that is readable when one of the three has changed.
int writer_notify_fd (const writer_t *self);

//  Takes away what made it readable.
void writer_acknowledge (writer_t *self);

#endif

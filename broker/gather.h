//  gather: whether a commit waits for what is about to come
//  SPDX-License-Identifier: MPL-2.0
//
//  A commit costs a sync of the disk, and what comes while it is on its way has to wait for
//  the next one. Who pushes one task and waits for its result would so wait twice: for the
//  commit of the push, in which nobody is interested, and then for that of the result. When
//  the first result of a worker usually comes sooner than a commit would take, the block
//  stays open until it has come. The journal of ext4 does so with those who call fsync
//  (jbd2, max_batch_time), and anticipatory scheduling (Iyer and Druschel, SOSP 2001) with
//  those who read.
//
//  Nothing is held that somebody waits for, nothing for longer than a commit takes, and
//  nothing at all while experience says that it would not be worth it.

#ifndef BROKER_GATHER_H
#define BROKER_GATHER_H

#include <stdbool.h>
#include <stdint.h>

#define GATHER_MOST_US 2000  //  Nothing is held for longer, however slow the disk is

//  What experience says, in microseconds of any clock that never goes back. All zeros holds
//  nothing, and learns.

typedef struct {
    int64_t commit_us;  //  How long a commit takes, about
    int64_t wait_us;   //  How soon somebody waits for a block that nobody waited for, about
    int64_t began_at;  //  When the commit on its way began; 0 for none
    int64_t since;     //  When the block could have left, and nobody waited; 0 for never
} gather_t;

//  Looks at the open block: whether it holds anything, whether somebody waits until it is
//  durable, and whether the engine is still busy with another. Returns true when it is to
//  be sealed and committed now. The caller looks again when any of these may have changed,
//  and at gather_until.
bool gather_leaves (gather_t *self, int64_t now_us, bool something, bool waited, bool busy);

//  Returns when the block that is held leaves at the latest; 0 when none is.
int64_t gather_until (const gather_t *self, bool something, bool busy);

#endif

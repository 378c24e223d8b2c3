//  chaos_open: opens a store as a broker does, and judges what is in it
//  SPDX-License-Identifier: MPL-2.0
//
//  The quick way to look at thousands of stores: engine, journal and core are the broker's,
//  there is no socket, and each store is opened by a child of its own, for a damaged one
//  may end a process.

#ifndef TESTS_CHAOS_OPEN_H
#define TESTS_CHAOS_OPEN_H

#include "history.h"
#include "store.h"

//  What is known about one task, in the order of what happened to it; INT64_MAX: never.

typedef struct {
    uint64_t index;       //  Our number
    uint64_t fence;       //  Of its result
    int64_t pushed_at;    //  A client was about to push it
    int64_t accepted_at;  //  It was told that the broker has it
    int64_t result_at;    //  It had the result
    int64_t taken_at;     //  It was about to tell that the result may go
} chaos_task_t;

typedef struct {
    chaos_task_t *tasks;  //  By index
    size_t count;         //  How many
    uint64_t seed;        //  Of all payloads
} chaos_plan_t;

//  Reads the histories of a directory. Ends the process when that is not possible.
chaos_plan_t chaos_plan_read (const char *histories, uint64_t seed);
void chaos_plan_clear (chaos_plan_t *self);

//  Returns how many tasks were accepted at a time, and how many had to be in the store.
uint64_t chaos_plan_accepted (const chaos_plan_t *self, int64_t at);

typedef struct {
    bool opened;          //  Else the store was refused, or the process ended
    bool crashed;         //  The process ended by a signal
    uint64_t tasks;       //  That are in the store
    uint64_t ended;       //  Of these, those with a result
    uint64_t lost;        //  Accepted tasks, or results that were seen, that are not there
    uint64_t duplicated;  //  Tasks that are there twice
    uint64_t unexpected;  //  Tasks that nobody pushed, and wrong bytes
    char text [400];      //  Why it was refused, or the last that was said
} chaos_verdict_t;

//  Opens the store in a child and compares it with what the plan says for that time. What
//  happened in the slack before it may be missing, what came after must be. Times are those
//  of histories.
chaos_verdict_t chaos_open (const char *directory, store_sync_t sync,
                            const chaos_plan_t *plan, int64_t at, int64_t slack);

//  Returns true when nothing is lost, duplicated or unexpected, or the store was refused.
bool chaos_verdict_good (const chaos_verdict_t *self);

//  Starts the real broker on the store, until it is ready or has refused, and kills it.
//  Returns how many tasks it says to hold, or -1; *text is its last line.
int64_t chaos_broker (const char *program, const char *directory, char *text, size_t size);

#endif

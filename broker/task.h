//  task: a task, the pool of all of them, and the table of its legal transitions
//  SPDX-License-Identifier: MPL-2.0

#ifndef BROKER_TASK_H
#define BROKER_TASK_H

#include "journal.h"
#include "stint_heap.h"
#include "stint_index.h"
#include "stint_list.h"
#include "stint_pool.h"

//  At most 128 bytes, with its four to six bytes of the index. The payload is elsewhere.

typedef struct {
    uint64_t id;              //  Its number; 0 when the slot is free
    uint64_t fence;           //  Of the running or the last attempt; 0 before the first
    journal_place_t payload;  //  Nowhere once it has ended well
    journal_place_t result;   //  Result, or text of the last failure
    int64_t at;               //  When it was pushed
    int64_t until;  //  Delayed: when it is ready. Running: since when. Ended: when it may
                    //  be forgotten
    stint_node_t node;  //  In ready, again, delayed (heaps), held, blocked, orphans, ended
    stint_node_t member;  //  In the outcomes of its batch
    uint32_t group;       //  Slot of its group
    uint32_t batch;       //  Slot of its batch; 0 without
    uint32_t number;      //  Place in its batch, from 1
    uint32_t holder;      //  Running: slot of the session that holds it, 0 for an
                          //  orphan. Ended: its place among the batch's ended tasks
    uint16_t attempts;    //  Attempts begun
    uint16_t failures;    //  Of these, those that count against it
    uint16_t lost;        //  Of these, those that were lost with their worker
    uint8_t state;        //  A stint_state_t
    bool watched;         //  Somebody waits for its end
    uint32_t kind;        //  Slot of what it asks for; 0 for nothing
    uint32_t due_place;   //  In the heap of those that have to begin or end in time
    int64_t due;          //  When its time is over; 0: never
} task_t;

#define TASK_STATES (STINT_BLOCKED + 1)

_Static_assert(sizeof (task_t) <= 120, "a held task takes at most 128 bytes in all");

STINT_LIST_DEFINE (task_list, task_t, node);
STINT_LIST_DEFINE (task_members, task_t, member);
STINT_HEAP_DEFINE (task_delays, task_t, until, node.prev);
STINT_HEAP_DEFINE (task_dues, task_t, due, due_place);
STINT_HEAP_DEFINE (task_again, task_t, id, node.prev);
STINT_INDEX_DEFINE (task_index, task_t, id, stint_index_next);

STINT_POOL_DEFINE (task_pool, task_t, node.next);

typedef struct {
    task_pool_t tasks;     //  All of them
    task_index_t index;    //  By id
    task_delays_t delays;  //  The delayed ones, by until
    task_dues_t dues;      //  Those whose time may be over, by due
    uint32_t guess;        //  Slot of the task that is probably looked for next
    uint32_t *spans;       //  Tasks of each span of numbers; spans far apart share a count
} tasks_t;

//  Reserves room for that many tasks; memory is touched as they come.
void tasks_init (tasks_t *self, uint32_t capacity);
void tasks_clear (tasks_t *self);

//  Makes a task. There must be room. The caller fills it in and puts it on its list. The
//  next ones will have the next numbers: their places in the index are fetched meanwhile.
uint32_t tasks_add (tasks_t *self, uint64_t id);

//  Fetches the place in the index of the next but one of the outcomes of a batch, while
//  this one is forgotten: they go in their order, and their places are in no cache any
//  more.
void tasks_expect_end (const tasks_t *self, uint32_t slot);

//  Forgets a task that is on no list.
void tasks_remove (tasks_t *self, uint32_t slot);

//  Returns the slot of the task of that number, or 0. Whoever knows where it should be has
//  set the guess, and a right one spares a look into the index, which is in no cache.
uint32_t tasks_find_far (const tasks_t *self, uint64_t id);

static inline uint32_t
tasks_find (const tasks_t *self, uint64_t id)
{
    if (id != 0 && self->tasks.pool [self->guess].id == id)
        return self->guess;
    return tasks_find_far (self, id);
}

//  Returns the first number from id on, and below end, of which there may be a task, or end
//  when there is none: most numbers that were ever given out are those of tasks that are
//  gone, and whoever lists tasks passes over 65,536 of them at a time.
uint64_t tasks_skip (const tasks_t *self, uint64_t id, uint64_t end);

//  Returns true when a task may go from one state to another. A new task comes from 0.
bool task_may (uint8_t from, uint8_t to);

//  Returns true for done, dead and cancelled.
bool task_ended (uint8_t state);

//  Returns a hash of what is durable of a task of the batch of that number, which asks for
//  what has that digest.
uint64_t task_digest (const task_t *self, uint64_t batch, uint64_t terms);

#endif

//  batch: tasks that are followed as one set, and whose outcomes one client collects
//  SPDX-License-Identifier: MPL-2.0

#ifndef BROKER_BATCH_H
#define BROKER_BATCH_H

#include "record.h"
#include "task.h"

#define BATCH_FLIGHT_MAX ((uint64_t) 16 << 20)  //  Bytes delivered ahead of the cursor

typedef struct {
    uint64_t id;   //  Its number; 0 when the slot is free
    uint64_t key;  //  Of its name and group; 0 when only its number is known
    char name [STINT_GROUP_MAX + 1];  //  Chosen by the client
    uint32_t group;                   //  Slot of its group
    int64_t at;                       //  When it was opened, or last collected from
    journal_place_t kept;             //  Where its last full record lies
    stint_node_t kept_node;           //  In the table, by that place
    task_members_t outcomes;  //  Tasks that ended and were not collected, in that order
    uint32_t latest;          //  The task that was last put into outcomes, 0 if it left
    uint32_t held;            //  Tasks that are still known, ended ones included
    uint64_t pushed;          //  Tasks pushed into it
    uint64_t done;            //  Tasks that ended well
    uint64_t dead;            //  Tasks that ended dead
    uint64_t cancelled;       //  Tasks that were cancelled
    uint64_t again;           //  Ends that were taken back: their tasks wait again
    uint64_t collected;       //  Cursor: outcomes up to here are forgotten
    uint32_t collector;       //  Session that collects, 0 for none
    uint64_t request;         //  Number of its request
    uint64_t window;          //  Most outcomes that it wants ahead of the cursor
    uint64_t flight;          //  Bytes of results delivered and not collected
    uint64_t delivered;       //  Place of the last outcome that it was sent
    uint32_t next;            //  Task whose outcome it is sent next, 0 when none ended
    stint_node_t news_node;   //  Among the batches that have something to deliver
    uint32_t link;            //  Next free slot
} batch_t;

STINT_LIST_DEFINE (batch_kept, batch_t, kept_node);
STINT_LIST_DEFINE (batch_news, batch_t, news_node);
STINT_INDEX_DEFINE (batch_ids, batch_t, id, stint_index_next);
STINT_INDEX_DEFINE (batch_names, batch_t, key, stint_index_mix);
STINT_POOL_DEFINE (batch_pool, batch_t, link);

typedef struct {
    batch_pool_t batches;  //  By slot
    batch_ids_t ids;       //  By number
    batch_names_t names;   //  By name and group
    batch_kept_t kept;     //  By the place of their records, oldest first
    batch_news_t news;     //  Those that have something to deliver
    uint64_t next_id;      //  Number of the next batch
    uint64_t salt;         //  For the keys of names
} batches_t;

void batches_init (batches_t *self, uint32_t capacity, uint64_t salt);
void batches_clear (batches_t *self);

//  Returns the slot of the batch of that number, or of that name, or 0.
uint32_t batches_find (const batches_t *self, uint64_t id);
uint32_t batches_find_name (const batches_t *self, uint32_t group, stint_bytes_t name);

//  Returns the slot of the batch of that number, which is made if it is not there.
uint32_t batches_ensure (batches_t *self, uint64_t id);

//  Names a batch.
void batches_name (batches_t *self, uint32_t slot, uint32_t group, stint_bytes_t name);

//  Forgets a batch that holds no tasks.
void batches_remove (batches_t *self, uint32_t slot);

//  Returns how many of its tasks have ended since it was opened.
uint64_t batch_ended (const batch_t *self);

//  Returns the last place that an outcome has had: each end has one of its own, also one
//  that was taken back.
uint64_t batch_places (const batch_t *self);

//  Notes that a task of the batch has ended, at the place in its holder member.
void batches_end (batches_t *self, task_t *tasks, uint32_t task);

//  Takes a task that is forgotten out of the batch, and out of its outcomes if it is there.
void batches_forget (batches_t *self, task_t *tasks, uint32_t task);

//  Takes back the end of a task, whose outcome leaves its place empty.
void batches_reopen (batches_t *self, task_t *tasks, uint32_t task);

//  Counts an end in that state as taken back, when the task is not known.
void batches_uncount (batches_t *self, uint32_t slot, uint64_t state);

//  Forgets the outcomes' places up to the cursor; the tasks are gone already.
void batches_advance (batches_t *self, uint32_t slot, uint64_t cursor);

//  Makes a session the one that collects from a batch, 0 for nobody. What was delivered
//  and not collected is delivered again.
void batches_collect (batches_t *self, uint32_t slot, uint32_t session, uint64_t request,
                      uint64_t window);

//  Links the batch among those with news, or unlinks it, as it has something to deliver.
void batches_update (batches_t *self, uint32_t slot);

//  Goes on to the next place, when there is one to deliver: sets the task whose outcome it
//  is, or 0 when the place is empty. Returns false when there is none.
bool batches_deliver (batches_t *self, const task_t *tasks, uint32_t slot, uint32_t *task);

//  Returns a hash of what is durable of all batches, tasks apart.
uint64_t batches_digest (const batches_t *self);

#endif

//  group: named queues of tasks, each with its settings and counts; the table of groups
//  SPDX-License-Identifier: MPL-2.0

#ifndef BROKER_GROUP_H
#define BROKER_GROUP_H

#include "group_note.h"
#include "kind.h"

typedef struct {
    uint64_t key;                     //  Of its name; 0 when only its number is known
    char name [STINT_GROUP_MAX + 1];  //  Empty when only its number is known
    journal_place_t kept;             //  Where its last full record lies
    stint_node_t kept_node;           //  In the table, by that place
    stint_node_t run_node;       //  Among the groups that have tasks and workers for them
    record_settings_t settings;  //  As somebody set them; 0 is the broker's default
    lane_list_t lanes;           //  The lines that its ready tasks stand in
    uint32_t lane;               //  Of these, the one of tasks that ask for nothing
    uint32_t levels;             //  Bit per priority: it has lanes that may run
    lane_turns_t turns [TERMS_PRIORITIES];  //  Lanes that may run, by priority
    task_list_t ended;                      //  Tasks that ended, in that order
    uint32_t counts [TASK_STATES];          //  Tasks by state
    uint64_t bytes;                         //  Of payloads and results that it holds
    stint_list_t waiting;                   //  Subscriptions of workers that have room
    uint32_t subscribers;                   //  Sessions that serve it, drained ones too
    uint32_t workers;                       //  Of these, workers that take tasks
    int64_t served_at;                      //  When there are none: when the last was heard
    char served_by [STINT_GROUP_MAX + 1];   //  and its name; 0 and empty: there was none
    uint64_t pushed;                        //  Since the broker started: tasks accepted
    uint64_t finished;                      //  ended well
    uint64_t retried;                       //  attempts that failed and were tried again
    uint64_t lost;                          //  attempts that were lost with their worker
    uint64_t stale;                         //  results that came too late
    group_note_t note;                      //  Who stopped it, and why
    rate_t bucket;                          //  How many tasks began, if that is limited
    bool rated;                             //  A rate is in force, its own or of its keys
    uint32_t link;                          //  Next free slot
    bool used;                              //  The slot is taken
} group_t;

STINT_LIST_DEFINE (group_kept, group_t, kept_node);
STINT_LIST_DEFINE (group_runs, group_t, run_node);
STINT_INDEX_DEFINE (group_index, group_t, key, stint_index_mix);
STINT_POOL_DEFINE (group_pool, group_t, link);
STINT_HEAP_DEFINE (group_dry, group_t, bucket.wake, bucket.place);

typedef struct {
    group_pool_t groups;         //  By slot, which is a group's number in the journal
    group_index_t index;         //  By name
    group_kept_t kept;           //  By the place of their records, oldest first
    group_runs_t runnable;       //  Groups that have ready tasks and waiting workers
    lanes_t lanes;               //  Of all groups
    kinds_t kinds;               //  Of tasks of all groups
    group_dry_t dry;             //  Groups whose bucket has no token, by when one comes
    lane_key_dry_t dry_keys;     //  Keys; of all groups
    uint32_t hand;               //  Where a look for full buckets goes on among the keys
    record_settings_t defaults;  //  For settings that are 0
    uint64_t salt;               //  For the keys of names
} groups_t;

//  Reserves room for that many groups, and for what so many tasks may ask for.
void groups_init (groups_t *self, uint32_t capacity, uint32_t tasks,
                  const record_settings_t *defaults, uint64_t salt);
void groups_clear (groups_t *self);

//  Returns the slot of the group of that name, or 0.
uint32_t groups_find (const groups_t *self, stint_bytes_t name);

//  Returns the slot that a new group would take, or 0 when the table is full.
uint32_t groups_next (const groups_t *self);

//  Makes sure that there is a group in the slot; it has no name yet. For a recovery, which
//  may meet tasks of a group before the group.
void groups_ensure (groups_t *self, uint32_t slot);

//  Names the group in the slot.
void groups_name (groups_t *self, uint32_t slot, stint_bytes_t name);

//  Fills in the record of a group as it is. Its texts are the group's.
void groups_describe (const groups_t *self, uint32_t slot, record_t *record);

//  Forgets a group that holds no tasks.
void groups_remove (groups_t *self, uint32_t slot);

//  Returns how many tasks the group holds, ended ones included.
uint32_t group_held (const group_t *self);

//  Returns a setting of the group or its default.
record_settings_t groups_settings (const groups_t *self, uint32_t slot);

//  Returns how many of its tasks may still go to workers: max_running, less those that are
//  there, and none while it is paused or has no token.
uint64_t groups_room (const groups_t *self, uint32_t slot);

//  Returns true when a task of it may run, and a worker waits for one.
static inline bool
groups_may_run (const groups_t *self, uint32_t slot)
{
    const group_t *group = &self->groups.pool [slot];
    return group->levels != 0 && group->waiting.count > 0 && groups_room (self, slot) > 0;
}

//  Links the group among the runnable ones, or unlinks it, as its tasks and workers are.
static inline void
groups_update (groups_t *self, uint32_t slot)
{
    group_t *pool = self->groups.pool;
    bool runnable = groups_may_run (self, slot);
    if (runnable == group_runs_linked (pool, slot))
        return;
    if (runnable)
        group_runs_append (&self->runnable, pool, slot);
    else
        group_runs_remove (&self->runnable, pool, slot);
}

//  Returns a hash of what is durable of all groups, tasks apart.
uint64_t groups_digest (const groups_t *self);

#endif

//  lane: the lines of ready tasks within a group, one for each priority and key
//  SPDX-License-Identifier: MPL-2.0
//
//  Within a lane tasks go in the order of their numbers, those that were tried before all
//  others. Lanes of one priority take turns, and a higher priority goes first: see
//  schedule.h.

#ifndef BROKER_LANE_H
#define BROKER_LANE_H

#include "rate.h"
#include "task.h"
#include "terms.h"

#define LANE_PACED_MAX (1 << 18)  //  Most keys with a bucket

//  What tasks of one key in one group share. One with a bucket stays without tasks, too.

typedef struct {
    uint64_t hash;                      //  Of its group and text; 0 when the slot is free
    char text [TERMS_TEXT_MAX + 1];     //  For people
    uint32_t group;                     //  Slot of its group
    uint32_t uses;                      //  Kinds of tasks that have it, and its bucket
    uint32_t running;                   //  Its tasks at workers
    uint32_t lanes [TERMS_PRIORITIES];  //  Its lanes by priority, 0 where there is none
    rate_t bucket;                      //  How many of its tasks began, if that is limited
    journal_place_t kept;               //  Where the last record of the bucket lies
    stint_node_t kept_node;             //  By that place; linked while there is a bucket
    uint32_t link;                      //  Next free slot
} lane_key_t;

typedef struct {
    uint64_t hash;            //  Of its group, key and priority; 0 when the slot is free
    task_list_t ready;        //  Tasks that wait for their first attempt, in order
    task_again_t again;       //  Tasks that wait for another one, by number; go first
    uint32_t latest;          //  The task that was last put into ready, 0 if it left
    uint32_t group;           //  Slot of its group
    uint32_t key;             //  Slot of its key; 0 without
    uint32_t priority;        //  From 0 to TERMS_PRIORITIES - 1
    uint32_t uses;            //  Kinds of tasks that stand in it; one for its group's own
    stint_node_t turn_node;   //  Among the lanes of its group and priority that may run
    stint_node_t group_node;  //  Among all lanes of its group
    uint32_t link;            //  Next free slot
} lane_t;

STINT_LIST_DEFINE (lane_turns, lane_t, turn_node);
STINT_LIST_DEFINE (lane_list, lane_t, group_node);
STINT_INDEX_DEFINE (lane_index, lane_t, hash, stint_index_mix);
STINT_POOL_DEFINE (lane_pool, lane_t, link);
STINT_INDEX_DEFINE (lane_key_index, lane_key_t, hash, stint_index_mix);
STINT_POOL_DEFINE (lane_key_pool, lane_key_t, link);
STINT_LIST_DEFINE (lane_key_kept, lane_key_t, kept_node);
STINT_HEAP_DEFINE (lane_key_dry, lane_key_t, bucket.wake, bucket.place);

typedef struct {
    lane_pool_t lanes;           //  All of them
    lane_index_t index;          //  By group, key and priority
    lane_key_pool_t keys;        //  All of them
    lane_key_index_t key_index;  //  By group and text
    lane_key_kept_t kept;        //  Keys with a bucket, by the place of their records
    uint32_t paced_max;          //  Most of these
    uint64_t salt;               //  For the hashes
} lanes_t;

//  Reserves room for that many lanes and keys of tasks, and for keys that have a bucket;
//  memory is touched as they come.
void lanes_init (lanes_t *self, uint32_t lanes, uint32_t keys, uint64_t salt);
void lanes_clear (lanes_t *self);

//  Returns the key of that text in a group, 0 for an empty text. It is made if it is not
//  there, and stays until it was closed as often as it was opened. lanes_find_key makes
//  none: 0 when it is not there.
uint32_t lanes_open_key (lanes_t *self, uint32_t group, stint_bytes_t text);
uint32_t lanes_find_key (const lanes_t *self, uint32_t group, stint_bytes_t text);
void lanes_close_key (lanes_t *self, uint32_t key);

//  Returns the lane of a group, priority (from 0) and key; as with keys. It may be closed
//  only when nobody stands in it.
uint32_t lanes_open (lanes_t *self, lane_list_t *list, uint32_t group, uint32_t priority,
                     uint32_t key);
void lanes_close (lanes_t *self, lane_list_t *list, uint32_t lane);

//  Puts a ready task in line: behind all others when it was never tried, and before all
//  that were not when it was, or when it could have begun earlier but for another task. A
//  task that was recovered out of order finds its place.
void lane_enqueue (lane_t *self, task_t *tasks, uint32_t task, bool early);

//  Takes a ready task out of the line.
void lane_dequeue (lane_t *self, task_t *tasks, uint32_t task);

//  Returns the task that is first in line, or 0.
static inline uint32_t
lane_first (const lane_t *self)
{
    return self->again.count > 0 ? self->again.slots [0] : self->ready.head;
}

#endif

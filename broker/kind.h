//  kind: tasks of one group that ask for the same, and orders, whose tasks run in a row
//  SPDX-License-Identifier: MPL-2.0
//
//  A task that asks for nothing is of kind 0. What others ask for is kept once for all that
//  ask for the same, so that it costs a task four bytes.

#ifndef BROKER_KIND_H
#define BROKER_KIND_H

#include "lane.h"

//  Tasks of one order in one group. All but the current one are blocked until that ends.

typedef struct {
    uint64_t hash;                   //  Of its group and text; 0 when the slot is free
    char text [TERMS_TEXT_MAX + 1];  //  For people
    uint32_t uses;                   //  Kinds that have it
    uint32_t current;                //  The task that waits or runs; 0: none
    task_list_t blocked;             //  The others, in order of their numbers
    uint64_t gate;                   //  Block that says that the one before has ended
    uint32_t link;                   //  Next free slot
} order_t;

typedef struct {
    uint64_t hash;    //  Of its group and terms; 0 when the slot is free
    uint64_t digest;  //  Of its terms alone
    terms_t terms;    //  Key and order are those of the rows below
    uint32_t tasks;   //  Tasks of this kind
    uint32_t group;   //  Slot of its group
    uint32_t lane;    //  Slot of the lane that they stand in
    uint32_t key;     //  Slot of their key; 0 without
    uint32_t order;   //  Slot of their order; 0 without
    uint32_t link;    //  Next free slot
} kind_t;

STINT_INDEX_DEFINE (order_index, order_t, hash, stint_index_mix);
STINT_POOL_DEFINE (order_pool, order_t, link);
STINT_INDEX_DEFINE (kind_index, kind_t, hash, stint_index_mix);
STINT_POOL_DEFINE (kind_pool, kind_t, link);

typedef struct {
    kind_pool_t kinds;          //  All of them
    kind_index_t index;         //  By group and terms
    order_pool_t orders;        //  All of them
    order_index_t order_index;  //  By group and text
    uint64_t salt;              //  For the hashes
} kinds_t;

//  Reserves room for that many kinds; memory is touched as they come.
void kinds_init (kinds_t *self, uint32_t capacity, uint64_t salt);
void kinds_clear (kinds_t *self);

//  Returns the kind of one more task of the group, whose lanes are in the list.
uint32_t kinds_open (kinds_t *self, lanes_t *lanes, lane_list_t *list, uint32_t group,
                     const terms_t *terms);

//  Takes a task out of its kind. The kind goes with its last task.
void kinds_close (kinds_t *self, lanes_t *lanes, lane_list_t *list, uint32_t kind);

//  Puts a task among those that an order blocks.
void order_block (order_t *self, task_t *tasks, uint32_t task);

#endif

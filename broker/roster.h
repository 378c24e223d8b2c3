//  roster: the workers that were here, for a restarted broker to wait for
//  SPDX-License-Identifier: MPL-2.0
//
//  The start of an attempt is recorded but never waited for, so a crash may lose the last
//  ones. A task whose start was lost looks as if it had never been given out. A restarted
//  broker therefore gives out nothing until every worker of the roster is back and has
//  claimed what it holds, or has had time enough to do so. Whoever holds an attempt is on
//  the roster, wherever the journal breaks off: so what is running and unclaimed when all
//  are back is nobody's.

#ifndef BROKER_ROSTER_H
#define BROKER_ROSTER_H

#include "record.h"
#include "stint_index.h"
#include "stint_list.h"
#include "stint_pool.h"

typedef struct {
    uint64_t id;             //  The worker's own number; 0 when the slot is free
    journal_place_t kept;    //  Where its record lies
    stint_node_t kept_node;  //  In the roster, by that place
    uint32_t session;        //  Newest of its connections, 0: none; then by former
    uint32_t sessions;       //  How many it has, with those whose attempts are taken back
    bool awaited;            //  It was here before the restart and is not back yet
    bool draining;           //  It was told to drain, in this life of the broker
    uint32_t link;           //  Next free slot
} roster_entry_t;

STINT_LIST_DEFINE (roster_kept, roster_entry_t, kept_node);
STINT_INDEX_DEFINE (roster_index, roster_entry_t, id, stint_index_mix);
STINT_POOL_DEFINE (roster_pool, roster_entry_t, link);

typedef struct {
    roster_pool_t workers;  //  By slot
    roster_index_t index;   //  By number
    roster_kept_t kept;     //  By the place of their records, oldest first
    uint32_t awaited;       //  How many are awaited
} roster_t;

void roster_init (roster_t *self, uint32_t capacity, uint64_t salt);
void roster_clear (roster_t *self);

//  Returns the slot of a worker, or 0.
uint32_t roster_find (const roster_t *self, uint64_t id);

//  Puts a worker on the roster, if it is not there; there must be room. Returns its slot.
uint32_t roster_ensure (roster_t *self, uint64_t id);

//  Takes a worker off the roster.
void roster_remove (roster_t *self, uint32_t slot);

//  Begins to await everybody on the roster, or gives up awaiting.
void roster_await (roster_t *self, bool awaited);

//  Notes that a worker is back.
void roster_back (roster_t *self, uint32_t slot);

//  Returns a hash of who is on the roster.
uint64_t roster_digest (const roster_t *self);

#endif

//  producer: who numbers pushes, and what its last pushes came to
//  SPDX-License-Identifier: MPL-2.0
//
//  As Kafka's idempotent producer (KIP-98): a push is known by its producer's number and
//  the sequence number of its first task, so a push that comes again is answered as the
//  first time. The memory for it is the same however much was pushed.

#ifndef BROKER_PRODUCER_H
#define BROKER_PRODUCER_H

#include "record.h"
#include "stint_index.h"
#include "stint_list.h"
#include "stint_pool.h"

typedef struct {
    uint64_t id;    //  Chosen by the client; 0 when the slot is free
    uint64_t next;  //  Sequence number of the task that it has to push next
    record_push_t recent [RECORD_RECENT];  //  Its last pushes, the oldest first
    uint32_t recent_count;                 //  How many
    int64_t at;                            //  When it pushed last
    stint_node_t idle_node;                //  In the table, by that time
    journal_place_t kept;                  //  Where its last full record lies
    stint_node_t kept_node;                //  In the table, by that place
    uint32_t link;                         //  Next free slot
} producer_t;

STINT_LIST_DEFINE (producer_kept, producer_t, kept_node);
STINT_LIST_DEFINE (producer_idle, producer_t, idle_node);
STINT_INDEX_DEFINE (producer_index, producer_t, id, stint_index_mix);
STINT_POOL_DEFINE (producer_pool, producer_t, link);

typedef struct {
    producer_pool_t producers;  //  By slot
    producer_index_t index;     //  By number
    producer_kept_t kept;       //  By the place of their records, oldest first
    producer_idle_t idle;       //  By the time of their last push, oldest first
} producers_t;

void producers_init (producers_t *self, uint32_t capacity, uint64_t salt);
void producers_clear (producers_t *self);

//  Returns the slot of a producer, or 0.
uint32_t producers_find (const producers_t *self, uint64_t id);

//  Returns the slot of a producer, which is made if it is not there; there must be room.
uint32_t producers_ensure (producers_t *self, uint64_t id);

//  Forgets a producer.
void producers_remove (producers_t *self, uint32_t slot);

//  Notes a push.
void producers_push (producers_t *self, uint32_t slot, record_push_t push, int64_t at);

//  Returns the remembered push that begins with that sequence number, or null.
const record_push_t *producer_recent (const producer_t *self, uint64_t sequence);

//  Returns a hash of what is durable of all producers.
uint64_t producers_digest (const producers_t *self);

#endif

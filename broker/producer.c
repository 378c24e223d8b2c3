//  producer: who numbers pushes, and what its last pushes came to
//  SPDX-License-Identifier: MPL-2.0

#include "producer.h"

#include <string.h>

void
producers_init (producers_t *self, uint32_t capacity, uint64_t salt)
{
    *self = (producers_t){0};
    producer_pool_init (&self->producers, capacity);
    stint_index_init (&self->index, capacity, salt);
}

void
producers_clear (producers_t *self)
{
    producer_pool_clear (&self->producers);
    stint_index_clear (&self->index);
}

uint32_t
producers_find (const producers_t *self, uint64_t id)
{
    return producer_index_find (&self->index, self->producers.pool, id);
}

uint32_t
producers_ensure (producers_t *self, uint64_t id)
{
    uint32_t slot = producers_find (self, id);
    if (slot)
        return slot;
    slot = producer_pool_add (&self->producers);
    producer_t *pool = self->producers.pool;
    pool [slot].id = id;
    pool [slot].next = 1;
    producer_kept_init (pool, slot);
    producer_idle_init (pool, slot);
    producer_idle_append (&self->idle, pool, slot);
    producer_index_put (&self->index, pool, slot);
    return slot;
}

void
producers_remove (producers_t *self, uint32_t slot)
{
    producer_t *pool = self->producers.pool;
    producer_index_drop (&self->index, pool, slot);
    producer_idle_remove (&self->idle, pool, slot);
    if (producer_kept_linked (pool, slot))
        producer_kept_remove (&self->kept, pool, slot);
    producer_pool_remove (&self->producers, slot);
}

void
producers_push (producers_t *self, uint32_t slot, record_push_t push, int64_t at)
{
    producer_t *producer = &self->producers.pool [slot];
    if (producer->recent_count == RECORD_RECENT) {
        memmove (producer->recent, producer->recent + 1,
                 (RECORD_RECENT - 1) * sizeof producer->recent [0]);
        producer->recent_count--;
    }
    producer->recent [producer->recent_count++] = push;
    producer->next = push.sequence + push.count;
    producer->at = at;
    producer_idle_rotate (&self->idle, self->producers.pool, slot);
}

const record_push_t *
producer_recent (const producer_t *self, uint64_t sequence)
{
    for (uint32_t index = 0; index < self->recent_count; index++) {
        if (self->recent [index].sequence == sequence)
            return &self->recent [index];
    }
    return NULL;
}

uint64_t
producers_digest (const producers_t *self)
{
    uint64_t digest = 0;
    for (uint32_t slot = 1; slot <= self->producers.used; slot++) {
        const producer_t *producer = &self->producers.pool [slot];
        if (!producer->id)
            continue;
        uint64_t part = stint_index_mix (producer->id ^ stint_index_mix (producer->next));
        for (uint32_t index = 0; index < producer->recent_count; index++) {
            const record_push_t *push = &producer->recent [index];
            part = stint_index_mix (part ^ push->sequence) + push->id * 3 + push->count;
        }
        digest += part;
    }
    return digest;
}

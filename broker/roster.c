//  roster: the workers that were here, for a restarted broker to wait for
//  SPDX-License-Identifier: MPL-2.0

#include "roster.h"

void
roster_init (roster_t *self, uint32_t capacity, uint64_t salt)
{
    *self = (roster_t){0};
    roster_pool_init (&self->workers, capacity);
    stint_index_init (&self->index, capacity, salt);
}

void
roster_clear (roster_t *self)
{
    roster_pool_clear (&self->workers);
    stint_index_clear (&self->index);
}

uint32_t
roster_find (const roster_t *self, uint64_t id)
{
    return roster_index_find (&self->index, self->workers.pool, id);
}

uint32_t
roster_ensure (roster_t *self, uint64_t id)
{
    uint32_t slot = roster_find (self, id);
    if (slot)
        return slot;
    slot = roster_pool_add (&self->workers);
    self->workers.pool [slot].id = id;
    roster_kept_init (self->workers.pool, slot);
    roster_index_put (&self->index, self->workers.pool, slot);
    return slot;
}

void
roster_remove (roster_t *self, uint32_t slot)
{
    roster_back (self, slot);
    roster_index_drop (&self->index, self->workers.pool, slot);
    if (roster_kept_linked (self->workers.pool, slot))
        roster_kept_remove (&self->kept, self->workers.pool, slot);
    roster_pool_remove (&self->workers, slot);
}

void
roster_await (roster_t *self, bool awaited)
{
    self->awaited = 0;
    for (uint32_t slot = 1; slot <= self->workers.used; slot++) {
        self->workers.pool [slot].awaited = awaited && self->workers.pool [slot].id != 0;
        self->awaited += self->workers.pool [slot].awaited;
    }
}

void
roster_back (roster_t *self, uint32_t slot)
{
    if (self->workers.pool [slot].awaited) {
        self->workers.pool [slot].awaited = false;
        self->awaited--;
    }
}

uint64_t
roster_digest (const roster_t *self)
{
    uint64_t digest = 0;
    for (uint32_t slot = 1; slot <= self->workers.used; slot++) {
        if (self->workers.pool [slot].id)
            digest += stint_index_mix (self->workers.pool [slot].id + 1);
    }
    return digest;
}

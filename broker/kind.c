//  kind: tasks of one group that ask for the same, and orders, whose tasks run in a row
//  SPDX-License-Identifier: MPL-2.0

#include "kind.h"

#include <string.h>

void
kinds_init (kinds_t *self, uint32_t capacity, uint64_t salt)
{
    *self = (kinds_t){.salt = salt};
    kind_pool_init (&self->kinds, capacity);
    stint_index_init (&self->index, capacity, salt);
    order_pool_init (&self->orders, capacity);
    stint_index_init (&self->order_index, capacity, salt);
}

void
kinds_clear (kinds_t *self)
{
    kind_pool_clear (&self->kinds);
    stint_index_clear (&self->index);
    order_pool_clear (&self->orders);
    stint_index_clear (&self->order_index);
}

static uint32_t
s_open_order (kinds_t *self, uint32_t group, stint_bytes_t text)
{
    if (text.size == 0)
        return 0;
    uint64_t salt = stint_index_mix (self->salt ^ group);
    uint64_t hash = stint_index_text (text.data, text.size, salt) | 1;
    uint32_t slot = order_index_find (&self->order_index, self->orders.pool, hash);
    if (!slot) {
        slot = order_pool_add (&self->orders);
        self->orders.pool [slot].hash = hash;
        memcpy (self->orders.pool [slot].text, text.data, text.size);
        order_index_put (&self->order_index, self->orders.pool, slot);
    }
    self->orders.pool [slot].uses++;
    return slot;
}

static void
s_close_order (kinds_t *self, uint32_t order)
{
    if (!order || --self->orders.pool [order].uses > 0)
        return;
    assert (self->orders.pool [order].current == 0);
    order_index_drop (&self->order_index, self->orders.pool, order);
    order_pool_remove (&self->orders, order);
}

static void
s_make (kinds_t *self, lanes_t *lanes, lane_list_t *list, uint32_t slot,
        const terms_t *terms)
{
    kind_t *kind = &self->kinds.pool [slot];
    kind->terms = *terms;
    kind->digest = terms_hash (terms, 0);
    kind->key = lanes_open_key (lanes, kind->group, terms->key);
    kind->order = s_open_order (self, kind->group, terms->order);
    kind->terms.key = stint_bytes_of (lanes->keys.pool [kind->key].text);
    kind->terms.order = stint_bytes_of (self->orders.pool [kind->order].text);
    uint64_t priority = terms->priority ? terms->priority : TERMS_PRIORITY;
    kind->lane = lanes_open (lanes, list, kind->group, (uint32_t) priority - 1, kind->key);
}

uint32_t
kinds_open (kinds_t *self, lanes_t *lanes, lane_list_t *list, uint32_t group,
            const terms_t *terms)
{
    uint64_t hash = terms_hash (terms, stint_index_mix (self->salt ^ group)) | 1;
    uint32_t slot = kind_index_find (&self->index, self->kinds.pool, hash);
    if (!slot) {
        slot = kind_pool_add (&self->kinds);
        self->kinds.pool [slot].hash = hash;
        self->kinds.pool [slot].group = group;
        s_make (self, lanes, list, slot, terms);
        kind_index_put (&self->index, self->kinds.pool, slot);
    }
    self->kinds.pool [slot].tasks++;
    return slot;
}

void
kinds_close (kinds_t *self, lanes_t *lanes, lane_list_t *list, uint32_t kind)
{
    kind_t *row = &self->kinds.pool [kind];
    if (--row->tasks > 0)
        return;
    lanes_close (lanes, list, row->lane);
    lanes_close_key (lanes, row->key);
    s_close_order (self, row->order);
    kind_index_drop (&self->index, self->kinds.pool, kind);
    kind_pool_remove (&self->kinds, kind);
}

//  Tasks come in order of their numbers, but for those that a recovery brings later.

void
order_block (order_t *self, task_t *tasks, uint32_t task)
{
    uint32_t before = 0;
    uint32_t at = self->blocked.tail;
    while (at && tasks [at].id > tasks [task].id) {
        before = at;
        at = tasks [at].node.prev;
    }
    task_list_insert (&self->blocked, tasks, task, before);
}

//  batch: tasks that are followed as one set, and whose outcomes one client collects
//  SPDX-License-Identifier: MPL-2.0

#include "batch.h"

#include <string.h>

void
batches_init (batches_t *self, uint32_t capacity, uint64_t salt)
{
    *self = (batches_t){.next_id = 1, .salt = salt};
    batch_pool_init (&self->batches, capacity);
    stint_index_init (&self->ids, capacity, 0);
    stint_index_init (&self->names, capacity, salt);
}

void
batches_clear (batches_t *self)
{
    batch_pool_clear (&self->batches);
    stint_index_clear (&self->ids);
    stint_index_clear (&self->names);
}

static uint64_t
s_key (const batches_t *self, uint32_t group, stint_bytes_t name)
{
    uint64_t key = stint_index_text (name.data, name.size, self->salt ^ group);
    return key ? key : 1;
}

uint32_t
batches_find (const batches_t *self, uint64_t id)
{
    return id ? batch_ids_find (&self->ids, self->batches.pool, id) : 0;
}

uint32_t
batches_find_name (const batches_t *self, uint32_t group, stint_bytes_t name)
{
    uint64_t key = s_key (self, group, name);
    uint32_t slot = batch_names_find (&self->names, self->batches.pool, key);
    const batch_t *batch = &self->batches.pool [slot];
    if (slot && batch->group == group && strlen (batch->name) == name.size
        && memcmp (batch->name, name.data, name.size) == 0)
        return slot;
    return 0;
}

uint32_t
batches_ensure (batches_t *self, uint64_t id)
{
    uint32_t slot = batches_find (self, id);
    if (slot)
        return slot;
    slot = batch_pool_add (&self->batches);
    batch_t *pool = self->batches.pool;
    pool [slot].id = id;
    batch_kept_init (pool, slot);
    batch_news_init (pool, slot);
    batch_ids_put (&self->ids, pool, slot);
    if (id >= self->next_id)
        self->next_id = id + 1;
    return slot;
}

void
batches_name (batches_t *self, uint32_t slot, uint32_t group, stint_bytes_t name)
{
    batch_t *batch = &self->batches.pool [slot];
    assert (name.size <= STINT_GROUP_MAX);
    if (batch->key)
        return;
    memcpy (batch->name, name.data, name.size);
    batch->name [name.size] = 0;
    batch->group = group;
    batch->key = s_key (self, group, name);
    batch_names_put (&self->names, self->batches.pool, slot);
}

void
batches_remove (batches_t *self, uint32_t slot)
{
    batch_t *pool = self->batches.pool;
    assert (pool [slot].held == 0);
    batch_ids_drop (&self->ids, pool, slot);
    if (pool [slot].key)
        batch_names_drop (&self->names, pool, slot);
    if (batch_kept_linked (pool, slot))
        batch_kept_remove (&self->kept, pool, slot);
    if (batch_news_linked (pool, slot))
        batch_news_remove (&self->news, pool, slot);
    batch_pool_remove (&self->batches, slot);
}

uint64_t
batch_ended (const batch_t *self)
{
    return self->done + self->dead + self->cancelled;
}

uint64_t
batch_places (const batch_t *self)
{
    return batch_ended (self) + self->again;
}

//  Tasks end in the order of their places. Only a recovery may bring an earlier one later,
//  if its record was copied forward; these come in order too, one behind the other.

static uint32_t
s_place (const batch_t *batch, const task_t *tasks, uint32_t place)
{
    uint32_t tail = batch->outcomes.tail;
    if (!tail || tasks [tail].holder < place)
        return 0;
    uint32_t at = batch->outcomes.head;
    if (batch->latest && tasks [batch->latest].holder < place)
        at = tasks [batch->latest].member.next;
    while (at && tasks [at].holder < place)
        at = tasks [at].member.next;
    return at;
}

void
batches_end (batches_t *self, task_t *tasks, uint32_t task)
{
    uint32_t slot = tasks [task].batch;
    batch_t *batch = &self->batches.pool [slot];
    uint32_t before = s_place (batch, tasks, tasks [task].holder);
    task_members_insert (&batch->outcomes, tasks, task, before);
    batch->latest = task;
    if (!batch->next)
        batch->next = task;
    batches_update (self, slot);
}

//  Takes a task out of the outcomes of its batch, if it is there.

static void
s_leave (batches_t *self, task_t *tasks, uint32_t task)
{
    batch_t *batch = &self->batches.pool [tasks [task].batch];
    if (!task_members_linked (tasks, task))
        return;
    if (batch->next == task)
        batch->next = tasks [task].member.next;
    if (batch->latest == task)
        batch->latest = 0;
    if (tasks [task].holder <= batch->delivered
        && batch->flight >= tasks [task].result.size)
        batch->flight -= tasks [task].result.size;
    task_members_remove (&batch->outcomes, tasks, task);
    batches_update (self, tasks [task].batch);
}

void
batches_forget (batches_t *self, task_t *tasks, uint32_t task)
{
    self->batches.pool [tasks [task].batch].held--;
    s_leave (self, tasks, task);
}

//  A recovery that begins behind the end and before the full record of the batch counts
//  the end nowhere.

void
batches_uncount (batches_t *self, uint32_t slot, uint64_t state)
{
    batch_t *batch = &self->batches.pool [slot];
    if (state == STINT_DEAD)
        batch->dead -= batch->dead > 0;
    else
        batch->cancelled -= batch->cancelled > 0;
    batch->again++;
}

void
batches_reopen (batches_t *self, task_t *tasks, uint32_t task)
{
    batches_uncount (self, tasks [task].batch, tasks [task].state);
    s_leave (self, tasks, task);
}

void
batches_advance (batches_t *self, uint32_t slot, uint64_t cursor)
{
    batch_t *batch = &self->batches.pool [slot];
    batch->collected = cursor;
    if (batch->delivered < cursor)
        batch->delivered = cursor;
    batches_update (self, slot);
}

void
batches_collect (batches_t *self, uint32_t slot, uint32_t session, uint64_t request,
                 uint64_t window)
{
    batch_t *batch = &self->batches.pool [slot];
    if (batch->collector != session || batch->request != request) {
        batch->collector = session;
        batch->request = request;
        batch->next = batch->outcomes.head;
        batch->delivered = batch->collected;
        batch->flight = 0;
    }
    batch->window = window;
    batches_update (self, slot);
}

//  Returns true when the collector may be sent one more outcome.

static bool
s_has_news (const batch_t *batch)
{
    return batch->collector && batch->delivered < batch_places (batch)
           && batch->flight < BATCH_FLIGHT_MAX
           && batch->delivered < batch->collected + batch->window;
}

void
batches_update (batches_t *self, uint32_t slot)
{
    batch_t *pool = self->batches.pool;
    const batch_t *batch = &pool [slot];
    bool news = s_has_news (batch);
    bool linked = batch_news_linked (pool, slot);
    if (news && !linked)
        batch_news_append (&self->news, pool, slot);
    else if (!news && linked)
        batch_news_remove (&self->news, pool, slot);
}

bool
batches_deliver (batches_t *self, const task_t *tasks, uint32_t slot, uint32_t *task)
{
    batch_t *batch = &self->batches.pool [slot];
    *task = batch->next;
    if (!s_has_news (batch))
        return false;
    batch->delivered++;
    if (!*task || tasks [*task].holder > batch->delivered) {
        *task = 0;
        return true;
    }
    batch->next = tasks [*task].member.next;
    batch->flight += tasks [*task].result.size;
    return true;
}

uint64_t
batches_digest (const batches_t *self)
{
    uint64_t digest = 0;
    for (uint32_t slot = 1; slot <= self->batches.used; slot++) {
        const batch_t *batch = &self->batches.pool [slot];
        if (!batch->id)
            continue;
        const uint64_t parts [] = {batch->pushed,    batch->done,      batch->dead,
                                   batch->cancelled, batch->collected, batch->held,
                                   batch->again};
        const uint8_t *name = (const uint8_t *) batch->name;
        uint64_t part = stint_index_text (name, strlen (batch->name), batch->id);
        for (size_t index = 0; index < sizeof parts / sizeof parts [0]; index++)
            part = stint_index_mix (part ^ parts [index]) + index;
        digest += part;
    }
    return digest;
}

//  task: a task, the pool of all of them, and the table of its legal transitions
//  SPDX-License-Identifier: MPL-2.0

#include "task.h"

#define SPAN_BITS 16  //  Of a number within its span
#define SPANS 4096    //  Counts

//  Rows are the state now, columns the state to come. A task that ended well never changes
//  again; a dead or cancelled one does when somebody retries it.

#define S(state) (1u << STINT_##state)

static const unsigned s_may [TASK_STATES] = {
    [0] = S (DELAYED) | S (READY) | S (RUNNING) | S (DONE) | S (DEAD) | S (CANCELLED)
          | S (BLOCKED),
    [STINT_DELAYED] = S (READY) | S (RUNNING) | S (CANCELLED) | S (BLOCKED),
    [STINT_READY] = S (RUNNING) | S (CANCELLED) | S (BLOCKED),
    [STINT_RUNNING] = S (RUNNING) | S (READY) | S (DELAYED) | S (DONE) | S (DEAD)
                      | S (CANCELLED) | S (BLOCKED),
    [STINT_BLOCKED] = S (READY) | S (DELAYED) | S (RUNNING) | S (CANCELLED),
    [STINT_DONE] = 0,
    [STINT_DEAD] = S (READY) | S (BLOCKED),
    [STINT_CANCELLED] = S (READY) | S (BLOCKED),
};

bool
task_may (uint8_t from, uint8_t to)
{
    assert (from < TASK_STATES && to < TASK_STATES);
    return (s_may [from] & 1u << to) != 0;
}

bool
task_ended (uint8_t state)
{
    return state >= STINT_DONE && state <= STINT_CANCELLED;
}

void
tasks_init (tasks_t *self, uint32_t capacity)
{
    *self = (tasks_t){0};
    task_pool_init (&self->tasks, capacity);
    stint_index_init (&self->index, capacity, 0);
    self->spans = calloc (SPANS, sizeof *self->spans);
    if (!self->spans)
        abort ();
}

void
tasks_clear (tasks_t *self)
{
    task_pool_clear (&self->tasks);
    free (self->delays.slots);
    free (self->dues.slots);
    stint_index_clear (&self->index);
    free (self->spans);
}

static uint32_t *
s_span (const tasks_t *self, uint64_t id)
{
    return &self->spans [(id >> SPAN_BITS) % SPANS];
}

uint32_t
tasks_add (tasks_t *self, uint64_t id)
{
    uint32_t slot = task_pool_add (&self->tasks);
    task_t *pool = self->tasks.pool;
    pool [slot].id = id;
    task_list_init (pool, slot);
    task_members_init (pool, slot);
    task_index_put (&self->index, pool, slot);
    task_index_expect (&self->index, id + 16);
    ++*s_span (self, id);
    return slot;
}

void
tasks_remove (tasks_t *self, uint32_t slot)
{
    assert (!task_list_linked (self->tasks.pool, slot));
    assert (!task_members_linked (self->tasks.pool, slot));
    task_index_drop (&self->index, self->tasks.pool, slot);
    --*s_span (self, self->tasks.pool [slot].id);
    task_pool_remove (&self->tasks, slot);
}

void
tasks_expect_end (const tasks_t *self, uint32_t slot)
{
    const task_t *pool = self->tasks.pool;
    uint32_t later = pool [pool [slot].member.next].member.next;
    task_index_expect (&self->index, pool [later].id);
}

uint32_t
tasks_find_far (const tasks_t *self, uint64_t id)
{
    return task_index_find (&self->index, self->tasks.pool, id);
}

uint64_t
tasks_skip (const tasks_t *self, uint64_t id, uint64_t end)
{
    for (int count = 0; id < end && *s_span (self, id) == 0; count++) {
        if (count == SPANS)
            return end;
        id = ((id >> SPAN_BITS) + 1) << SPAN_BITS;
    }
    return id < end ? id : end;
}

//  A task that waits for its time or for another task and one that waits no more are the
//  same to the journal: no record says that time went by.

uint64_t
task_digest (const task_t *self, uint64_t batch, uint64_t terms)
{
    bool waits = self->state == STINT_DELAYED || self->state == STINT_BLOCKED;
    uint8_t state = waits ? STINT_READY : self->state;
    uint32_t position = task_ended (state) ? self->holder : 0;
    const uint64_t parts [] = {
        self->id,
        self->fence,
        (uint64_t) self->payload.size << 32 | self->result.size,
        (uint64_t) self->at,
        (uint64_t) self->until,
        self->group,
        batch,
        (uint64_t) self->number << 32 | position,
        (uint64_t) self->attempts << 48 | (uint64_t) self->failures << 32
            | (uint64_t) self->lost << 16 | state,
        terms,
    };
    uint64_t digest = 0;
    for (size_t index = 0; index < sizeof parts / sizeof parts [0]; index++)
        digest = stint_index_mix (digest ^ parts [index]) + index;
    return digest;
}

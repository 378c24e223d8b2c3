//  core_players: what the clients and workers of a story do
//  SPDX-License-Identifier: MPL-2.0

#include "core_story.h"

#include <stdio.h>
#include <string.h>

const char *const story_groups [3] = {"apples", "bread", "cheese"};

//  Most bodies are short, and some do not fit into a header.

static size_t
s_fill (char *body, int written, uint64_t seed)
{
    uint64_t mixed = stint_index_mix (seed);
    size_t size = (size_t) written;
    size_t more = mixed % 16 == 0 ? 4500 : mixed % 4 == 0 ? 300 : 0;
    memset (body + size, 'a' + (char) (mixed % 26), more);
    return size + more;
}

size_t
story_payload (char *body, uint64_t producer, uint64_t sequence)
{
    int written = snprintf (body, STORY_BODY, "%lu %lu ", producer, sequence);
    return s_fill (body, written, producer ^ sequence << 32);
}

size_t
story_result (char *body, uint64_t id, uint64_t fence)
{
    int written = snprintf (body, STORY_BODY, "%lu %lu ", id, fence);
    return s_fill (body, written, id ^ fence);
}

story_task_t *
story_find (story_t *self, uint64_t id)
{
    for (uint32_t index = 0; index < self->task_count; index++) {
        if (self->tasks [index].id == id)
            return &self->tasks [index];
    }
    return NULL;
}

static story_task_t *
s_any_task (story_t *self)
{
    if (self->task_count == 0)
        return NULL;
    story_task_t *task = &self->tasks [rig_random (self->rig, self->task_count)];
    return task->id ? task : NULL;
}

//  ---------------------------------------------------------------------------------
//  Producers

static void
s_send_push (story_t *self, story_producer_t *producer, const story_push_t *push)
{
    static char bodies [5][STORY_BODY];
    rig_t *rig = self->rig;
    if (!producer->session)
        producer->session = rig_open (rig);
    rig_begin (rig, STP_PUSH, push->batch ? 6 : 5);
    rig_number (rig, 'r', producer->id << 32 | push->sequence);
    rig_text (rig, 'g', story_groups [push->group]);
    rig_number (rig, 'p', producer->id);
    rig_number (rig, 's', push->sequence);
    if (push->batch)
        rig_number (rig, 'b', push->batch);
    rig_list (rig);
    for (uint32_t index = 0; index < push->count; index++) {
        stint_item_t item = {.delay = push->delay};
        size_t size = story_payload (bodies [index], producer->id, push->sequence + index);
        item.body = (stint_bytes_t){(uint8_t *) bodies [index], size};
        rig_item (rig, STP_PUSH, &item);
    }
    rig_send (rig, producer->session);
}

static uint64_t
s_oldest (const story_producer_t *producer)
{
    return producer->pushed > 8 ? producer->pushed - 8 : 0;
}

//  Sends the unanswered pushes from a sequence number on again, in order.

void
story_repush (story_t *self, story_producer_t *producer, uint64_t from)
{
    for (uint64_t number = s_oldest (producer); number < producer->pushed; number++) {
        story_push_t *push = &producer->pushes [number % 8];
        if (push->sequence >= from && !push->answered)
            s_send_push (self, producer, push);
    }
}

void
story_push (story_t *self)
{
    story_producer_t *producer = &self->producers [rig_random (self->rig, STORY_PRODUCERS)];
    if (producer->pushed >= 8 && !producer->pushes [producer->pushed % 8].answered)
        return;
    uint32_t count = 1 + (uint32_t) rig_random (self->rig, 5);
    if (self->task_count + count > STORY_TASKS)
        return;
    story_push_t *push = &producer->pushes [producer->pushed++ % 8];
    *push = (story_push_t){.sequence = producer->next, .count = count};
    push->group = (uint32_t) rig_random (self->rig, 3);
    if (rig_random (self->rig, 2))
        push->batch = self->batches [rig_random (self->rig, STORY_BATCHES)].id;
    if (rig_random (self->rig, 5) == 0)
        push->delay = rig_random (self->rig, 4000);
    for (uint32_t index = 0; index < count; index++)
        self->tasks [self->task_count++] =
            (story_task_t){.producer = producer->id,
                           .sequence = producer->next + index,
                           .at = self->rig->now};
    producer->next += count;
    s_send_push (self, producer, push);
}

void
story_push_again (story_t *self)
{
    story_producer_t *producer = &self->producers [rig_random (self->rig, STORY_PRODUCERS)];
    if (producer->pushed == 0)
        return;
    uint64_t back = 1 + rig_random (self->rig, producer->pushed < 8 ? producer->pushed : 8);
    s_send_push (self, producer, &producer->pushes [(producer->pushed - back) % 8]);
}

//  A push out of its turn. Whether it is refused is checked when it is answered.

void
story_push_wrongly (story_t *self)
{
    story_producer_t *producer = &self->producers [rig_random (self->rig, STORY_PRODUCERS)];
    story_push_t push = {.sequence = producer->next + 1 + rig_random (self->rig, 9)};
    push.count = 1;
    s_send_push (self, producer, &push);
}

//  ---------------------------------------------------------------------------------
//  Workers

void
story_join (story_t *self, story_worker_t *worker)
{
    rig_t *rig = self->rig;
    if (worker->session)
        return;
    worker->session = rig_open (rig);
    worker->silent = false;
    bool narrow = rig_random (rig, 4) == 0;
    rig_begin (rig, STP_READY, narrow ? 6 : 5);
    rig_number (rig, 'r', ++self->request);
    rig_number (rig, 'w', worker->id);
    rig_number (rig, 'c', 1 + rig_random (rig, 8));
    uint64_t first = rig_random (rig, 2);
    rig_groups (rig, story_groups + (self->calm ? 0 : first),
                self->calm ? 3 : 1 + (uint32_t) rig_random (rig, 2));
    if (narrow)
        rig_number (rig, 'l', 1000);
    rig_list (rig);
    for (uint32_t index = 0; index < worker->held_count; index++) {
        story_held_t *held = &worker->held [index];
        held->sent = false;
        rig_item (rig, STP_READY, &(stint_item_t){.id = held->id, .fence = held->fence});
    }
    rig_send (rig, worker->session);
}

static uint32_t
s_verdict (story_t *self)
{
    uint64_t number = rig_random (self->rig, 20);
    if (self->calm || number < 14)
        return 0;
    return number < 17 ? 1 : number < 19 ? 2 : 3;
}

//  Sends the results of a few of the attempts that it holds, and sometimes of one that
//  nobody has ever given it.

void
story_work (story_t *self, story_worker_t *worker)
{
    static char bodies [4][STORY_BODY];
    rig_t *rig = self->rig;
    if (!worker->session || worker->silent || worker->held_count == 0)
        return;
    rig_begin (rig, STP_RESULT, 2);
    rig_number (rig, 'r', ++self->request);
    rig_list (rig);
    for (uint32_t index = 0; index < 3; index++) {
        story_held_t *held = &worker->held [rig_random (rig, worker->held_count)];
        if (held->sent)
            continue;
        held->sent = true;
        held->verdict = held->request ? held->verdict : s_verdict (self);
        held->request = self->request;
        size_t size = story_result (bodies [index], held->id, held->fence);
        stint_item_t item = {.id = held->id, .fence = held->fence};
        item.verdict = held->verdict;
        item.delay = rig_random (rig, 4) == 0 ? rig_random (rig, 3000) : 0;
        item.body = (stint_bytes_t){(uint8_t *) bodies [index], size};
        rig_item (rig, STP_RESULT, &item);
    }
    if (!self->calm && rig_random (rig, 4) == 0) {
        stint_item_t item = {.id = worker->held [0].id, .fence = rig_random (rig, 0) >> 1};
        item.body = stint_bytes_of ("a result of no attempt");
        rig_item (rig, STP_RESULT, &item);
    }
    rig_send (rig, worker->session);
}

static void
s_drop (story_worker_t *worker, uint32_t index)
{
    worker->held [index] = worker->held [--worker->held_count];
}

void
story_give_back (story_t *self, story_worker_t *worker)
{
    rig_t *rig = self->rig;
    if (!worker->session || worker->silent || worker->held_count == 0)
        return;
    uint32_t index = (uint32_t) rig_random (rig, worker->held_count);
    if (worker->held [index].sent)
        return;
    rig_begin (rig, STP_RETURN, 1);
    rig_list (rig);
    rig_item (rig, STP_RETURN,
              &(stint_item_t){.id = worker->held [index].id,
                              .fence = worker->held [index].fence});
    s_drop (worker, index);
    rig_send (rig, worker->session);
}

//  It leaves: with a word, or its connection breaks, or it falls silent.

void
story_bye (story_t *self, story_worker_t *worker)
{
    rig_t *rig = self->rig;
    if (!worker->session)
        return;
    uint64_t how = rig_random (rig, 4);
    if (how == 0) {
        rig_begin (rig, STP_BYE, 0);
        worker->held_count = 0;
        rig_send (rig, worker->session);
    }
    else if (how == 1)
        core_leave (rig->core, worker->session);
    else {
        worker->silent = true;
        return;
    }
    worker->session = 0;
}

//  ---------------------------------------------------------------------------------
//  Collectors and the rest

void
story_open_batch (story_t *self, uint32_t index)
{
    static const char *const names [STORY_BATCHES] = {"monday", "tuesday", "wednesday"};
    story_batch_t *batch = &self->batches [index];
    if (!batch->session)
        batch->session = rig_open (self->rig);
    rig_begin (self->rig, STP_BATCH, 3);
    rig_number (self->rig, 'r', 1);
    rig_text (self->rig, 'g', story_groups [index]);
    rig_text (self->rig, 'n', names [index]);
    rig_send (self->rig, batch->session);
}

static void
s_send_cursor (story_t *self, story_batch_t *batch)
{
    rig_t *rig = self->rig;
    if (rig_random (rig, 2) || self->calm)
        batch->cursor = batch->received;
    rig_begin (rig, STP_COLLECT, 4);
    rig_number (rig, 'r', batch->request);
    rig_number (rig, 'b', batch->id);
    rig_number (rig, 'c', 1 + rig_random (rig, 20));
    rig_number (rig, 'k', batch->cursor);
    rig_send (rig, batch->session);
}

void
story_collect (story_t *self, uint32_t index)
{
    rig_t *rig = self->rig;
    story_batch_t *batch = &self->batches [index];
    if (!batch->id) {
        story_open_batch (self, index);
        return;
    }
    if (batch->session && !batch->fresh && rig_random (rig, 8) > 0)
        s_send_cursor (self, batch);
    else if (!batch->session || rig_random (rig, 8) == 0) {
        //  On a connection of its own, so that nothing that was said before comes to it
        batch->session = rig_open (rig);
        batch->request = ++self->request;
        batch->fresh = true;
        s_send_cursor (self, batch);
    }
}

void
story_cancel (story_t *self)
{
    story_task_t *task = s_any_task (self);
    story_producer_t *producer = &self->producers [0];
    if (!task || !producer->session)
        return;
    task->adopted_by = 0;
    rig_begin (self->rig, STP_CANCEL, 2);
    rig_number (self->rig, 'r', 0);
    rig_number (self->rig, 'i', task->id);
    rig_send (self->rig, producer->session);
}

void
story_watch (story_t *self)
{
    const story_task_t *task = s_any_task (self);
    story_producer_t *producer = &self->producers [1];
    if (!task || !producer->session)
        return;
    rig_begin (self->rig, STP_COLLECT, 2);
    rig_number (self->rig, 'r', task->id);
    rig_number (self->rig, 'i', task->id);
    rig_send (self->rig, producer->session);
}

//  Somebody changes the settings of a group, or removes it.

void
story_rule (story_t *self)
{
    static const char *const names [] = {"max_tasks", "backoff", "keep_results",
                                         "max_attempts"};
    static const uint64_t least [] = {5, 1, STORY_KEPT, 1};
    static const uint64_t more [] = {60, 3000, 100000, 6};
    rig_t *rig = self->rig;
    story_producer_t *producer = &self->producers [2];
    if (!producer->session)
        return;
    bool removes = rig_random (rig, 3) == 0;
    rig_begin (rig, STP_GROUP, removes ? 3 : 4);
    rig_number (rig, 'r', 0);
    rig_text (rig, 'g', story_groups [rig_random (rig, 3)]);
    rig_text (rig, 'o', removes ? "remove" : "set");
    if (!removes) {
        uint64_t which = rig_random (rig, 4);
        self->aged |= which == 2;
        stint_wire_field (&rig->header, 'f');
        stint_write_map (&rig->header, 1);
        stint_write_text (&rig->header, names [which]);
        stint_write_number (&rig->header, least [which] + rig_random (rig, more [which]));
    }
    rig_send (rig, producer->session);
}

static void
s_beat (rig_t *rig, uint32_t session)
{
    if (!session)
        return;
    rig_begin (rig, STP_HEARTBEAT, 0);
    rig_send (rig, session);
}

void
story_beat (story_t *self)
{
    for (size_t index = 0; index < STORY_PRODUCERS; index++)
        s_beat (self->rig, self->producers [index].session);
    for (size_t index = 0; index < STORY_BATCHES; index++)
        s_beat (self->rig, self->batches [index].session);
    for (size_t index = 0; index < STORY_WORKERS; index++) {
        if (!self->workers [index].silent)
            s_beat (self->rig, self->workers [index].session);
    }
}

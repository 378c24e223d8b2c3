//  core_story: clients and workers that live with a core, at random, and check its promises
//  SPDX-License-Identifier: MPL-2.0

#include "core_story.h"

#include <stdlib.h>
#include <string.h>

static uint64_t
s_hash (const char *data, size_t size)
{
    return stint_index_text ((const uint8_t *) data, size, 1);
}

//  ---------------------------------------------------------------------------------
//  What producers hear

static story_task_t *
s_pushed (story_t *self, uint64_t producer, uint64_t sequence)
{
    for (uint32_t index = 0; index < self->task_count; index++) {
        story_task_t *task = &self->tasks [index];
        if (task->producer == producer && task->sequence == sequence)
            return task;
    }
    return NULL;
}

static story_push_t *
s_push_of (story_producer_t *producer, uint64_t request)
{
    uint64_t sequence = request >> 32 == producer->id ? request & UINT32_MAX : 0;
    for (size_t index = 0; index < 8; index++) {
        if (producer->pushes [index].count > 0
            && producer->pushes [index].sequence == sequence)
            return &producer->pushes [index];
    }
    return NULL;
}

static void
s_hear_accepted_push (story_t *self, story_producer_t *producer, const reply_t *reply)
{
    story_push_t *push = s_push_of (producer, reply->request);
    if (!push || reply->id == 0)
        return;
    rig_check (reply->count == push->count, "%lu tasks accepted", reply->count);
    rig_check (!push->answered || push->id == reply->id,
               "the same push is task %lu, then %lu", push->id, reply->id);
    push->answered = true;
    push->id = reply->id;
    for (uint32_t index = 0; index < push->count; index++) {
        story_task_t *task = s_pushed (self, producer->id, push->sequence + index);
        rig_check (!task->id || task->id == reply->id + index, "another number");
        //  Answered so late that its end may be forgotten: nobody has seen it
        if (!task->id && self->rig->now > task->at + STORY_KEPT)
            task->ended = true;
        task->id = reply->id + index;
    }
}

//  The producer was silent too long: it begins anew, and cannot know what became of what
//  was not answered.

void
story_begin_again (story_t *self, story_producer_t *producer)
{
    uint32_t session = producer->session;
    *producer = (story_producer_t){.id = ++self->producer, .session = session, .next = 1};
}

static void
s_hear_unknown (story_t *self, story_producer_t *producer, uint64_t request)
{
    const core_t *core = self->rig->core;
    story_push_t *push = s_push_of (producer, request);
    if (push && push->batch && !batches_find (&core->batches, push->batch))
        push->batch = 0;
    else if (push && self->aged && !producers_find (&core->producers, producer->id))
        story_begin_again (self, producer);
}

static void
s_hear_as_producer (story_t *self, story_producer_t *producer, const rig_said_t *said)
{
    const reply_t *reply = &said->reply;
    if (reply->command == STP_ACCEPTED)
        s_hear_accepted_push (self, producer, reply);
    else if (reply->command == STP_BYE)
        producer->session = 0;
    else if (reply->command == STP_ERROR && strcmp (said->body, "sequence") == 0) {
        const story_push_t *push = s_push_of (producer, reply->request);
        rig_check (!push || !push->answered || push->sequence < reply->sequence,
                   "an accepted push is not accepted any more");
        rig_check (reply->sequence <= producer->next, "a sequence that nobody pushed");
    }
    else if (reply->command == STP_ERROR && strcmp (said->body, "unknown") == 0)
        s_hear_unknown (self, producer, reply->request);
    else if (reply->command == STP_OUTCOME)
        rig_check (reply->request == reply->id, "an outcome of another task");
}

//  ---------------------------------------------------------------------------------
//  What workers hear

static void
s_drop (story_worker_t *worker, uint64_t id, uint64_t fence)
{
    for (uint32_t index = 0; index < worker->held_count; index++) {
        if (worker->held [index].id == id && worker->held [index].fence == fence)
            worker->held [index--] = worker->held [--worker->held_count];
    }
}

//  Returns what was told of the end of a task, or null, or adds it.

static story_told_t *
s_told (story_t *self, uint64_t id)
{
    for (uint32_t index = 0; index < self->end_count; index++) {
        if (self->ends [index].id == id)
            return &self->ends [index];
    }
    return NULL;
}

//  A task's end was told: it must never be told otherwise.

static story_told_t *
s_confirm (story_t *self, uint64_t id, uint8_t state, uint64_t result)
{
    story_told_t *told = s_told (self, id);
    if (!told) {
        rig_check (self->end_count < STORY_TASKS, "too many ends");
        told = &self->ends [self->end_count++];
        *told = (story_told_t){.id = id, .state = state, .result = result};
    }
    rig_check (told->state == state, "task %lu ended as %d, then as %d", id, told->state,
               state);
    rig_check (told->result == result, "task %lu has two results", id);
    return told;
}

static void
s_hear_task (story_t *self, story_worker_t *worker, const rig_said_t *said)
{
    static char body [STORY_BODY];
    const reply_t *reply = &said->reply;
    char *rest;
    uint64_t producer = strtoull (said->body, &rest, 10);
    uint64_t sequence = strtoull (rest, NULL, 10);
    story_task_t *task = s_pushed (self, producer, sequence);
    size_t size = story_payload (body, producer, sequence);
    rig_check (task && said->size == size && memcmp (said->body, body, size) == 0,
               "task %lu is not what was pushed", reply->id);
    rig_check (!task->id || task->id == reply->id, "task %lu is %lu", task->id, reply->id);
    rig_check (!s_told (self, reply->id), "task %lu is given out after its end", reply->id);
    rig_check (reply->fence > task->fence, "the fence of task %lu does not grow",
               reply->id);
    rig_check (!task->adopted_by, "task %lu is run again, though a worker of before has it",
               reply->id);
    task->fence = reply->fence;
    rig_check (worker->held_count < STORY_HELD, "more than its credit");
    worker->held [worker->held_count++] =
        (story_held_t){reply->id, reply->fence, producer, sequence, 0, false, 0};
}

static void
s_hear_stale (story_t *self, story_worker_t *worker, const reply_t *reply)
{
    const story_task_t *task = story_find (self, reply->id);
    for (uint32_t index = 0; index < worker->held_count; index++) {
        if (worker->held [index].id == reply->id
            && worker->held [index].fence == reply->fence)
            rig_check (!task || task->adopted_by != worker->id,
                       "a living worker's attempt at task %lu is not adopted", reply->id);
    }
    s_drop (worker, reply->id, reply->fence);
}

static void
s_hear_accepted_result (story_t *self, story_worker_t *worker, uint64_t request)
{
    static char body [STORY_BODY];
    for (uint32_t index = 0; index < worker->held_count; index++) {
        story_held_t held = worker->held [index];
        if (!held.sent || held.request != request)
            continue;
        size_t size = story_result (body, held.id, held.fence);
        const story_task_t *task = s_pushed (self, held.producer, held.sequence);
        rig_check (!task->id || task->id == held.id, "a result is taken for another task");
        const story_task_t *other = story_find (self, held.id);
        rig_check (!other || other == task, "a result is taken for another task");
        if (held.verdict == 0)
            s_confirm (self, held.id, STINT_DONE, s_hash (body, size));
        worker->held [index--] = worker->held [--worker->held_count];
    }
}

static void
s_hear_as_worker (story_t *self, story_worker_t *worker, const rig_said_t *said)
{
    const reply_t *reply = &said->reply;
    if (reply->command == STP_TASK)
        s_hear_task (self, worker, said);
    else if (reply->command == STP_STALE)
        s_hear_stale (self, worker, reply);
    else if (reply->command == STP_REVOKE)
        s_drop (worker, reply->id, reply->fence);
    else if (reply->command == STP_ACCEPTED)
        s_hear_accepted_result (self, worker, reply->request);
    else if (reply->command == STP_BYE)
        worker->session = 0;
    else
        rig_check (reply->command == STP_HEARTBEAT, "a worker hears %d", reply->command);
}

//  ---------------------------------------------------------------------------------
//  What collectors hear

static void
s_hear_outcome (story_t *self, story_batch_t *batch, const rig_said_t *said)
{
    const reply_t *reply = &said->reply;
    if (reply->batch != batch->id)
        return;
    uint64_t place = reply->cursor;
    rig_check (batch->fresh ? place > batch->cursor : place > batch->received,
               "outcome %lu comes again", place);
    uint64_t next = batch->received + 1;
    rig_check (batch->fresh ? place <= next : place == next, "outcome %lu comes behind %lu",
               place, batch->received);
    batch->fresh = false;
    batch->received = place;
    if (reply->id == 0)
        return;  //  An empty place: its time was over
    uint64_t hash = s_hash (said->body, said->size);
    story_told_t *told = s_confirm (self, reply->id, reply->state, hash);
    rig_check (!told->position || told->batch != batch->id || told->position == place,
               "task %lu is at another place", reply->id);
    told->batch = batch->id;
    told->position = place;
}

static void
s_hear_as_collector (story_t *self, story_batch_t *batch, const rig_said_t *said)
{
    const reply_t *reply = &said->reply;
    if (reply->command == STP_OUTCOME)
        s_hear_outcome (self, batch, said);
    else if (reply->command == STP_BYE)
        batch->session = 0;
    else if (reply->command == STP_ERROR && strcmp (said->body, "unknown") == 0)
        batch->id = 0;
    else if (reply->command == STP_ERROR)
        rig_check (false, "a collector hears %s", said->body);
    else if (reply->command == STP_ACCEPTED && reply->batch != batch->id) {
        batch->id = reply->batch;
        batch->cursor = batch->received = reply->cursor;
        batch->session = 0;
    }
}

void
story_listen (story_t *self)
{
    const rig_said_t *said;
    while ((said = rig_hear (self->rig, 0, 0)) != NULL) {
        uint32_t session = said->reply.session;
        for (size_t index = 0; index < STORY_PRODUCERS; index++) {
            if (self->producers [index].session == session)
                s_hear_as_producer (self, &self->producers [index], said);
        }
        for (size_t index = 0; index < STORY_WORKERS; index++) {
            if (self->workers [index].session == session)
                s_hear_as_worker (self, &self->workers [index], said);
        }
        for (size_t index = 0; index < STORY_BATCHES; index++) {
            if (self->batches [index].session == session)
                s_hear_as_collector (self, &self->batches [index], said);
        }
    }
}

//  ---------------------------------------------------------------------------------
//  What has to be so at any time

//  No task that was accepted is lost: it is there, or it has ended and was collected, or
//  its time was over.

void
story_look (story_t *self)
{
    static char body [STORY_BODY];
    for (uint32_t index = 0; index < self->task_count; index++) {
        story_task_t *task = &self->tasks [index];
        const task_t *there = task->id ? rig_task (self->rig, task->id) : NULL;
        if (!task->id)
            continue;
        const story_told_t *told = s_told (self, task->id);
        if (there) {
            rig_check (!told || there->state == told->state,
                       "task %lu had ended as %d and is %d", task->id, told->state,
                       there->state);
            task->ended |= task_ended (there->state);
            task->until = task_ended (there->state) ? there->until : task->until;
            size_t size = story_result (body, task->id, there->fence);
            rig_check (there->state != STINT_DONE || there->result.size == size,
                       "the result of task %lu has another size", task->id);
            continue;
        }
        rig_check ((told && told->position)
                       || (task->ended && task->until <= self->rig->now),
                   "task %lu was accepted and is lost", task->id);
    }
}

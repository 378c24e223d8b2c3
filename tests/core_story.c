//  core_story: clients and workers that live with a core, at random, and check its promises
//  SPDX-License-Identifier: MPL-2.0

#include "core_story.h"

#include <stdio.h>
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

static void
s_begin_again (story_t *self, story_producer_t *producer)
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
        s_begin_again (self, producer);
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
    unsigned long producer;
    unsigned long sequence;
    rig_check (sscanf (said->body, "%lu %lu ", &producer, &sequence) == 2,
               "no such payload");
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
    rig_check (self->aged || (batch->fresh ? place <= next : place == next),
               "outcome %lu comes behind %lu", place, batch->received);
    batch->fresh = false;
    batch->received = place;
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

static void
s_look (story_t *self)
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

//  ---------------------------------------------------------------------------------
//  Crashes

//  Which attempts must go on: the worker was there, the task and its push are known, and
//  nobody else claims it.

static void
s_expect (story_t *self, story_worker_t *worker, const story_held_t *held)
{
    story_task_t *task = story_find (self, held->id);
    const task_t *there = rig_task (self->rig, held->id);
    if (!task || !there || task_ended (there->state)
        || there->id >= self->rig->core->known_id)
        return;
    if (held->fence < there->fence
        || (held->fence == there->fence && there->state != STINT_RUNNING))
        return;
    for (size_t index = 0; index < STORY_WORKERS; index++) {
        const story_worker_t *other = &self->workers [index];
        for (uint32_t which = 0; which < other->held_count; which++) {
            if (other->held [which].id == held->id && &other->held [which] != held)
                return;
        }
    }
    //  One that claims an attempt of an earlier life is awaited in the next only when it is
    //  durable that it came back; one that was given a task in this life is in any case
    if (held->fence > there->fence && !roster_find (&self->rig->core->roster, worker->id)) {
        rig_check (held->fence >> 40 < self->rig->epoch - 1,
                   "a worker that has a task is not awaited");
        return;
    }
    task->adopted_by = (uint32_t) worker->id;
}

static void
s_crash (story_t *self, uint64_t number)
{
    rig_crash (self->rig, number);
    self->crashes++;
    for (size_t index = 0; index < STORY_WORKERS; index++) {
        story_worker_t *worker = &self->workers [index];
        for (uint32_t which = 0; worker->session && which < worker->held_count; which++)
            s_expect (self, worker, &worker->held [which]);
        worker->session = 0;
    }
    for (size_t index = 0; index < STORY_PRODUCERS; index++)
        self->producers [index].session = 0;
    for (size_t index = 0; index < STORY_BATCHES; index++)
        self->batches [index].session = 0;
    s_look (self);
    core_audit (self->rig->core);
}

//  A worker that came back in time was let go on, or was told that it was not.

static void
s_adopted (story_t *self, const story_worker_t *worker)
{
    for (uint32_t index = 0; index < self->task_count; index++) {
        if (self->tasks [index].adopted_by == worker->id) {
            self->tasks [index].adopted_by = 0;
            self->adoptions++;
        }
    }
}

static void
s_join (story_t *self, story_worker_t *worker)
{
    story_join (self, worker);
    story_listen (self);
    if (worker->session)
        s_adopted (self, worker);
}

static void
s_give_up_adoptions (story_t *self)
{
    if (self->rig->now < self->rig->core->orphans_until)
        return;
    for (uint32_t index = 0; index < self->task_count; index++)
        self->tasks [index].adopted_by = 0;
}

//  ---------------------------------------------------------------------------------
//  Events

static void
s_turn (story_t *self)
{
    rig_turn (self->rig);
    story_listen (self);
    s_give_up_adoptions (self);
}

static void
s_pass (story_t *self, int64_t span_ms)
{
    for (; span_ms > 0; span_ms -= 700) {
        self->rig->now += span_ms < 700 ? span_ms : 700;
        story_beat (self);
        s_give_up_adoptions (self);
        s_turn (self);
        s_look (self);
    }
}

//  Two hours in one step: everybody is missed, and what is old is forgotten. A push of
//  before that comes again now could not be told from a new one.

static void
s_age (story_t *self)
{
    s_look (self);
    self->aged = true;
    self->rig->now += 7200000;
    s_turn (self);
    s_look (self);
    for (size_t index = 0; index < STORY_PRODUCERS; index++)
        s_begin_again (self, &self->producers [index]);
}

static void
s_time (story_t *self)
{
    uint64_t number = rig_random (self->rig, 100);
    if (number < 70)
        s_pass (self, (int64_t) rig_random (self->rig, 60));
    else if (number < 98)
        s_pass (self, (int64_t) rig_random (self->rig, 3000));
    else if (number < 99 || self->rig->now % 4)
        s_pass (self, 25000);
    else
        s_age (self);
    if (number == 0)
        core_forgive (self->rig->core, 600);
}

static void
s_disk (story_t *self)
{
    rig_t *rig = self->rig;
    uint64_t number = rig_random (rig, 40);
    if (number < 16)
        rig_seal (rig);
    else if (number < 37)
        rig_commit (rig, rig->durable + rig_random (rig, rig->sealed - rig->durable + 1));
    else if (number < 39 || rig->sealed == 0)
        s_crash (self, rig->durable + rig_random (rig, rig->sealed - rig->durable + 1));
    else {
        core_stop (rig->core, rig->now, rig->effects);
        rig->effects->count = 0;
        rig_seal (rig);
        rig_commit (rig, rig->sealed);
        story_listen (self);
        s_crash (self, rig->sealed);
    }
}

static void
s_work (story_t *self)
{
    story_worker_t *worker = &self->workers [rig_random (self->rig, STORY_WORKERS)];
    uint64_t number = rig_random (self->rig, 40);
    if (!worker->session) {
        if (number < 20)
            s_join (self, worker);
    }
    else if (number < 36)
        story_work (self, worker);
    else if (number < 38)
        story_give_back (self, worker);
    else
        story_bye (self, worker);
}

static void
s_client (story_t *self)
{
    uint64_t number = rig_random (self->rig, 40);
    uint32_t index = (uint32_t) rig_random (self->rig, STORY_BATCHES);
    if (number < 14)
        story_push (self);
    else if (number < 18)
        story_push_again (self);
    else if (number < 19)
        story_push_wrongly (self);
    else if (number < 21)
        story_repush (self, &self->producers [index], 0);
    else if (number < 25)
        story_cancel (self);
    else if (number < 27)
        story_watch (self);
    else if (number < 30)
        story_rule (self);
    else
        story_collect (self, index);
}

void
story_event (story_t *self)
{
    uint64_t number = rig_random (self->rig, 10);
    if (number < 3)
        s_client (self);
    else if (number < 6)
        s_work (self);
    else if (number < 8)
        s_disk (self);
    else
        s_time (self);
    s_turn (self);
    if (rig_random (self->rig, 16) == 0)
        core_audit (self->rig->core);
}

//  ---------------------------------------------------------------------------------
//  Beginning and end

story_t *
story_new (uint64_t seed)
{
    story_t *self = calloc (1, sizeof *self);
    rig_check (self, "no memory");
    static const uint64_t slacks [] = {0, 300, 5000, JOURNAL_SLACK};
    static const uint64_t memories [] = {0, 4096, 64 << 20};
    core_limits_t limits = rig_limits ();
    limits.memory_max = memories [seed % 3];
    limits.defaults.max_tasks = 60;
    limits.defaults.backoff = 100;
    limits.defaults.backoff_max = 3000;
    self->rig = rig_new (&limits);
    self->rig->chance = stint_index_mix (seed);
    self->rig->slack = slacks [seed % 4];
    journal_set_slack (core_journal (self->rig->core), self->rig->slack);
    self->rig->keeps_up = false;
    for (size_t index = 0; index < STORY_PRODUCERS; index++)
        s_begin_again (self, &self->producers [index]);
    for (size_t index = 0; index < STORY_WORKERS; index++)
        self->workers [index].id = index + 1;
    return self;
}

void
story_destroy (story_t **self_p)
{
    rig_destroy (&(*self_p)->rig);
    free (*self_p);
    *self_p = NULL;
}

static bool
s_is_done (const story_t *self)
{
    const core_t *core = self->rig->core;
    for (size_t index = 0; index < STORY_PRODUCERS; index++) {
        for (size_t push = 0; push < 8; push++) {
            const story_push_t *at = &self->producers [index].pushes [push];
            if (at->count > 0 && !at->answered)
                return false;
        }
    }
    for (uint32_t slot = 1; slot <= core->groups.groups.used; slot++) {
        const group_t *group = &core->groups.groups.pool [slot];
        if (group->counts [STINT_DELAYED] + group->counts [STINT_READY]
                + group->counts [STINT_RUNNING]
            > 0)
            return false;
    }
    for (size_t index = 0; index < STORY_BATCHES; index++) {
        uint32_t slot = batches_find (&core->batches, self->batches [index].id);
        const batch_t *batch = &core->batches.batches.pool [slot];
        if (slot && self->batches [index].received < batch_ended (batch) && batch->held > 0)
            return false;
    }
    return true;
}

void
story_end (story_t *self)
{
    self->rig->keeps_up = true;
    self->calm = true;
    for (size_t index = 0; index < 3; index++)
        rig_set (self->rig, rig_open (self->rig), story_groups [index], "max_tasks",
                 100000);
    s_turn (self);
    s_crash (self, self->rig->sealed);
    for (int round = 0; round < 400 && !s_is_done (self); round++) {
        for (uint32_t index = 0; index < STORY_WORKERS; index++) {
            s_join (self, &self->workers [index]);
            story_work (self, &self->workers [index]);
        }
        for (uint32_t index = 0; index < STORY_PRODUCERS; index++) {
            story_repush (self, &self->producers [index], 0);
            story_listen (self);
        }
        for (uint32_t index = 0; index < STORY_BATCHES; index++) {
            story_collect (self, index);
            story_listen (self);
        }
        s_turn (self);
        s_pass (self, 300);
    }
    rig_check (s_is_done (self), "it does not come to an end");
    s_look (self);
    core_audit (self->rig->core);
}

//  core_plot: how a story goes: events at random, crashes, and a good end
//  SPDX-License-Identifier: MPL-2.0

#include "core_story.h"

#include <stdlib.h>

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
    story_look (self);
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
        story_look (self);
    }
}

//  Two hours in one step: everybody is missed, and what is old is forgotten. A push of
//  before that comes again now could not be told from a new one.

static void
s_age (story_t *self)
{
    story_look (self);
    self->aged = true;
    self->rig->now += 7200000;
    s_turn (self);
    story_look (self);
    for (size_t index = 0; index < STORY_PRODUCERS; index++)
        story_begin_again (self, &self->producers [index]);
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
        story_begin_again (self, &self->producers [index]);
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
    story_look (self);
    core_audit (self->rig->core);
}

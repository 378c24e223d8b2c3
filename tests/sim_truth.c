//  sim_truth: what the world knows of each task, and holds the broker to
//  SPDX-License-Identifier: MPL-2.0

#include "sim_truth.h"
#include "sim_schedule.h"
#include "sim_terms.h"

#include "core_audit.h"

#define IDS (SIM_TRUTHS * 4)
#define NONCE_UNKNOWN UINT32_MAX

uint32_t
sim_truth_push (sim_t *self, const sim_push_t *push)
{
    sim_truth_t *truth = &self->truths [self->truth_count];
    *truth = (sim_truth_t){.group = push->group, .delay = push->delay};
    truth->terms = push->terms;
    self->counts.pushed++;
    return self->truth_count++;
}

//  Numbers are remembered in a hash; one that is not the last number of its task is not
//  found again.

static uint32_t
s_place (const sim_t *self, uint64_t id)
{
    uint32_t at = (uint32_t) (stint_index_mix (id) % IDS);
    while (self->ids [at].id && self->ids [at].id != id)
        at = (at + 1) % IDS;
    return at;
}

sim_truth_t *
sim_truth_of (sim_t *self, uint64_t id)
{
    uint32_t at = s_place (self, id);
    sim_truth_t *truth = &self->truths [self->ids [at].truth];
    return self->ids [at].id && truth->id == id ? truth : NULL;
}

void
sim_truth_name (sim_t *self, uint32_t which, uint64_t id)
{
    sim_truth_t *truth = &self->truths [which];
    if (truth->id == id)
        return;
    if (truth->id) {
        sim_check (self, !truth->accepted, "S3", "task %lu was accepted and is task %lu",
                   truth->id, id);
        sim_seen (self, RARE_PUSH_UNDONE);
    }
    uint32_t at = s_place (self, id);
    sim_check (self, !self->ids [at].id || self->ids [at].truth == which, "S3",
               "task %lu is two tasks", id);
    self->ids [at].id = id;
    self->ids [at].truth = which;
    sim_check (self, ++self->id_count < IDS, "model", "too many numbers");
    truth->id = id;
    truth->taken_at = self->broker.now;
    truth->due = false;
    truth->begun = false;
}

void
sim_truth_told (sim_t *self, uint64_t id, uint8_t state, uint64_t fence, uint32_t nonce)
{
    sim_truth_t *truth = sim_truth_of (self, id);
    sim_check (self, truth, "S2", "task %lu ended, and nobody pushed it", id);
    //  Of one that was retried an earlier end may be told late, and only one that is good
    //  is the last
    if (truth->retried && truth->told == STINT_DONE && state != STINT_DONE)
        return;
    if (!truth->told || (truth->retried && truth->told != STINT_DONE)) {
        self->counts.ended += !truth->told;
        truth->told = state;
        truth->result_fence = fence;
        truth->nonce = nonce;
    }
    if (truth->nonce == NONCE_UNKNOWN)
        truth->nonce = nonce;
    sim_check (self, truth->told == state, "S17", "task %lu ended as %s, then as %s", id,
               stint_state_name ((stint_state_t) truth->told),
               stint_state_name ((stint_state_t) state));
    sim_check (self, truth->result_fence == fence && truth->nonce == nonce, "S4",
               "task %lu has two results", id);
}

void
sim_truth_recorded (sim_t *self, uint64_t id, uint64_t fence)
{
    sim_truth_t *truth = sim_truth_of (self, id);
    uint32_t nonce = truth && truth->told == STINT_DONE ? truth->nonce : NONCE_UNKNOWN;
    sim_truth_told (self, id, STINT_DONE, fence, nonce);
}

//  ---------------------------------------------------------------------------------
//  Looking

//  A task that is not there was collected, or its time was over.

static bool
s_may_be_gone (const sim_t *self, const sim_truth_t *truth)
{
    if (truth->dropped || (truth->ended && truth->until <= self->broker.now))
        return true;
    return truth->told && truth->position
           && self->acked [truth->batch % SIM_ACKED].id == truth->batch
           && truth->position <= self->acked [truth->batch % SIM_ACKED].cursor;
}

static void
s_look_at (sim_t *self, sim_truth_t *truth)
{
    if (truth->settled)
        return;
    const core_t *core = self->broker.core;
    uint32_t slot = tasks_find (&core->tasks, truth->id);
    if (!slot && !truth->accepted)
        return;
    if (!slot) {
        sim_check (self, s_may_be_gone (self, truth), "S1",
                   "task %lu was accepted and is lost", truth->id);
        if (truth->ended && truth->until <= self->broker.now)
            sim_seen (self, RARE_DROPPED);
        truth->settled = true;
        return;
    }
    const task_t *task = &core->tasks.tasks.pool [slot];
    truth->ended = task_ended (task->state) ? task->state : 0;
    truth->until = truth->ended ? task->until : 0;
    bool again = truth->retried && truth->told != STINT_DONE;
    sim_check (self, !truth->told || again || truth->told == task->state, "S4",
               "task %lu ended as %s and is %s", truth->id,
               stint_state_name ((stint_state_t) truth->told),
               stint_state_name ((stint_state_t) task->state));
    sim_check (self, truth->told != STINT_DONE || task->fence == truth->result_fence, "S4",
               "task %lu has the result of another attempt", truth->id);
}

bool
sim_truth_drops (const sim_t *self)
{
    const groups_t *groups = &self->broker.core->groups;
    const task_t *tasks = self->broker.core->tasks.tasks.pool;
    for (uint32_t slot = 1; slot <= groups->groups.used; slot++) {
        uint32_t first = groups->groups.pool [slot].ended.head;
        if (first && tasks [first].until <= self->broker.now)
            return true;
    }
    return false;
}

void
sim_truth_look (sim_t *self)
{
    for (uint32_t index = 0; index < self->truth_count; index++) {
        sim_truth_t *truth = &self->truths [index];
        if (truth->id)
            s_look_at (self, truth);
    }
}

//  Nobody who is heard is missed early, and who is not heard is missed in time.

static void
s_audit_leases (sim_t *self)
{
    const sessions_t *sessions = &self->broker.core->sessions;
    int64_t lease = pace_patience (&sessions->pace);
    for (uint32_t slot = 1; slot <= sessions->sessions.used; slot++) {
        const session_t *session = &sessions->sessions.pool [slot];
        int64_t silent = self->broker.now - self->broker.sessions [slot].heard_at;
        if (self->broker.core->unread_since != CORE_NEVER)
            silent -= lease;
        sim_check (self, !session->used || session->gone || silent <= lease, "L2",
                   "session %u is silent for %ld ms and has its lease", slot, silent);
    }
}

void
sim_truth_audit (sim_t *self)
{
    const core_t *core = self->broker.core;
    sim_truth_look (self);
    s_audit_leases (self);
    const char *fault = core_audit_fault (core);
    sim_check (self, !fault, "S11", "this does not hold: %s", fault);
    sim_note_audit (self);
    for (uint32_t slot = 1; slot <= core->groups.groups.used; slot++) {
        const group_t *group = &core->groups.groups.pool [slot];
        sim_check (self, group_held (group) <= core->tasks.tasks.capacity, "S12",
                   "a group holds more than there may be");
    }
}

//  ---------------------------------------------------------------------------------
//  After a restart

//  An attempt has to go on when its task is there, had not ended, and nobody else has it.

static bool
s_goes_on (sim_t *self, uint32_t peer, const sim_attempt_t *held)
{
    const core_t *core = self->broker.core;
    uint32_t slot = tasks_find (&core->tasks, held->id);
    const task_t *task = &core->tasks.tasks.pool [slot];
    if (!slot || task_ended (task->state) || task->id >= core->known_id)
        return false;
    if (held->fence < task->fence
        || (held->fence == task->fence && task->state != STINT_RUNNING))
        return false;
    for (uint32_t other = self->plan.clients; other < self->peer_count; other++) {
        const sim_worker_t *worker = &self->peers [other].worker;
        for (uint32_t index = 0; index < worker->held_count; index++) {
            if (worker->held [index].id == held->id && &worker->held [index] != held)
                return false;
        }
    }
    bool awaited = roster_find (&core->roster, self->peers [peer].worker.id) != 0;
    sim_check (self,
               awaited || held->fence == task->fence || held->fence >> 40 != self->life,
               "L2", "worker %u has task %lu and is not awaited", peer, held->id);
    return awaited || held->fence == task->fence;
}

const task_t *
sim_task (const sim_t *self, uint64_t id)
{
    const core_t *core = self->broker.core;
    uint32_t slot = tasks_find (&core->tasks, id);
    return slot ? &core->tasks.tasks.pool [slot] : NULL;
}

void
sim_truth_gives_up (sim_t *self)
{
    if (!self->adopting || self->broker.now < self->broker.core->orphans_until)
        return;
    for (uint32_t index = 0; index < self->truth_count; index++)
        self->truths [index].adopter = 0;
    self->adopting = false;
}

void
sim_truth_recovered (sim_t *self)
{
    self->adopting = true;
    sim_note_forget (self);
    for (uint32_t index = 0; index < self->truth_count; index++) {
        self->truths [index].adopter = 0;
        self->truths [index].settled = false;
    }
    sim_truth_look (self);
    for (uint32_t peer = self->plan.clients; peer < self->peer_count; peer++) {
        const sim_worker_t *worker = &self->peers [peer].worker;
        for (uint32_t index = 0; index < worker->held_count; index++) {
            const sim_attempt_t *held = &worker->held [index];
            sim_truth_t *truth = &self->truths [held->truth];
            if (truth->id == held->id && s_goes_on (self, peer, held))
                truth->adopter = peer + 1;
        }
    }
    self->life = self->broker.core->epoch;
    sim_terms_recovered (self);
    sim_schedule_recovered (self);
}

//  ---------------------------------------------------------------------------------
//  The end

static const char *
s_left_of_client (const sim_t *self, uint32_t peer)
{
    const sim_client_t *client = &self->peers [peer].client;
    const core_t *core = self->broker.core;
    for (uint32_t index = 0; index < SIM_PUSHES; index++) {
        const sim_push_t *push = &client->pushes [index];
        if (push->count > 0 && !push->answered && !push->refused)
            return "a push is not answered";
    }
    uint32_t slot = batches_find (&core->batches, client->batch);
    const batch_t *batch = &core->batches.batches.pool [slot];
    uint32_t session = self->links [self->peers [peer].link].session;
    uint64_t last = core->tasks.tasks.pool [batch->outcomes.tail].holder;
    if (slot && batch->outcomes.count > 0 && session && batch->collector == session
        && client->received < last)
        return "an outcome is not delivered";
    return NULL;
}

const char *
sim_truth_left (sim_t *self)
{
    const core_t *core = self->broker.core;
    if (!core || self->broker.closing)
        return "the broker is down";
    if (core->timetable.rows.count > 0)
        return "a schedule is there";
    for (uint32_t slot = 1; slot <= core->groups.groups.used; slot++) {
        const uint32_t *counts = core->groups.groups.pool [slot].counts;
        if (counts [STINT_DELAYED] + counts [STINT_READY] + counts [STINT_RUNNING]
                + counts [STINT_BLOCKED]
            > 0)
            return "a task has not ended";
    }
    for (uint32_t peer = 0; peer < self->plan.clients; peer++) {
        const char *left = s_left_of_client (self, peer);
        if (left)
            return left;
    }
    return self->broker.waits_first < self->broker.waits_next ? "an answer waits" : NULL;
}

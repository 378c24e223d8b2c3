//  sim_notice: sees the rare events that only the core's tables show
//  SPDX-License-Identifier: MPL-2.0

#include "sim_terms.h"
#include "sim_truth.h"

//  What of a result can be seen before the core takes it.

static void
s_notice_result (sim_t *self, const sim_item_t *item)
{
    const task_t *task = sim_task (self, item->id);
    if (!task) {
        if (!sim_truth_of (self, item->id) && !item->body.nonce)
            sim_seen (self, RARE_UNDONE_RESULT);
        return;
    }
    if (task->fence != item->fence)
        return;
    if (task->state == STINT_DONE)
        sim_seen (self, RARE_RESULT_AGAIN);
    if (task->state == STINT_CANCELLED)
        sim_seen (self, RARE_REVOKED_RESULT);
}

static void
s_notice_ready (sim_t *self, const sim_message_t *message)
{
    const core_t *core = self->broker.core;
    for (uint32_t index = 0; index < message->item_count; index++) {
        const task_t *task = sim_task (self, message->items [index].id);
        self->before.tasks [index].fence = task ? task->fence : UINT64_MAX;
    }
    uint32_t entry = roster_find (&core->roster, message->id);
    uint32_t former = entry ? core->roster.workers.pool [entry].session : 0;
    if (former && core->sessions.sessions.pool [former].held.count > 0)
        sim_seen (self, RARE_TAKEN_OVER);
}

void
sim_notice_before (sim_t *self, const sim_message_t *message, uint32_t session)
{
    const core_t *core = self->broker.core;
    sim_before_t *before = &self->before;
    before->held = core->sessions.sessions.pool [session].held.count;
    before->groups = core->groups.groups.count;
    before->batches = core->batches.batches.count;
    before->next_batch = core->batches.next_id;
    if (message->command == STP_RESULT) {
        for (uint32_t index = 0; index < message->item_count; index++)
            s_notice_result (self, &message->items [index]);
    }
    else if (message->command == STP_READY)
        s_notice_ready (self, message);
    else if (message->command == STP_BYE && before->held > 0)
        sim_seen (self, RARE_BYE_HELD);
    else if (message->command == STP_COLLECT && message->batch) {
        uint32_t slot = batches_find (&core->batches, message->batch);
        uint32_t collector = core->batches.batches.pool [slot].collector;
        if (slot && collector && collector != session)
            sim_seen (self, RARE_BATCH_TWICE);
    }
}

static bool
s_says (const sim_t *self, stp_command_t command)
{
    const effects_t *effects = &self->broker.effects;
    for (size_t index = self->before.replies; index < effects->count; index++) {
        if (effects->replies [index].command == command)
            return true;
    }
    return false;
}

void
sim_notice_after (sim_t *self, const sim_message_t *message, uint32_t session)
{
    const core_t *core = self->broker.core;
    const sim_before_t *before = &self->before;
    (void) session;
    if (message->command == STP_GROUP && core->groups.groups.count < before->groups) {
        sim_seen (self, RARE_GROUP_GONE);
        sim_rate_forget ();
    }
    else if (message->command == STP_BATCH && core->batches.next_id > before->next_batch
             && core->batches.batches.count == before->batches)
        sim_seen (self, RARE_BATCH_GONE);
    else if (message->command == STP_READY) {
        for (uint32_t index = 0; index < message->item_count; index++) {
            const sim_item_t *item = &message->items [index];
            const task_t *task = sim_task (self, item->id);
            if (task && task->fence == item->fence
                && before->tasks [index].fence < item->fence)
                sim_seen (self, RARE_ADOPTED_LOST_START);
        }
    }
    else if (message->command != STP_BYE && s_says (self, STP_BYE))
        sim_seen (self, RARE_STRANGER);
    if (s_says (self, STP_ERROR)) {
        const reply_t *last =
            &self->broker.effects.replies [self->broker.effects.count - 1];
        if (message->command == STP_PUSH && last->command == STP_ERROR
            && last->code [0] == 's' && last->sequence)
            sim_seen (self, RARE_PUSH_ORDER);
    }
}

void
sim_notice_run (sim_t *self, bool after)
{
    const core_t *core = self->broker.core;
    sim_before_t *before = &self->before;
    if (!after) {
        before->producers = core->producers.producers.count;
        before->told_ms = core->sessions.pace.told_ms;
        if (core->roster.awaited > 0 && self->broker.now >= core->orphans_until)
            sim_seen (self, RARE_NOT_BACK);
        if (core->totals.adopted > before->totals.adopted)
            sim_seen (self, RARE_ADOPTED);
        return;
    }
    if (core->producers.producers.count < before->producers)
        sim_seen (self, RARE_PRODUCER_GONE);
    if (core->sessions.pace.told_ms > before->told_ms)
        sim_seen (self, RARE_SLOWER);
    if (core->sessions.pace.told_ms < before->told_ms)
        sim_seen (self, RARE_FASTER);
    if (core->totals.lost > before->totals.lost)
        sim_seen (self, RARE_LOST);
    before->totals = core->totals;
}

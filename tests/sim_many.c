//  sim_many: that CANCEL, RETRY and DROP do what they say to the tasks that they select
//  SPDX-License-Identifier: MPL-2.0

#include "sim_truth.h"

#include <string.h>

#define MANY_MAX 256  //  Most tasks that one request is carried out for

static bool
s_is_many (stp_command_t command)
{
    return command == STP_CANCEL || command == STP_RETRY || command == STP_DROP;
}

//  Returns true when the command can be for a task in that state.

static bool
s_possible (stp_command_t command, uint8_t state)
{
    if (command == STP_CANCEL)
        return !task_ended (state);
    return task_ended (state) && (command == STP_DROP || state != STINT_DONE);
}

static bool
s_selects (const core_t *core, const sim_message_t *message, const task_t *task)
{
    if (!s_possible (message->command, task->state))
        return false;
    if (!message->more)
        return task->id == message->id;
    const char *group = core->groups.groups.pool [task->group].name;
    uint64_t batch = core->batches.batches.pool [task->batch].id;
    return strcmp (group, sim_groups [message->group]) == 0 && task->id > message->cursor
           && (!message->setting || task->state == message->setting)
           && (!message->batch || (task->batch && batch == message->batch));
}

void
sim_many_before (sim_t *self, const sim_message_t *message)
{
    const core_t *core = self->broker.core;
    self->before.chosen_count = 0;
    if (!s_is_many (message->command))
        return;
    for (uint32_t slot = 1; slot <= core->tasks.tasks.used; slot++) {
        const task_t *task = &core->tasks.tasks.pool [slot];
        if (task->id && s_selects (core, message, task))
            self->before.chosen [self->before.chosen_count++] = *task;
    }
}

//  Returns what the core answered, or null when it refused.

static const reply_t *
s_answer (const sim_t *self, const sim_message_t *message)
{
    const effects_t *effects = &self->broker.effects;
    for (size_t index = self->before.replies; index < effects->count; index++) {
        const reply_t *reply = &effects->replies [index];
        if (reply->command == STP_ACCEPTED && reply->request == message->request)
            return reply;
    }
    return NULL;
}

//  A task that was cancelled. Nobody has to be let go on with it any more.

static void
s_judge_cancelled (sim_t *self, const task_t *before, const task_t *task)
{
    sim_truth_t *truth = sim_truth_of (self, before->id);
    sim_check (self, task && task->state == STINT_CANCELLED, "S17",
               "task %lu was to be cancelled and is not", before->id);
    sim_seen (self, RARE_CANCEL_MANY);
    if (truth)
        truth->adopter = 0;
}

//  Its fence stays, so that whatever comes of the attempts before is refused.

static void
s_judge_retried (sim_t *self, const sim_message_t *message, const task_t *before,
                 const task_t *task)
{
    sim_truth_t *truth = sim_truth_of (self, before->id);
    sim_check (self, task && (task->state == STINT_READY || task->state == STINT_BLOCKED),
               "S17", "task %lu was to be retried and is not", before->id);
    sim_check (self,
               task->failures == 0 && task->lost == 0 && task->attempts == before->attempts
                   && task->fence == before->fence
                   && task->payload.size == before->payload.size,
               "S7", "task %lu was retried and is another one", before->id);
    sim_seen (self, before->state == STINT_DEAD ? RARE_RETRIED : RARE_RETRIED_CANCELLED);
    if (message->more)
        sim_seen (self, RARE_RETRIED_MANY);
    if (truth)
        truth->retried = true;
}

static void
s_judge_dropped (sim_t *self, const task_t *before, const task_t *task)
{
    sim_truth_t *truth = sim_truth_of (self, before->id);
    sim_check (self, !task, "S17", "task %lu was to be dropped and is there", before->id);
    sim_seen (self, RARE_DROP_ASKED);
    if (truth)
        truth->dropped = true;
}

void
sim_many_after (sim_t *self, const sim_message_t *message)
{
    if (!s_is_many (message->command))
        return;
    const reply_t *reply = s_answer (self, message);
    uint64_t last = reply ? reply->id : 0;
    uint64_t count = 0;
    for (uint32_t index = 0; index < self->before.chosen_count; index++) {
        const task_t *before = &self->before.chosen [index];
        const task_t *task = sim_task (self, before->id);
        if (before->id > last) {
            sim_check (self, task && task->state == before->state, "S17",
                       "task %lu was not asked for, and changes", before->id);
            continue;
        }
        count++;
        if (message->command == STP_RETRY)
            s_judge_retried (self, message, before, task);
        else if (message->command == STP_DROP)
            s_judge_dropped (self, before, task);
        else if (message->more)
            s_judge_cancelled (self, before, task);
    }
    //  A task that was blocked may be ready when its turn comes, because of the one before
    bool freed = message->command == STP_CANCEL && message->more && message->setting;
    sim_check (self, !reply || reply->count == count || (freed && reply->count > count),
               "S17", "%lu tasks were changed, of %lu", reply->count, count);
    sim_check (self, count <= MANY_MAX, "S12", "%lu tasks were changed at once", count);
}

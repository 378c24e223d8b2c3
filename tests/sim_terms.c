//  sim_terms: what tasks of a simulated world ask for, and that they get it
//  SPDX-License-Identifier: MPL-2.0

#include "sim_terms.h"

#include "sim_truth.h"

static const char *const s_names [SIM_NAMES] = {"", "ann", "bob", "carol"};

sim_terms_t
sim_terms_draw (const sim_t *self, uint64_t *chance, uint64_t delay)
{
    sim_terms_t terms = {0};
    if (sim_random (chance, 100) >= self->plan.terms)
        return terms;
    if (sim_random (chance, 2))
        terms.priority = (uint8_t) sim_random (chance, TERMS_PRIORITIES + 1);
    if (sim_random (chance, 4) == 0)
        terms.max_attempts = (uint8_t) (1 + sim_random (chance, 4));
    if (sim_random (chance, 2))
        terms.key = (uint8_t) sim_random (chance, SIM_NAMES);
    if (sim_random (chance, 2))
        terms.order = (uint8_t) sim_random (chance, SIM_NAMES);
    if (sim_random (chance, 4) == 0)
        terms.time_limit = (uint32_t) (1 + sim_random (chance, 60000));
    if (sim_random (chance, 5) == 0)
        terms.expires = (uint32_t) (delay + 1 + sim_random (chance, 4000));
    if (sim_random (chance, 5) == 0)
        terms.deadline = (uint32_t) (delay + terms.expires + 1 + sim_random (chance, 6000));
    terms.own = sim_random (chance, 2);
    return terms;
}

bool
sim_terms_any (const sim_terms_t *terms)
{
    return terms->priority || terms->max_attempts || terms->key || terms->order
           || terms->time_limit || terms->expires || terms->deadline;
}

stint_bytes_t
sim_terms_write (const sim_terms_t *terms)
{
    static stint_writer_t out;
    const uint64_t numbers [TERMS_NUMBERS] = {terms->priority, terms->max_attempts,
                                              terms->time_limit, terms->expires,
                                              terms->deadline};
    out.size = 0;
    stint_write_map (&out, TERMS_NAMES);
    for (size_t index = 0; index < TERMS_NUMBERS; index++) {
        stint_write_text (&out, terms_names [index]);
        stint_write_number (&out, numbers [index]);
    }
    stint_write_text (&out, "key");
    stint_write_text (&out, s_names [terms->key]);
    stint_write_text (&out, "order");
    stint_write_text (&out, s_names [terms->order]);
    return stint_writer_bytes (&out);
}

//  Returns the task of a truth in the core, if it is there under its number.

static const task_t *
s_task (const sim_t *self, const sim_truth_t *truth)
{
    return truth->id ? sim_task (self, truth->id) : NULL;
}

static uint32_t
s_priority (const sim_truth_t *truth)
{
    return truth->terms.priority ? truth->terms.priority : TERMS_PRIORITY;
}

//  ---------------------------------------------------------------------------------
//  As the core gives it out

//  All tasks of its group that are ready and that no limit of a key holds are of its
//  priority or a lower one. Lower ones are older now and then.

static void
s_judge_priority (sim_t *self, const sim_truth_t *truth, bool limited)
{
    for (uint32_t index = 0; index < self->truth_count; index++) {
        const sim_truth_t *other = &self->truths [index];
        if (other->group != truth->group || s_priority (other) == s_priority (truth))
            continue;
        const task_t *task = s_task (self, other);
        if (!task || task->state != STINT_READY)
            continue;
        bool higher = s_priority (other) > s_priority (truth);
        sim_check (self, !higher || (limited && other->terms.key), "S9",
                   "task %lu of priority %u is given out before task %lu of %u", truth->id,
                   s_priority (truth), other->id, s_priority (other));
        if (!higher && other->id < truth->id)
            sim_seen (self, RARE_PRIORITY);
    }
}

static void
s_judge_key (sim_t *self, const sim_truth_t *truth, uint64_t most)
{
    uint32_t running = 0;
    for (uint32_t index = 0; index < self->truth_count; index++) {
        const sim_truth_t *other = &self->truths [index];
        const task_t *task = s_task (self, other);
        running += other->group == truth->group && other->terms.key == truth->terms.key
                   && task && task->state == STINT_RUNNING;
    }
    sim_check (self, running <= most, "S12", "%u tasks of key %s run, of %lu", running,
               s_names [truth->terms.key], most);
}

//  All that were pushed before it in its order have ended, but for those that somebody had
//  tried again.

static void
s_judge_order (sim_t *self, const sim_truth_t *truth)
{
    for (uint32_t index = 0; index < self->truth_count; index++) {
        const sim_truth_t *other = &self->truths [index];
        if (other->group != truth->group || other->terms.order != truth->terms.order
            || other->id >= truth->id || other->retried)
            continue;
        const task_t *task = s_task (self, other);
        sim_check (self, !task || task_ended (task->state), "S18",
                   "task %lu begins, and task %lu before it in its order is %s", truth->id,
                   other->id, task ? stint_state_name ((stint_state_t) task->state) : "");
    }
}

void
sim_terms_given (sim_t *self, const sim_truth_t *truth, const reply_t *reply)
{
    const core_t *core = self->broker.core;
    const task_t *task = sim_task (self, reply->id);
    const sim_terms_t *terms = &truth->terms;
    record_settings_t settings = groups_settings (&core->groups, reply->group);
    int64_t age = self->broker.now - task->at;
    if (self->plan.terms > 0 && reply->id % 4 == 0)
        s_judge_priority (self, truth, settings.key_running > 0 || settings.key_rate > 0);
    sim_rate_given (self, truth, reply);
    if (terms->key && settings.key_running)
        s_judge_key (self, truth, settings.key_running);
    if (terms->order)
        s_judge_order (self, truth);
    sim_check (self, !terms->expires || reply->attempts > 1 || age < terms->expires, "S9",
               "task %lu begins %ld ms after its push and expired after %u", reply->id, age,
               terms->expires);
    sim_check (self, !terms->deadline || age < terms->deadline, "S9",
               "task %lu begins %ld ms after its push, its deadline is %u", reply->id, age,
               terms->deadline);
    uint64_t limit = terms->time_limit ? terms->time_limit : settings.time_limit;
    sim_check (self, reply->limit_ms == limit, "S2", "task %lu may run %lu ms, not %lu",
               reply->id, reply->limit_ms, limit);
    if (terms->order && reply->durable)
        sim_seen (self, RARE_ORDER_GATE);
}

void
sim_terms_leaves (sim_t *self, const reply_t *reply)
{
    sim_truth_t *truth = sim_truth_of (self, reply->id);
    if (truth)
        truth->begun = true;
}

//  ---------------------------------------------------------------------------------
//  Afterwards

void
sim_terms_run (sim_t *self)
{
    const core_t *core = self->broker.core;
    const tasks_t *tasks = &core->tasks;
    if (self->plan.terms == 0)
        return;
    if (tasks->dues.count > 0 && !core->awaiting && !effects_due (&self->broker.effects)) {
        const task_t *first = &tasks->tasks.pool [tasks->dues.slots [0]];
        sim_check (self, first->due > self->broker.now, "S9",
                   "task %lu is %s, and its time was over at %ld", first->id,
                   stint_state_name ((stint_state_t) first->state), first->due);
    }
    for (uint32_t slot = 1; slot <= core->groups.groups.used; slot++) {
        const group_t *group = &core->groups.groups.pool [slot];
        if (group->counts [STINT_BLOCKED] > 0)
            sim_seen (self, RARE_BLOCKED);
        if (group->used && group->counts [STINT_READY] > 0 && group->levels == 0)
            sim_seen (self,
                      core->groups.dry_keys.count > 0 ? RARE_KEY_RATE : RARE_KEY_RUNNING);
    }
}

//  What a worker was told to begin was told after the end of those before it had become
//  durable.

void
sim_terms_recovered (sim_t *self)
{
    sim_rate_recovered (self);
    for (uint32_t index = 0; index < self->truth_count; index++) {
        const sim_truth_t *truth = &self->truths [index];
        if (truth->begun && truth->terms.order && s_task (self, truth))
            s_judge_order (self, truth);
    }
}

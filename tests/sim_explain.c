//  sim_explain: what is said to be in the way of a task is, and nothing is left out
//  SPDX-License-Identifier: MPL-2.0

#include "core_events.h"
#include "explain.h"
#include "sim_truth.h"

#define SELDOM 8  //  Of so many runs, one is looked at

//  A task that was explained before the run in hand.

static struct {
    uint64_t id;     //  0: none was
    uint64_t fence;  //  As it was then
    uint32_t gates;  //  What was in its way
} s_before;

//  Returns the slot of some task, or 0.

static uint32_t
s_some_task (sim_t *self)
{
    const core_t *core = self->broker.core;
    if (core->tasks.tasks.used == 0 || sim_random (&self->chance, SELDOM) > 0)
        return 0;
    uint32_t slot = 1 + (uint32_t) sim_random (&self->chance, core->tasks.tasks.used);
    return core->tasks.tasks.pool [slot].id ? slot : 0;
}

//  Returns true when the run that comes ends no attempt and no waiting of the broker's own.

static bool
s_settled (const core_t *core, int64_t now)
{
    uint32_t oldest = core->sessions.heard.head;
    const task_t *tasks = core->tasks.tasks.pool;
    const stint_heap_t *dues = &core->tasks.dues;
    return !core->sessions.gone.head && !core->orphans.head && !core->awaiting
           && (dues->count == 0 || tasks [dues->slots [0]].due > now)
           && (!oldest
               || core_patience (core, sessions_gone_at (&core->sessions, oldest)) > now);
}

//  Returns true when the task is the first of its group that the run will give out.

static bool
s_is_next (const core_t *core, uint32_t slot)
{
    const task_t *task = &core->tasks.tasks.pool [slot];
    const group_t *group = &core->groups.groups.pool [task->group];
    if (task->state != STINT_READY || group->levels == 0)
        return false;
    uint32_t lane = groups_next_lane (&core->groups, task->group);
    return lane_first (&core->groups.lanes.lanes.pool [lane]) == slot
           && group_runs_linked (core->groups.groups.pool, task->group) && !core->awaiting
           && !core->draining
           && journal_behind (core->journal) <= core->limits.waiting_max / 4;
}

void
sim_explain_before (sim_t *self)
{
    core_t *core = self->broker.core;
    uint32_t slot = s_some_task (self);
    s_before.id = 0;
    if (!slot || !s_settled (core, self->broker.now))
        return;
    const task_t *task = &core->tasks.tasks.pool [slot];
    uint32_t gates = explain_task (core, self->broker.now, slot);
    s_before.id = task->id;
    s_before.fence = task->fence;
    s_before.gates = gates;
    sim_check (self, gates == 0 || !s_is_next (core, slot), "L5",
               "task %lu can start, and %u things are in its way", task->id, gates);
}

void
sim_explain_after (sim_t *self, bool done)
{
    core_t *core = self->broker.core;
    const task_t *before = sim_task (self, s_before.id);
    sim_check (self,
               !s_before.id || !before || s_before.gates == 0
                   || before->fence == s_before.fence,
               "L5", "task %lu started, though %u things were in its way", s_before.id,
               s_before.gates);
    uint32_t slot = done ? s_some_task (self) : 0;
    const task_t *task = &core->tasks.tasks.pool [slot];
    if (!slot)
        return;
    uint32_t gates = explain_task (core, self->broker.now, slot);
    sim_check (self, gates > 0, "L5", "task %lu waits, and nothing is in its way",
               task->id);
}

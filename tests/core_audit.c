//  core_audit: do the core's tables, lists, counts and accounts agree with each other?
//  SPDX-License-Identifier: MPL-2.0

#include "core_fixture.h"

//  What the tasks add up to, for one group, batch or session.

typedef struct {
    uint32_t counts [STINT_CANCELLED + 1];  //  By state
    uint64_t bytes;                         //  Of payloads and results
} s_sum_t;

static uint64_t
s_held (const task_t *task)
{
    uint64_t bytes = 0;
    if (task->payload.block)
        bytes += task->payload.size + JOURNAL_OVERHEAD;
    if (task->result.block)
        bytes += task->result.size + JOURNAL_OVERHEAD;
    return bytes;
}

static void
s_audit_task (const core_t *core, const task_t *task)
{
    rig_check (task->state >= STINT_DELAYED && task->state <= STINT_CANCELLED,
               "task->state >= STINT_DELAYED && task->state <= STINT_CANCELLED");
    bool slim = task->state == STINT_DONE || task->state == STINT_CANCELLED;
    rig_check ((task->payload.block == 0) == slim, "(task->payload.block == 0) == slim");
    if (slim)
        rig_check (task->result.block, "task %lu ended and nothing holds it", task->id);
    if (task->state == STINT_RUNNING) {
        rig_check (task->fence > 0 && task->attempts > 0,
                   "task->fence > 0 && task->attempts > 0");
        rig_check (task->until == 0, "task->until == 0");
    }
    if (task->holder && task->state == STINT_RUNNING)
        rig_check (core->sessions.sessions.pool [task->holder].used,
                   "core->sessions.sessions.pool [task->holder].used");
    if (task->batch)
        rig_check (core->batches.batches.pool [task->batch].id,
                   "core->batches.batches.pool [task->batch].id");
    rig_check (core->groups.groups.pool [task->group].used,
               "core->groups.groups.pool [task->group].used");
    rig_check (task->id < core->next_id, "task->id < core->next_id");
    rig_check (task->failures + task->lost <= task->attempts + 1,
               "task->failures + task->lost <= task->attempts + 1");
}

static void
s_audit_group (const core_t *core, uint32_t slot)
{
    const group_t *group = &core->groups.groups.pool [slot];
    const task_t *tasks = core->tasks.tasks.pool;
    s_sum_t sum = {0};
    for (uint32_t task = 1; task <= core->tasks.tasks.used; task++) {
        if (tasks [task].id && tasks [task].group == slot) {
            sum.counts [tasks [task].state]++;
            sum.bytes += tasks [task].payload.size + tasks [task].result.size;
        }
    }
    for (size_t state = 0; state <= STINT_CANCELLED; state++)
        rig_check (sum.counts [state] == group->counts [state], "state %zu: %u, not %u",
                   state, group->counts [state], sum.counts [state]);
    rig_check (sum.bytes == group->bytes, "sum.bytes == group->bytes");
    rig_check (group_ready (group) == group->counts [STINT_READY],
               "group_ready (group) == group->counts [STINT_READY]");
    rig_check (group->ended.count
                   == group->counts [STINT_DONE] + group->counts [STINT_DEAD]
                          + group->counts [STINT_CANCELLED],
               "group->ended.count == group->counts [STINT_DONE] + group->counts "
               "[STINT_DEAD] + group->counts [STINT_CANCELLED]");
    uint64_t before = 0;
    for (uint32_t task = group->ready.head; task; task = tasks [task].node.next) {
        rig_check (tasks [task].id > before, "the line of a group is out of order");
        before = tasks [task].id;
    }
    bool runnable = group_ready (group) > 0 && group->waiting.count > 0;
    rig_check (runnable == group_runs_linked (core->groups.groups.pool, slot),
               "runnable == group_runs_linked (core->groups.groups.pool, slot)");
}

static void
s_audit_batch (const core_t *core, uint32_t slot)
{
    const batch_t *batch = &core->batches.batches.pool [slot];
    const task_t *tasks = core->tasks.tasks.pool;
    uint32_t held = 0;
    uint32_t ended = 0;
    for (uint32_t task = 1; task <= core->tasks.tasks.used; task++) {
        if (tasks [task].id && tasks [task].batch == slot) {
            held++;
            ended += task_ended (tasks [task].state);
        }
    }
    rig_check (held == batch->held, "held == batch->held");
    rig_check (ended == batch->outcomes.count, "ended == batch->outcomes.count");
    uint64_t before = batch->collected;
    uint64_t flight = 0;
    for (uint32_t task = batch->outcomes.head; task; task = tasks [task].member.next) {
        rig_check (tasks [task].holder > before, "outcomes are out of order");
        before = tasks [task].holder;
        flight += before <= batch->delivered ? tasks [task].result.size : 0;
    }
    rig_check (!batch->collector || flight == batch->flight,
               "bytes are on their way for ever");
    rig_check (before <= batch_ended (batch), "before <= batch_ended (batch)");
    rig_check (batch->held - ended + batch_ended (batch) == batch->pushed,
               "batch %lu: %lu pushed, %lu ended, %u not", batch->id, batch->pushed,
               batch_ended (batch), batch->held - ended);
}

static void
s_audit_sessions (const core_t *core)
{
    const session_t *pool = core->sessions.sessions.pool;
    const task_t *tasks = core->tasks.tasks.pool;
    uint32_t workers = 0;
    for (uint32_t slot = 1; slot <= core->sessions.sessions.used; slot++) {
        if (!pool [slot].used)
            continue;
        uint64_t bytes = 0;
        uint32_t count = 0;
        for (uint32_t task = pool [slot].held.head; task; task = tasks [task].node.next) {
            rig_check (tasks [task].holder == slot, "tasks [task].holder == slot");
            rig_check (tasks [task].state == STINT_RUNNING,
                       "tasks [task].state == STINT_RUNNING");
            bytes += tasks [task].payload.size;
            count++;
        }
        rig_check (bytes == pool [slot].bytes, "bytes == pool [slot].bytes");
        rig_check (count == pool [slot].held.count, "count == pool [slot].held.count");
        workers += !pool [slot].gone && pool [slot].worker && pool [slot].capacity > 0;
    }
    rig_check (workers == core->sessions.workers, "workers == core->sessions.workers");
    int64_t before = INT64_MIN;
    for (uint32_t slot = core->sessions.sent.head; slot;
         slot = pool [slot].sent_node.next) {
        rig_check (pool [slot].peer.sent_at >= before, "beats are out of order");
        before = pool [slot].peer.sent_at;
    }
}

//  All that is held in the journal, beside the tasks.

static uint64_t
s_records (const core_t *core)
{
    uint64_t records = 0;
    for (uint32_t slot = 1; slot <= core->groups.groups.used; slot++)
        records += core->groups.groups.pool [slot].kept.block > 0;
    for (uint32_t slot = 1; slot <= core->batches.batches.used; slot++)
        records += core->batches.batches.pool [slot].kept.block > 0;
    for (uint32_t slot = 1; slot <= core->producers.producers.used; slot++)
        records += core->producers.producers.pool [slot].kept.block > 0;
    for (uint32_t slot = 1; slot <= core->roster.workers.used; slot++)
        records += core->roster.workers.pool [slot].kept.block > 0;
    return records;
}

void
core_audit (const core_t *core)
{
    const task_t *tasks = core->tasks.tasks.pool;
    uint64_t live = s_records (core) * JOURNAL_OVERHEAD;
    uint32_t count = 0;
    for (uint32_t task = 1; task <= core->tasks.tasks.used; task++) {
        if (!tasks [task].id)
            continue;
        s_audit_task (core, &tasks [task]);
        rig_check (tasks_find (&core->tasks, tasks [task].id) == task,
                   "tasks_find (&core->tasks, tasks [task].id) == task");
        live += s_held (&tasks [task]);
        count++;
    }
    rig_check (count == core->tasks.tasks.count, "count == core->tasks.tasks.count");
    rig_check (live == journal_totals (core->journal).live,
               "live == journal_totals (core->journal).live");
    for (uint32_t slot = 1; slot <= core->groups.groups.used; slot++) {
        if (core->groups.groups.pool [slot].used)
            s_audit_group (core, slot);
    }
    for (uint32_t slot = 1; slot <= core->batches.batches.used; slot++) {
        if (core->batches.batches.pool [slot].id)
            s_audit_batch (core, slot);
    }
    s_audit_sessions (core);
}

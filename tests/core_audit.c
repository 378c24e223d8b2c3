//  core_audit: do the core's tables, lists, counts and accounts agree with each other?
//  SPDX-License-Identifier: MPL-2.0

#include "core_audit.h"

#include "group_rates.h"

//  Returns what does not hold: the condition, as it stands.

#define AUDIT(condition)                                                                   \
    do {                                                                                   \
        if (!(condition))                                                                  \
            return #condition;                                                             \
    } while (0)

//  Returns what another check has found.

#define PASS(check)                                                                        \
    do {                                                                                   \
        const char *fault = check;                                                         \
        if (fault)                                                                         \
            return fault;                                                                  \
    } while (0)

//  What the tasks add up to, for one group, batch or session.

typedef struct {
    uint32_t counts [TASK_STATES];  //  By state
    uint64_t bytes;                 //  Of payloads and results
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

static const char *
s_audit_task (const core_t *core, const task_t *task)
{
    AUDIT (task->state >= STINT_DELAYED && task->state < TASK_STATES);
    AUDIT ((task->payload.block == 0) == (task->state == STINT_DONE));
    if (task_ended (task->state))
        AUDIT (task->result.block);
    if (task->state == STINT_RUNNING)
        AUDIT (task->fence > 0 && task->attempts > 0);
    if (task->holder && task->state == STINT_RUNNING) {
        const session_t *holder = &core->sessions.sessions.pool [task->holder];
        AUDIT (holder->used);
        AUDIT (roster_find (&core->roster, holder->worker));
    }
    if (task->batch)
        AUDIT (core->batches.batches.pool [task->batch].id);
    AUDIT (core->groups.groups.pool [task->group].used);
    AUDIT (task->id < core->next_id);
    AUDIT (task->failures + task->lost <= task->attempts + 1);
    return NULL;
}

//  Returns how many tasks stand in a lane, after a look at their order and at whether it is
//  among those that may run; UINT32_MAX when something is wrong.

static uint32_t
s_stand_in (const core_t *core, uint32_t slot)
{
    const lane_t *lane = &core->groups.lanes.lanes.pool [slot];
    const task_t *tasks = core->tasks.tasks.pool;
    bool may = lane_first (lane) != 0 && groups_lane_room (&core->groups, slot) > 0;
    if (may != lane_turns_linked (core->groups.lanes.lanes.pool, slot))
        return UINT32_MAX;
    uint64_t before = 0;
    for (uint32_t task = lane->ready.head; task; task = tasks [task].node.next) {
        if (tasks [task].id <= before || groups_lane (&core->groups, &tasks [task]) != slot)
            return UINT32_MAX;
        before = tasks [task].id;
    }
    return lane->ready.count + lane->again.count;
}

static const char *
s_audit_lanes (const core_t *core, uint32_t slot)
{
    const group_t *group = &core->groups.groups.pool [slot];
    const lane_t *lanes = core->groups.lanes.lanes.pool;
    uint32_t ready = 0;
    for (uint32_t lane = group->lanes.head; lane; lane = lanes [lane].group_node.next) {
        uint32_t stand = s_stand_in (core, lane);
        AUDIT (stand != UINT32_MAX);
        ready += stand;
    }
    AUDIT (ready == group->counts [STINT_READY]);
    for (uint32_t level = 0; level < TERMS_PRIORITIES; level++)
        AUDIT ((group->levels >> level & 1) == (group->turns [level].count > 0));
    return NULL;
}

//  Each kind has its tasks; each key and order that it names is there. At most one task of
//  an order waits or runs, and none is blocked without one.

static const char *
s_audit_kinds (const core_t *core)
{
    const kinds_t *kinds = &core->groups.kinds;
    const task_t *tasks = core->tasks.tasks.pool;
    for (uint32_t slot = 1; slot <= core->tasks.tasks.used; slot++) {
        const task_t *task = &tasks [slot];
        const order_t *order = groups_order (&core->groups, task);
        if (!task->id || task_ended (task->state))
            continue;
        AUDIT (task->state != STINT_BLOCKED || (order && order->current));
        AUDIT (task->state == STINT_BLOCKED || !order || order->current == slot);
    }
    uint32_t of_kinds = 0;
    for (uint32_t slot = 1; slot <= kinds->kinds.used; slot++)
        of_kinds += kinds->kinds.pool [slot].tasks;
    for (uint32_t slot = 1; slot <= core->tasks.tasks.used; slot++)
        of_kinds -= tasks [slot].id && tasks [slot].kind;
    AUDIT (of_kinds == 0);
    uint32_t running = 0;
    for (uint32_t slot = 1; slot <= core->groups.lanes.keys.used; slot++)
        running += core->groups.lanes.keys.pool [slot].running;
    for (uint32_t slot = 1; slot <= core->tasks.tasks.used; slot++)
        running -= tasks [slot].state == STINT_RUNNING
                   && kinds->kinds.pool [tasks [slot].kind].key;
    AUDIT (running == 0);
    return NULL;
}

static const char *
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
    for (size_t state = 0; state < TASK_STATES; state++)
        AUDIT (sum.counts [state] == group->counts [state]);
    AUDIT (sum.bytes == group->bytes);
    AUDIT (group->ended.count
           == group->counts [STINT_DONE] + group->counts [STINT_DEAD]
                  + group->counts [STINT_CANCELLED]);
    PASS (s_audit_lanes (core, slot));
    bool runnable = groups_may_run (&core->groups, slot);
    AUDIT (runnable == group_runs_linked (core->groups.groups.pool, slot));
    return NULL;
}

static const char *
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
    AUDIT (held == batch->held);
    AUDIT (ended == batch->outcomes.count);
    uint64_t before = batch->collected;
    uint64_t flight = 0;
    for (uint32_t task = batch->outcomes.head; task; task = tasks [task].member.next) {
        AUDIT (tasks [task].holder > before);
        before = tasks [task].holder;
        flight += before <= batch->delivered ? tasks [task].result.size : 0;
    }
    AUDIT (!batch->collector || flight == batch->flight);
    AUDIT (before <= batch_places (batch));
    AUDIT (batch->collected <= batch_places (batch));
    AUDIT (batch->held - ended + batch_ended (batch) == batch->pushed);
    return NULL;
}

static const char *
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
            AUDIT (tasks [task].holder == slot);
            AUDIT (tasks [task].state == STINT_RUNNING);
            bytes += tasks [task].payload.size;
            count++;
        }
        AUDIT (bytes == pool [slot].bytes);
        AUDIT (count == pool [slot].held.count);
        workers += !pool [slot].gone && pool [slot].worker && pool [slot].capacity > 0
                   && !pool [slot].draining;
    }
    AUDIT (workers == core->sessions.workers);
    int64_t before = INT64_MIN;
    for (uint32_t slot = core->sessions.sent.head; slot;
         slot = pool [slot].sent_node.next) {
        AUDIT (pool [slot].sent_at >= before);
        before = pool [slot].sent_at;
    }
    return NULL;
}

//  Each note is of an attempt that runs, and is found.

static const char *
s_audit_notes (const core_t *core)
{
    const task_notes_t *notes = &core->notes;
    uint32_t count = 0;
    int64_t before = INT64_MIN;
    for (uint32_t slot = notes->by_time.head; slot;
         slot = notes->notes.pool [slot].node.next) {
        const task_note_t *note = &notes->notes.pool [slot];
        const task_t *task = &core->tasks.tasks.pool [tasks_find (&core->tasks, note->id)];
        AUDIT (task->id == note->id && task->state == STINT_RUNNING);
        AUDIT (task->fence == note->fence);
        AUDIT (task_notes_find (notes, note->id) == note);
        AUDIT (note->at >= before);
        before = note->at;
        count++;
    }
    AUDIT (count == notes->notes.count && count == notes->index.count);
    return NULL;
}

//  Buckets are dry as the heaps have them, and none is that has a token. Each bucket of a
//  key has a record.

static const char *
s_audit_buckets (const core_t *core)
{
    const groups_t *groups = &core->groups;
    uint32_t dry = 0, dry_keys = 0, kept = 0;
    for (uint32_t slot = 1; slot <= groups->groups.used; slot++) {
        const rate_t *bucket = &groups->groups.pool [slot].bucket;
        int64_t next = rate_next (bucket, groups_rate (groups, slot));
        dry += bucket->dry;
        AUDIT (!bucket->dry || (next == bucket->wake && next > bucket->at));
    }
    for (uint32_t slot = 1; slot <= groups->lanes.keys.used; slot++) {
        const lane_key_t *key = &groups->lanes.keys.pool [slot];
        dry_keys += key->bucket.dry;
        kept += key->bucket.level > 0;
        AUDIT ((key->bucket.level > 0) == (key->kept.block > 0));
    }
    AUDIT (dry == groups->dry.count && dry_keys == groups->dry_keys.count);
    AUDIT (kept == groups->lanes.kept.count);
    return NULL;
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
    for (uint32_t slot = 1; slot <= core->groups.lanes.keys.used; slot++)
        records += core->groups.lanes.keys.pool [slot].kept.block > 0;
    for (uint32_t slot = 1; slot <= core->timetable.rows.used; slot++)
        records += core->timetable.rows.pool [slot].kept.block > 0;
    return records;
}

const char *
core_audit_fault (const core_t *core)
{
    const task_t *tasks = core->tasks.tasks.pool;
    uint64_t live = s_records (core) * JOURNAL_OVERHEAD;
    uint32_t count = 0;
    for (uint32_t task = 1; task <= core->tasks.tasks.used; task++) {
        if (!tasks [task].id)
            continue;
        PASS (s_audit_task (core, &tasks [task]));
        AUDIT (tasks_find (&core->tasks, tasks [task].id) == task);
        live += s_held (&tasks [task]);
        count++;
    }
    AUDIT (count == core->tasks.tasks.count);
    AUDIT (live == journal_totals (core->journal).live);
    for (uint32_t slot = 1; slot <= core->groups.groups.used; slot++) {
        if (core->groups.groups.pool [slot].used)
            PASS (s_audit_group (core, slot));
    }
    for (uint32_t slot = 1; slot <= core->batches.batches.used; slot++) {
        if (core->batches.batches.pool [slot].id)
            PASS (s_audit_batch (core, slot));
    }
    PASS (s_audit_kinds (core));
    PASS (s_audit_buckets (core));
    PASS (s_audit_sessions (core));
    PASS (s_audit_notes (core));
    return NULL;
}

//  lease: who holds which attempt, and what becomes of it when it ends
//  SPDX-License-Identifier: MPL-2.0

#include "lease.h"

#include "apply.h"
#include "charge.h"
#include "hold.h"
#include "keep.h"

static task_t *
s_task (const core_t *core, uint32_t slot)
{
    return &core->tasks.tasks.pool [slot];
}

void
lease_start (core_t *core, int64_t now, uint32_t task, uint32_t count, uint32_t session)
{
    assert (count > 0 && count <= RECORD_STARTS);
    charge_start (core, now, s_task (core, task), count);
    record_t record = {.kind = RECORD_STARTED, .id = s_task (core, task)->id, .at = now};
    record.fence = core_fence (core->epoch, core->attempts + 1);
    record.further = count - 1;
    core->attempts += count;
    core->tasks.guess = task;
    core->at_session = session;
    apply_now (core, &record, NULL);
    core->at_session = 0;
}

//  Fills in what all ends of a task have: its place among the ended ones of its batch, and
//  when it may be forgotten.

static void
s_ending (const core_t *core, int64_t now, const task_t *task, record_t *record)
{
    //  Each task comes here, so that one setting is not looked up with all others
    uint64_t own = core->groups.groups.pool [task->group].settings.keep_results;
    record->until = now + (int64_t) (own ? own : core->groups.defaults.keep_results);
    if (task->batch)
        record->position = batch_places (&core->batches.batches.pool [task->batch]) + 1;
}

void
lease_done (core_t *core, int64_t now, uint32_t slot, stint_bytes_t result)
{
    const task_t *task = s_task (core, slot);
    record_t record;
    record_clear (&record, RECORD_DONE);
    keep_describe (core, slot, &record);
    record.result = result;
    s_ending (core, now, task, &record);
    if (task->holder)
        core->sessions.sessions.pool [task->holder].done++;
    apply_now (core, &record, NULL);
}

//  Exponential back-off with a quarter of jitter, so that tasks that failed together do
//  not come back together; backoff_max is the longest wait, with its jitter.

static int64_t
s_backoff (core_t *core, const task_t *task, uint32_t failures)
{
    record_settings_t settings = groups_settings (&core->groups, task->group);
    uint64_t wait = settings.backoff;
    for (uint32_t count = 1; count < failures && wait < settings.backoff_max; count++)
        wait *= 2;
    uint64_t most = settings.backoff_max - settings.backoff_max / 5;
    if (wait > most)
        wait = most;
    core->chance += 0x9e3779b97f4a7c15u;
    return (int64_t) (wait - wait / 4 + stint_index_mix (core->chance) % (wait / 2 + 1));
}

void
lease_fail (core_t *core, int64_t now, uint32_t slot, lease_end_t end, uint64_t delay_ms,
            stint_bytes_t text)
{
    const task_t *task = s_task (core, slot);
    record_settings_t settings = groups_settings (&core->groups, task->group);
    record_t record = {
        .kind = RECORD_FAILED, .id = task->id, .fence = task->fence, .at = now};
    record.attempts = task->attempts - (end == LEASE_LATER ? 1u : 0u);
    record.failures =
        task->failures + (uint64_t) (end == LEASE_RETRY || end == LEASE_REFUSED);
    record.lost = task->lost + (uint64_t) (end == LEASE_LOST);
    record.batch = task->batch ? core->batches.batches.pool [task->batch].id : 0;
    record.result = text;
    if (record.result.size > STINT_ERROR_MAX)
        record.result.size = STINT_ERROR_MAX;

    group_t *group = &core->groups.groups.pool [task->group];
    uint64_t own = core->groups.kinds.kinds.pool [task->kind].terms.max_attempts;
    uint64_t most = own ? own : settings.max_attempts;
    if (end == LEASE_REFUSED || (end == LEASE_RETRY && record.failures >= most)
        || record.lost >= CORE_LOST_MAX) {
        record.state = STINT_DEAD;
        s_ending (core, now, task, &record);
    }
    else if (end == LEASE_LOST)
        record.state = STINT_READY;
    else {
        int64_t wait = delay_ms > 0 ? (int64_t) delay_ms
                                    : s_backoff (core, task, (uint32_t) record.failures);
        record.state = STINT_DELAYED;
        record.until = now + wait;
        group->retried++;
    }
    if (end == LEASE_LOST) {
        group->lost++;
        core->totals.lost++;
    }
    apply_now (core, &record, NULL);
}

void
lease_return (core_t *core, uint32_t slot)
{
    const task_t *task = s_task (core, slot);
    record_t record = {.kind = RECORD_RETURNED, .id = task->id, .fence = task->fence};
    apply_now (core, &record, NULL);
}

void
lease_cancel (core_t *core, int64_t now, uint32_t slot, const char *text, effects_t *out)
{
    const task_t *task = s_task (core, slot);
    record_t record = {.kind = RECORD_CANCELLED};
    if (task->state == STINT_RUNNING && task->holder) {
        reply_t *reply = effects_add (out, STP_REVOKE, task->holder);
        reply->id = task->id;
        reply->fence = task->fence;
    }
    keep_describe (core, slot, &record);
    record.result = stint_bytes_of (text);
    s_ending (core, now, s_task (core, slot), &record);
    apply_now (core, &record, NULL);
}

void
lease_expire (core_t *core, int64_t now, uint32_t slot, effects_t *out)
{
    const task_t *task = s_task (core, slot);
    const terms_t *terms = &core->groups.kinds.kinds.pool [task->kind].terms;
    bool late = terms->deadline && now >= task->at + (int64_t) terms->deadline;
    lease_cancel (core, now, slot,
                  late ? "its deadline was over before it ended"
                       : "it expired before a worker was free for it",
                  out);
}

void
lease_retry (core_t *core, int64_t now, uint32_t slot)
{
    const task_t *task = s_task (core, slot);
    record_t record = {.kind = RECORD_RETRIED, .id = task->id, .at = now};
    record.batch = task->batch ? core->batches.batches.pool [task->batch].id : 0;
    record.state = task->state;
    apply_now (core, &record, NULL);
}

//  An attempt of an earlier epoch whose start was not durable: the task was there, and the
//  fence is higher than any that it is known to have had.

static bool
s_unrecorded (const core_t *core, const task_t *task, uint64_t fence)
{
    return fence > task->fence && fence >> 40 < core->epoch && task->id < core->known_id
           && !task_ended (task->state)
           && (task->state != STINT_RUNNING || task->holder == 0);
}

bool
lease_adopt (core_t *core, int64_t now, uint32_t session, uint64_t id, uint64_t fence)
{
    uint32_t slot = tasks_find (&core->tasks, id);
    if (!slot)
        return false;
    task_t *task = s_task (core, slot);
    if (task->state == STINT_RUNNING && task->fence == fence) {
        if (task->holder != session) {
            core->totals.adopted += task->holder == 0;
            hold_take (core, slot);
            hold_put (core, slot, session);
        }
        return true;
    }
    if (!s_unrecorded (core, task, fence))
        return lease_ended (core, id, fence);

    charge_start (core, now, task, 1);
    record_t record = {.kind = RECORD_STARTED, .id = id, .fence = fence, .at = now};
    core->at_session = session;
    apply_now (core, &record, NULL);
    core->at_session = 0;
    core->totals.adopted++;
    return true;
}

bool
lease_ended (const core_t *core, uint64_t id, uint64_t fence)
{
    uint32_t slot = tasks_find (&core->tasks, id);
    if (!slot)
        return false;
    const task_t *task = s_task (core, slot);
    //  Dead of lost workers: nobody's result ended the last attempt
    bool by_result = task->state == STINT_DONE
                     || (task->state == STINT_DEAD && task->lost < CORE_LOST_MAX);
    return by_result && task->fence == fence;
}

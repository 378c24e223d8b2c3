//  schedule: which ready task goes to which waiting worker
//  SPDX-License-Identifier: MPL-2.0

#include "schedule.h"

#include "group_rates.h"
#include "lease.h"

//  Returns how many tasks the first worker in line may be given at once: a quarter of its
//  share of those that are ready, so that workers take turns while there is little to do.
//  Under load one record then says of many tasks that they have begun.

static uint32_t
s_share (const group_t *group, const session_t *session)
{
    uint32_t share = group->counts [STINT_READY] / group->waiting.count / 4;
    uint32_t room = session->capacity - session->held.count;
    if (share > room)
        share = room;
    if (share > session->left)
        share = session->left;
    if (share > RECORD_STARTS)
        share = RECORD_STARTS;
    return share > 0 ? share : 1;
}

//  Returns how many tasks a turn at a worker is, for a weight of one.

static uint32_t
s_turn_size (const session_t *session)
{
    uint32_t part = session->capacity / SCHEDULE_TURN_PART;
    if (part > SCHEDULE_TURN_MAX)
        part = SCHEDULE_TURN_MAX;
    return part > 0 ? part : 1;
}

//  Returns how many tasks a group's turn at a worker is.

static uint32_t
s_quantum (const groups_t *groups, uint32_t group, const session_t *session)
{
    uint64_t own = groups->groups.pool [group].settings.weight;
    uint64_t weight = own ? own : groups->defaults.weight;
    return (uint32_t) (weight > 0 ? weight : 1) * s_turn_size (session);
}

//  Returns the group of which the worker is to have the next task. It has room, and at
//  least one of its groups is runnable.

static uint32_t
s_turn (core_t *core, uint32_t slot)
{
    session_t *session = &core->sessions.sessions.pool [slot];
    const subscription_t *own = sessions_subscriptions (&core->sessions, slot);
    if (session->groups == 1)
        session->left = RECORD_STARTS;
    for (uint32_t tried = 0; tried <= session->groups; tried++) {
        uint32_t group = own [session->turn].group;
        if (session->left > 0 && group_runs_linked (core->groups.groups.pool, group))
            return group;
        session->turn = (session->turn + 1) % session->groups;
        session->left = s_quantum (&core->groups, own [session->turn].group, session);
    }
    assert (false);
    return 0;
}

//  Returns how many tasks of a lane the worker may be given at once. While there are other
//  lanes of its priority it is a turn at most.

static uint32_t
s_most (const groups_t *groups, int64_t now, uint32_t slot, const session_t *session)
{
    const lane_t *lane = &groups->lanes.lanes.pool [slot];
    const group_t *group = &groups->groups.pool [lane->group];
    uint64_t most = s_share (group, session);
    uint64_t room = groups_room (groups, lane->group);
    uint64_t lane_room = groups_lane_room (groups, slot);
    uint64_t tokens = groups_tokens (groups, slot, now);
    if (most > room)
        most = room;
    if (most > lane_room)
        most = lane_room;
    if (most > tokens)
        most = tokens;
    if (group->turns [lane->priority].count > 1 && most > s_turn_size (session))
        most = s_turn_size (session);
    return (uint32_t) most;
}

//  Lists the first task in line and those behind it that have the next numbers, at most so
//  many, and as long as their bytes fit. Returns how many they are.

static uint32_t
s_list_run (const core_t *core, const lane_t *lane, const session_t *session, uint32_t most,
            uint32_t *run)
{
    const task_t *tasks = core->tasks.tasks.pool;
    uint64_t bytes = session->bytes;
    uint32_t count = 0;
    run [count++] = lane_first (lane);
    if (lane->again.count > 0)
        return count;
    while (count < most) {
        const task_t *last = &tasks [run [count - 1]];
        bytes += last->payload.size;
        if (!last->node.next || tasks [last->node.next].id != last->id + 1
            || bytes >= session->bytes_max)
            break;
        run [count++] = last->node.next;
    }
    return count;
}

//  Returns how long the attempt may run, in milliseconds; 0 for ever.

static uint64_t
s_time_limit (const groups_t *groups, const task_t *task)
{
    uint64_t own = groups->kinds.kinds.pool [task->kind].terms.time_limit;
    uint64_t group = groups->groups.pool [task->group].settings.time_limit;
    return own ? own : group ? group : groups->defaults.time_limit;
}

//  Tells a worker of a task that it was given. If others of its order were before it, not
//  before the end of the last one is durable: a crash must not bring that one back.

static void
s_tell (const core_t *core, uint32_t slot, uint32_t session, bool durable, effects_t *out)
{
    const task_t *task = &core->tasks.tasks.pool [slot];
    const order_t *order = groups_order (&core->groups, task);
    reply_t *reply = effects_add (out, STP_TASK, session);
    reply->durable = durable || (order && !journal_is_durable (core->journal, order->gate));
    reply->group = task->group;
    reply->id = task->id;
    reply->fence = task->fence;
    reply->attempts = task->attempts;
    reply->limit_ms = s_time_limit (&core->groups, task);
    reply->place = task->payload;
}

//  Gives the first worker in line at a group the first tasks of the group whose turn it is
//  there. Returns how many.

static uint32_t
s_give (core_t *core, int64_t now, uint32_t line, effects_t *out)
{
    uint32_t run [RECORD_STARTS];
    uint32_t slot = sessions_next (&core->sessions, &core->groups, line);
    session_t *session = &core->sessions.sessions.pool [slot];
    uint32_t group = s_turn (core, slot);
    uint32_t place = groups_next_lane (&core->groups, group);
    const lane_t *lane = &core->groups.lanes.lanes.pool [place];
    uint32_t most = s_most (&core->groups, now, place, session);
    uint32_t count = s_list_run (core, lane, session, most, run);
    groups_turn_lane (&core->groups, place);
    session->left -= count;
    lease_start (core, now, run [0], count, slot);

    //  Nothing runs on a worker that a restarted broker would not wait for
    bool durable = !journal_is_durable (core->journal, session->gate);
    for (uint32_t index = 0; index < count; index++)
        s_tell (core, run [index], slot, durable, out);
    sessions_sent (&core->sessions, slot, now);
    return count;
}

bool
schedule_run (core_t *core, int64_t now, effects_t *out)
{
    groups_t *groups = &core->groups;
    while (groups->runnable.head) {
        uint32_t group = groups->runnable.head;
        group_runs_rotate (&groups->runnable, groups->groups.pool, group);
        for (uint32_t given = 0; given < SCHEDULE_QUANTUM;) {
            if (!group_runs_linked (groups->groups.pool, group))
                break;
            if (effects_due (out))
                return true;
            given += s_give (core, now, group, out);
        }
    }
    return false;
}

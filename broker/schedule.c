//  schedule: which ready task goes to which waiting worker
//  SPDX-License-Identifier: MPL-2.0

#include "schedule.h"

#include "lease.h"

//  Gives the first task of a group to the first worker in line.

static void
s_give (core_t *core, int64_t now, uint32_t group, effects_t *out)
{
    uint32_t task = groups_first (&core->groups, group);
    uint32_t session = sessions_next (&core->sessions, &core->groups, group);
    lease_start (core, now, task, session);

    const task_t *given = &core->tasks.tasks.pool [task];
    reply_t *reply = effects_add (out, STP_TASK, session);
    //  Nothing runs on a worker that a restarted broker would not wait for
    reply->durable =
        !journal_is_durable (core->journal, core->sessions.sessions.pool [session].gate);
    reply->group = group;
    reply->id = given->id;
    reply->fence = given->fence;
    reply->attempts = given->attempts;
    reply->place = given->payload;
    sessions_sent (&core->sessions, session, now);
}

bool
schedule_run (core_t *core, int64_t now, effects_t *out)
{
    groups_t *groups = &core->groups;
    while (groups->runnable.head) {
        uint32_t group = groups->runnable.head;
        group_runs_rotate (&groups->runnable, groups->groups.pool, group);
        for (int given = 0; given < SCHEDULE_QUANTUM; given++) {
            if (!group_runs_linked (groups->groups.pool, group))
                break;
            if (effects_due (out))
                return true;
            s_give (core, now, group, out);
        }
    }
    return false;
}

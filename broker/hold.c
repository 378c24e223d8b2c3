//  hold: who holds which running task, and who waits for the end of which
//  SPDX-License-Identifier: MPL-2.0

#include "hold.h"

static task_t *
s_task (const core_t *core, uint32_t slot)
{
    return &core->tasks.tasks.pool [slot];
}

void
hold_put (core_t *core, uint32_t task, uint32_t session)
{
    s_task (core, task)->holder = session;
    if (!session) {
        task_list_append (&core->orphans, core->tasks.tasks.pool, task);
        return;
    }
    session_t *holder = &core->sessions.sessions.pool [session];
    task_list_append (&holder->held, core->tasks.tasks.pool, task);
    holder->bytes += s_task (core, task)->payload.size;
    sessions_update (&core->sessions, &core->groups, session);
}

void
hold_take (core_t *core, uint32_t task)
{
    uint32_t session = s_task (core, task)->holder;
    s_task (core, task)->holder = 0;
    if (!session) {
        task_list_remove (&core->orphans, core->tasks.tasks.pool, task);
        return;
    }
    session_t *holder = &core->sessions.sessions.pool [session];
    task_list_remove (&holder->held, core->tasks.tasks.pool, task);
    holder->bytes -= s_task (core, task)->payload.size;
    sessions_update (&core->sessions, &core->groups, session);
}

void
hold_tell (core_t *core, uint32_t task)
{
    uint64_t id = s_task (core, task)->id;
    watch_t *pool = core->watches.pool;
    s_task (core, task)->watched = false;
    uint32_t next;
    for (uint32_t slot = core->watching.head; slot; slot = next) {
        next = pool [slot].node.next;
        if (pool [slot].id == id) {
            watch_list_remove (&core->watching, pool, slot);
            watch_list_append (&core->told, pool, slot);
        }
    }
}

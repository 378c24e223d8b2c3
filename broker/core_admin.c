//  core_admin: what the core does with WORKER: workers are told to finish and leave
//  SPDX-License-Identifier: MPL-2.0

#include "core_events.h"

#include <string.h>

//  Returns true when a message names the worker of a session, by its name or its number.

static bool
s_is_meant (const session_t *session, const stint_message_t *message)
{
    if (!session->worker)
        return false;
    bool named = message->name.size > 0 && strlen (session->name) == message->name.size
                 && memcmp (session->name, message->name.data, message->name.size) == 0;
    return named || session->worker == message->worker;
}

//  Tells a worker to drain. Until it leaves it is told again on each new connection.

static void
s_drain (core_t *core, uint32_t slot, effects_t *out)
{
    session_t *session = &core->sessions.sessions.pool [slot];
    uint32_t entry = roster_find (&core->roster, session->worker);
    session->draining = true;
    core->roster.workers.pool [entry].draining = entry != 0;
    sessions_update (&core->sessions, &core->groups, slot);
    effects_add (out, STP_DRAIN, slot);
}

void
core_on_worker (core_t *core, uint32_t session, const stint_message_t *message,
                effects_t *out)
{
    const session_t *pool = core->sessions.sessions.pool;
    uint64_t found = 0;
    uint32_t told = 0;
    if (message->operation.size != 5 || memcmp (message->operation.data, "drain", 5) != 0) {
        core_error (out, session, message->request, "invalid", "o is \"drain\"");
        return;
    }
    for (uint32_t slot = core->sessions.heard.head; slot;
         slot = pool [slot].heard_node.next) {
        if (!s_is_meant (&pool [slot], message))
            continue;
        found++;
        if (!pool [slot].draining && told < STINT_LIST_MAX) {
            s_drain (core, slot, out);
            told++;
        }
    }
    if (found == 0)
        core_error (out, session, message->request, "unknown",
                    "no worker of this name or number is connected");
    else
        core_accepted (out, session, message->request)->count = found;
}

//  core_worker: what the core does with the commands of workers
//  SPDX-License-Identifier: MPL-2.0

#include "apply.h"
#include "core_events.h"
#include "lease.h"

#include <string.h>

#define CAPACITY_MAX 65536                  //  Most tasks that a worker may hold
#define WORKER_BYTES ((uint64_t) 16 << 20)  //  Of payload, when READY does not say

static session_t *
s_session (core_t *core, uint32_t slot)
{
    return &core->sessions.sessions.pool [slot];
}

//  Refuses an attempt, and counts that for its group. A task that is gone has ended and was
//  collected; most likely that was this attempt, so nobody is counted.

static void
s_stale (core_t *core, effects_t *out, uint32_t session, const stint_item_t *item)
{
    reply_t *reply = effects_add (out, STP_STALE, session);
    reply->id = item->id;
    reply->fence = item->fence;
    uint32_t slot = tasks_find (&core->tasks, item->id);
    if (!slot)
        return;
    core->totals.stale++;
    core->groups.groups.pool [core->tasks.tasks.pool [slot].group].stale++;
}

//  ---------------------------------------------------------------------------------
//  READY

//  Makes the session serve the groups of a READY. Returns null or what is wrong.

static const char *
s_serve (core_t *core, uint32_t slot, stint_message_t *message)
{
    stint_bytes_t name;
    while (stint_wire_next_group (message, &name)) {
        uint32_t group = core_group (core, name);
        if (!group)
            return "the broker has as many groups as its limits/groups allows";
        if (!sessions_serve (&core->sessions, &core->groups, slot, group))
            return "a worker serves at most 16 groups";
    }
    if (message->groups.bad)
        return "h is not a list of groups";
    return s_session (core, slot)->groups > 0 ? NULL : "a worker serves at least one group";
}

//  Makes the session a worker's, the newest that it has.

static void
s_become_worker (core_t *core, uint32_t slot, const stint_message_t *message)
{
    session_t *session = s_session (core, slot);
    session->worker = message->worker;
    if (message->name.size > 0)
        memcpy (session->name, message->name.data, message->name.size);
    session->name [message->name.size] = 0;

    if (!roster_find (&core->roster, message->worker)) {
        record_t record = {.kind = RECORD_WORKER, .id = message->worker};
        record.name = message->name;
        apply_now (core, &record, NULL);
    }
    roster_entry_t *entry =
        &core->roster.workers.pool [roster_find (&core->roster, message->worker)];
    session->former = entry->session;
    session->gate = entry->kept.block;
    entry->session = slot;
    entry->sessions++;
    session->draining = entry->draining;
}

//  Ends the sessions that a worker had on older sockets, when the broker has not missed
//  them yet: what they hold and was not claimed is not coming.

static void
s_end_former (core_t *core, uint32_t slot, effects_t *out)
{
    while (s_session (core, slot)->former) {
        uint32_t former = s_session (core, slot)->former;
        core_leave (core, former);
        if (effects_room (out) > 1)  //  Else it is told when it speaks again
            effects_add (out, STP_BYE, former);
    }
}

//  The roster is as long as there may be sessions; workers that never came back are struck
//  off when their time is over.

static bool
s_roster_full (const core_t *core, const stint_message_t *message)
{
    return core->roster.workers.count == core->roster.workers.capacity
           && !roster_find (&core->roster, message->worker);
}

void
core_on_ready (core_t *core, int64_t now, uint32_t slot, stint_message_t *message,
               effects_t *out)
{
    session_t *session = s_session (core, slot);
    const char *fault = NULL;
    if (message->worker == 0 || (session->worker && session->worker != message->worker))
        fault = "w is the worker's own number, not 0 and always the same";
    else if (s_roster_full (core, message))
        fault = "the broker knows as many workers as its limits/sessions allows";
    else
        fault = s_serve (core, slot, message);
    if (fault) {
        sessions_update (&core->sessions, &core->groups, slot);
        core_error (out, slot, message->request, "invalid", fault);
        return;
    }
    stint_item_t item;
    while (stint_wire_next (message, &item)) {
        if (!lease_adopt (core, now, slot, item.id, item.fence))
            s_stale (core, out, slot, &item);
    }
    if (!session->worker)
        s_become_worker (core, slot, message);
    //  A worker that holds more than fits into one READY sends several, all but the last
    //  with x = 1
    if (message->state == 0) {
        roster_back (&core->roster, roster_find (&core->roster, message->worker));
        s_end_former (core, slot, out);
    }
    session->bytes_max = message->bytes > 0 ? message->bytes : WORKER_BYTES;
    session->capacity =
        message->count < CAPACITY_MAX ? (uint32_t) message->count : CAPACITY_MAX;
    sessions_update (&core->sessions, &core->groups, slot);
    reply_t *reply = effects_add (out, STP_ACCEPTED, slot);
    reply->request = message->request;
    reply->delay_ms = core->sessions.pace.told_ms;
    if (session->draining && message->state == 0)
        effects_add (out, STP_DRAIN, slot);
}

void
core_on_credit (core_t *core, uint32_t slot, const stint_message_t *message)
{
    s_session (core, slot)->capacity =
        message->count < CAPACITY_MAX ? (uint32_t) message->count : CAPACITY_MAX;
    sessions_update (&core->sessions, &core->groups, slot);
}

//  ---------------------------------------------------------------------------------
//  RESULT, RETURN and PROGRESS

//  Returns the slot of the task whose running attempt the session holds, or 0.

static uint32_t
s_attempt (core_t *core, uint32_t session, const stint_item_t *item)
{
    core->tasks.guess = s_session (core, session)->held.head;  //  The oldest one ends first
    uint32_t slot = tasks_find (&core->tasks, item->id);
    const task_t *task = &core->tasks.tasks.pool [slot];
    bool matches = slot && task->state == STINT_RUNNING && task->fence == item->fence
                   && task->holder == session;
    return matches ? slot : 0;
}

static void
s_on_item (core_t *core, int64_t now, uint32_t session, const stint_item_t *item,
           effects_t *out)
{
    uint32_t slot = s_attempt (core, session, item);
    if (!slot) {
        //  The same result again, because its acknowledgement was lost
        if (lease_ended (core, item->id, item->fence))
            return;
        s_stale (core, out, session, item);
        return;
    }
    if (item->verdict == 0)
        lease_done (core, now, slot, item->body);
    else
        lease_fail (core, now, slot, (lease_end_t) item->verdict, item->delay, item->body);
}

void
core_on_result (core_t *core, int64_t now, uint32_t session, stint_message_t *message,
                effects_t *out)
{
    stint_item_t item;
    while (stint_wire_next (message, &item)) {
        if (item.verdict > LEASE_REFUSED || item.delay > RECORD_SPAN_MAX) {
            message->list.bad = true;
            break;
        }
        s_on_item (core, now, session, &item, out);
    }
    if (message->list.bad) {
        core_error (out, session, message->request, "malformed",
                    "the results are not as PROTOCOL.md says");
        return;
    }
    reply_t *reply = effects_add (out, STP_ACCEPTED, session);
    reply->request = message->request;
    reply->durable = true;
}

void
core_on_return (core_t *core, uint32_t session, stint_message_t *message)
{
    stint_item_t item;
    while (stint_wire_next (message, &item)) {
        uint32_t slot = s_attempt (core, session, &item);
        if (slot)
            lease_return (core, slot);
    }
}

//  Only the attempt that runs is listened to; who is not is not told.

void
core_on_progress (core_t *core, int64_t now, uint32_t session, stint_message_t *message,
                  effects_t *out)
{
    stint_item_t item;
    while (stint_wire_next (message, &item)) {
        if (item.number > STINT_NOTE_DONE || item.body.size > STINT_NOTE_MAX) {
            message->list.bad = true;
            break;
        }
        if (s_attempt (core, session, &item))
            task_notes_put (&core->notes, now, &item);
    }
    if (message->list.bad)
        core_error (out, session, message->request, "malformed",
                    "progress is [task, fence, thousandths up to 1000, text of at most 128 "
                    "bytes]");
}

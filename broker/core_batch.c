//  core_batch: what the core does with BATCH and COLLECT, and who is told of ends of tasks
//  SPDX-License-Identifier: MPL-2.0

#include "apply.h"
#include "core_events.h"
#include "word.h"

//  When the table of batches is full, the oldest one that is empty makes room.

static bool
s_make_room_for_batch (core_t *core)
{
    batch_pool_t *batches = &core->batches.batches;
    if (batches->count < batches->capacity)
        return true;
    uint32_t oldest = 0;
    for (uint32_t slot = 1; slot <= batches->used; slot++) {
        const batch_t *batch = &batches->pool [slot];
        if (batch->id && batch->held == 0 && !batch->collector
            && (!oldest || batch->at < batches->pool [oldest].at))
            oldest = slot;
    }
    if (!oldest)
        return false;
    record_t record = {.kind = RECORD_BATCH_GONE, .batch = batches->pool [oldest].id};
    apply_now (core, &record, NULL);
    return true;
}

void
core_on_batch (core_t *core, int64_t now, uint32_t session, const stint_message_t *message,
               effects_t *out)
{
    uint32_t group = core_group (core, message->group);
    uint32_t slot = group ? batches_find_name (&core->batches, group, message->name) : 0;
    if (!slot) {
        if (!group || !s_make_room_for_batch (core)) {
            core_full (out, session, message->request,
                       "the broker has as many groups or batches as its limits allow");
            return;
        }
        record_t record = {.kind = RECORD_BATCH, .batch = core->batches.next_id, .at = now};
        record.group = group;
        record.name = message->name;
        apply_now (core, &record, NULL);
        slot = batches_find (&core->batches, record.batch);
    }
    const batch_t *batch = &core->batches.batches.pool [slot];
    uint64_t most = groups_settings (&core->groups, group).max_tasks;
    reply_t *reply = core_accepted (out, session, message->request);
    reply->id = most < STINT_LIST_MAX ? most : STINT_LIST_MAX;
    reply->batch = batch->id;
    reply->count = batch->pushed;
    reply->cursor = batch->collected;
    reply->number = batch->again < UINT32_MAX ? (uint32_t) batch->again : UINT32_MAX;
}

static void
s_collect_batch (core_t *core, int64_t now, uint32_t session,
                 const stint_message_t *message, effects_t *out)
{
    uint32_t slot = batches_find (&core->batches, message->batch);
    if (!slot) {
        core_error (out, session, message->request, "unknown", "no such batch");
        return;
    }
    batch_t *batch = &core->batches.batches.pool [slot];
    if (message->count < 1 || message->count > CORE_WINDOW_MAX
        || message->cursor > batch_places (batch)) {
        core_error (
            out, session, message->request, "invalid",
            "the window is not from 1 to 65536, or the cursor is ahead of the batch");
        return;
    }
    batches_collect (&core->batches, slot, session, message->request, message->count);
    if (message->cursor > batch->collected) {
        record_t record = {.kind = RECORD_COLLECTED, .batch = batch->id, .at = now};
        record.position = message->cursor;
        apply_now (core, &record, NULL);
    }
}

static void
s_outcome (const task_t *task, reply_t *reply)
{
    reply->durable = true;
    reply->id = task->id;
    reply->number = task->number;
    reply->state = task->state;
    reply->attempts = task->attempts;
    reply->place = task->result;
}

bool
core_on_read (core_t *core, uint32_t session, const stint_message_t *message,
              effects_t *out)
{
    bool payload = word_is (message->operation, "payload");
    if (!payload && !word_is (message->operation, "result"))
        return false;
    uint32_t slot = tasks_find (&core->tasks, message->id);
    const task_t *task = &core->tasks.tasks.pool [slot];
    if (!slot) {
        core_error (out, session, message->request, "unknown", "no such task");
        return true;
    }
    reply_t *reply = effects_add (out, STP_OUTCOME, session);
    reply->request = message->request;
    s_outcome (task, reply);
    reply->place = payload ? task->payload : task->result;
    return true;
}

//  Waits for the end of one task. One that has ended is told of at once.

static void
s_collect_task (core_t *core, uint32_t session, const stint_message_t *message,
                effects_t *out)
{
    uint32_t slot = tasks_find (&core->tasks, message->id);
    if (!slot) {
        core_error (out, session, message->request, "unknown",
                    "no such task; its result may have been collected or be too old");
        return;
    }
    task_t *task = &core->tasks.tasks.pool [slot];
    if (task_ended (task->state)) {
        reply_t *reply = effects_add (out, STP_OUTCOME, session);
        reply->request = message->request;
        s_outcome (task, reply);
        return;
    }
    if (core->watches.count == core->watches.capacity) {
        core_full (out, session, message->request, "too many wait for single tasks");
        return;
    }
    uint32_t watch = watch_pool_add (&core->watches);
    watch_t *pool = core->watches.pool;
    pool [watch].id = task->id;
    pool [watch].request = message->request;
    pool [watch].session = session;
    watch_list_init (pool, watch);
    watch_list_append (&core->watching, pool, watch);
    task->watched = true;
}

void
core_on_collect (core_t *core, int64_t now, uint32_t session,
                 const stint_message_t *message, effects_t *out)
{
    core->sessions.sessions.pool [session].attached = true;
    if (stint_wire_has (message, 'b'))
        s_collect_batch (core, now, session, message, out);
    else
        s_collect_task (core, session, message, out);
}

bool
core_tell (core_t *core, effects_t *out)
{
    watch_t *pool = core->watches.pool;
    while (core->told.head && !effects_due (out)) {
        uint32_t slot = core->told.head;
        uint32_t task = tasks_find (&core->tasks, pool [slot].id);
        if (task && !task_ended (core->tasks.tasks.pool [task].state)) {
            //  It is tried again before anybody was told: so its end is still to come
            watch_list_remove (&core->told, pool, slot);
            watch_list_append (&core->watching, pool, slot);
            core->tasks.tasks.pool [task].watched = true;
            continue;
        }
        if (task) {
            reply_t *reply = effects_add (out, STP_OUTCOME, pool [slot].session);
            reply->request = pool [slot].request;
            s_outcome (&core->tasks.tasks.pool [task], reply);
        }
        else
            core_error (out, pool [slot].session, pool [slot].request, "unknown",
                        "the task is gone");
        watch_list_remove (&core->told, pool, slot);
        watch_pool_remove (&core->watches, slot);
    }
    return core->told.head != 0;
}

bool
core_deliver (core_t *core, effects_t *out)
{
    batches_t *batches = &core->batches;
    while (batches->news.head && !effects_due (out)) {
        uint32_t slot = batches->news.head;
        const batch_t *batch = &batches->batches.pool [slot];
        uint32_t task;
        while (!effects_due (out)
               && batches_deliver (batches, core->tasks.tasks.pool, slot, &task)) {
            reply_t *reply = effects_add (out, STP_OUTCOME, batch->collector);
            reply->batch = batch->id;
            reply->again = batch->again;
            reply->cursor = batch->delivered;
            if (task)
                s_outcome (&core->tasks.tasks.pool [task], reply);
            else
                reply->durable = true;
        }
        batches_update (batches, slot);
    }
    return batches->news.head != 0;
}

void
core_unwatch (core_t *core, uint32_t session)
{
    watch_t *pool = core->watches.pool;
    watch_list_t *const lists [] = {&core->watching, &core->told};
    for (size_t index = 0; index < 2; index++) {
        uint32_t next;
        for (uint32_t slot = lists [index]->head; slot; slot = next) {
            next = pool [slot].node.next;
            if (pool [slot].session == session) {
                watch_list_remove (lists [index], pool, slot);
                watch_pool_remove (&core->watches, slot);
            }
        }
    }
    for (uint32_t slot = 1; slot <= core->batches.batches.used; slot++) {
        if (core->batches.batches.pool [slot].collector == session)
            batches_collect (&core->batches, slot, 0, 0, 0);
    }
}

//  core_client: what the core does with the commands of clients
//  SPDX-License-Identifier: MPL-2.0

#include "apply.h"
#include "core_events.h"
#include "lease.h"
#include "query.h"

#include <string.h>

void
core_error (effects_t *out, uint32_t session, uint64_t request, const char *code,
            const char *text)
{
    reply_t *reply = effects_add (out, STP_ERROR, session);
    reply->request = request;
    reply->code = code;
    reply->text = text;
}

static void
s_full (effects_t *out, uint32_t session, uint64_t request, const char *text)
{
    reply_t *reply = effects_add (out, STP_FULL, session);
    reply->request = request;
    reply->delay_ms = CORE_RETRY_AFTER_MS;
    reply->text = text;
}

static reply_t *
s_accepted (effects_t *out, uint32_t session, uint64_t request)
{
    reply_t *reply = effects_add (out, STP_ACCEPTED, session);
    reply->durable = true;
    reply->request = request;
    return reply;
}

uint32_t
core_group (core_t *core, stint_bytes_t name)
{
    uint32_t slot = groups_find (&core->groups, name);
    if (slot)
        return slot;
    slot = groups_next (&core->groups);
    if (!slot)
        return 0;
    record_t record = {.kind = RECORD_GROUP, .group = slot, .name = name};
    apply_now (core, &record, NULL);
    return slot;
}

//  ---------------------------------------------------------------------------------
//  PUSH

static uint64_t
s_size (const stint_message_t *message)
{
    uint64_t bytes = (uint64_t) (message->list.end - message->list.at);
    for (size_t index = 0; index < message->frame_count; index++)
        bytes += message->frames [index].size;
    return bytes;
}

//  Returns null, or which limit of the group a push passes by itself, so that waiting would
//  not help it.

static const char *
s_too_large (const core_t *core, uint32_t slot, const stint_message_t *message)
{
    record_settings_t settings = groups_settings (&core->groups, slot);
    if (message->list_count > settings.max_tasks)
        return "one push has more tasks than the group's max_tasks: push fewer at once";
    if (s_size (message) > settings.max_bytes)
        return "one push has more bytes than the group's max_bytes: push fewer at once";
    return NULL;
}

//  Returns null when there is room for a push, or which limit it would pass.

static const char *
s_full_of (const core_t *core, uint32_t slot, const stint_message_t *message)
{
    const group_t *group = &core->groups.groups.pool [slot];
    record_settings_t settings = groups_settings (&core->groups, slot);
    uint64_t bytes = s_size (message);

    if (group_held (group) + (uint64_t) message->list_count > settings.max_tasks)
        return "the group holds as many tasks as its max_tasks allows";
    if (group->bytes + bytes > settings.max_bytes)
        return "the group holds as many bytes as its max_bytes allows";
    if (core->tasks.tasks.count + (uint64_t) message->list_count
        > core->tasks.tasks.capacity)
        return "the broker holds as many tasks as its limits/tasks allows";
    journal_totals_t journal = journal_totals (core->journal);
    if (journal.waiting > core->limits.waiting_max)
        return "the broker's disk is behind";
    if (core->limits.store_max && journal.bytes + bytes > core->limits.store_max)
        return "the store is nearly as large as its store/size_max allows";
    if (core->producers.producers.count == core->producers.producers.capacity
        && !producers_find (&core->producers, message->producer))
        return "the broker remembers as many producers as its limits/producers allows";
    return NULL;
}

//  Answers a push whose sequence number is not the next. Returns false when it is.

static bool
s_out_of_order (core_t *core, uint32_t session, const stint_message_t *message,
                effects_t *out)
{
    uint32_t slot = producers_find (&core->producers, message->producer);
    const producer_t *producer = &core->producers.producers.pool [slot];
    uint64_t next = slot ? producer->next : 1;
    if (message->sequence == next)
        return false;

    const record_push_t *push = slot ? producer_recent (producer, message->sequence) : NULL;
    if (push && push->count == message->list_count) {
        reply_t *reply = s_accepted (out, session, message->request);
        reply->id = push->id;
        reply->count = push->count;
    }
    else if (!slot)
        core_error (out, session, message->request, "unknown",
                    "no such producer: it was silent too long; begin a new one with 1");
    else {
        core_error (out, session, message->request, "sequence",
                    "this push is not the next one of its producer");
        out->replies [out->count - 1].sequence = next;
    }
    return true;
}

void
core_on_push (core_t *core, int64_t now, uint32_t session, stint_message_t *message,
              effects_t *out)
{
    if (message->producer == 0 || message->sequence == 0 || message->list_count == 0) {
        core_error (out, session, message->request, "malformed",
                    "a push needs a producer, a sequence number from 1, and tasks");
        return;
    }
    if (core->draining) {
        core_error (out, session, message->request, "stopping", "the broker is going down");
        return;
    }
    if (s_out_of_order (core, session, message, out))
        return;
    if (message->batch && !batches_find (&core->batches, message->batch)) {
        core_error (out, session, message->request, "unknown", "no such batch");
        return;
    }
    //  Slot 0, of no group, has the broker's own settings: a push that is refused makes
    //  none
    uint32_t group = groups_find (&core->groups, message->group);
    const char *large = s_too_large (core, group, message);
    if (large) {
        core_error (out, session, message->request, "invalid", large);
        return;
    }
    const char *full = s_full_of (core, group, message);
    if (!full && !group) {
        group = core_group (core, message->group);
        full = group ? NULL : "the broker has as many groups as its limits/groups allows";
    }
    if (full) {
        s_full (out, session, message->request, full);
        return;
    }
    record_t record = {.kind = RECORD_PUSHED, .producer = message->producer, .at = now};
    record.sequence = message->sequence;
    record.id = core->next_id;
    record.group = group;
    record.batch = message->batch;
    uint32_t batch = batches_find (&core->batches, message->batch);
    record.number = batch ? core->batches.batches.pool [batch].pushed + 1 : 0;
    uint32_t count = message->list_count;
    if (!apply_now (core, &record, message)) {
        core_error (out, session, message->request, "malformed",
                    "the tasks of the push are not as PROTOCOL.md says");
        return;
    }
    reply_t *reply = s_accepted (out, session, message->request);
    reply->id = record.id;
    reply->count = count;
    reply->patient = batch && core->batches.batches.pool [batch].collector == session;
}

//  ---------------------------------------------------------------------------------
//  BATCH and COLLECT

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
            s_full (out, session, message->request,
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
    reply_t *reply = s_accepted (out, session, message->request);
    reply->id = most < STINT_LIST_MAX ? most : STINT_LIST_MAX;
    reply->batch = batch->id;
    reply->count = batch->pushed;
    reply->cursor = batch->collected;
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
        || message->cursor > batch_ended (batch)) {
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
        s_full (out, session, message->request, "too many wait for single tasks");
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
               && (task = batches_deliver (batches, core->tasks.tasks.pool, slot)) != 0) {
            reply_t *reply = effects_add (out, STP_OUTCOME, batch->collector);
            reply->batch = batch->id;
            reply->cursor = batch->delivered;
            s_outcome (&core->tasks.tasks.pool [task], reply);
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

//  ---------------------------------------------------------------------------------
//  CANCEL, GROUP, QUERY

void
core_on_cancel (core_t *core, int64_t now, uint32_t session, const stint_message_t *message,
                effects_t *out)
{
    uint32_t slot = tasks_find (&core->tasks, message->id);
    if (!slot) {
        core_error (out, session, message->request, "unknown", "no such task");
        return;
    }
    const task_t *task = &core->tasks.tasks.pool [slot];
    if (task_ended (task->state) && task->state != STINT_CANCELLED) {
        core_error (out, session, message->request, "ended", "the task has ended already");
        return;
    }
    if (task->state == STINT_CANCELLED) {
        s_accepted (out, session, message->request);
        return;
    }
    if (task->state == STINT_RUNNING && task->holder) {
        reply_t *reply = effects_add (out, STP_REVOKE, task->holder);
        reply->id = task->id;
        reply->fence = task->fence;
    }
    lease_cancel (core, now, slot);
    s_accepted (out, session, message->request);
}

//  Reads the settings that are named over those that are there.

static bool
s_read_settings (const stint_message_t *message, record_settings_t *settings)
{
    if (message->fields.size == 0)
        return true;
    stint_reader_t reader = stint_reader_of (message->fields);
    uint32_t pairs = stint_read_map (&reader);
    for (uint32_t pair = 0; pair < pairs; pair++) {
        stint_bytes_t name = stint_read_bytes (&reader);
        uint64_t value = stint_read_number (&reader);
        size_t index = record_setting (name);
        if (reader.bad || index == RECORD_SETTINGS
            || value > record_setting_table [index].most)
            return false;
        settings->list [index] = value;
    }
    return true;
}

static void
s_set_group (core_t *core, uint32_t session, const stint_message_t *message, effects_t *out)
{
    uint32_t found = groups_find (&core->groups, message->group);
    record_t record = {.kind = RECORD_GROUP, .name = message->group};
    record.group = found ? found : groups_next (&core->groups);
    if (found)
        record.settings = core->groups.groups.pool [found].settings;
    if (!s_read_settings (message, &record.settings))
        core_error (out, session, message->request, "invalid",
                    "a group has no such setting, or it is out of its range: max_tasks, "
                    "max_bytes, max_attempts, backoff, backoff_max, keep_results, "
                    "max_running, weight and paused are numbers");
    else if (!record.group)
        s_full (out, session, message->request,
                "the broker has as many groups as its limits/groups allows");
    else {
        apply_now (core, &record, NULL);
        s_accepted (out, session, message->request);
    }
}

//  Returns true when a batch of the group holds tasks: they are in other groups.

static bool
s_batches_hold (const core_t *core, uint32_t group)
{
    const batch_pool_t *batches = &core->batches.batches;
    for (uint32_t slot = 1; slot <= batches->used; slot++) {
        if (batches->pool [slot].group == group && batches->pool [slot].held > 0)
            return true;
    }
    return false;
}

//  Forgets the batches of a group.

static void
s_remove_batches (core_t *core, uint32_t group)
{
    const batch_pool_t *batches = &core->batches.batches;
    for (uint32_t slot = 1; slot <= batches->used; slot++) {
        if (batches->pool [slot].id && batches->pool [slot].group == group) {
            record_t record = {.kind = RECORD_BATCH_GONE, .batch = batches->pool [slot].id};
            apply_now (core, &record, NULL);
        }
    }
}

static void
s_remove_group (core_t *core, uint32_t session, const stint_message_t *message,
                effects_t *out)
{
    uint32_t slot = groups_find (&core->groups, message->group);
    const group_t *group = &core->groups.groups.pool [slot];
    if (!slot)
        core_error (out, session, message->request, "unknown", "no such group");
    else if (group_held (group) > 0 || group->subscribers > 0
             || s_batches_hold (core, slot))
        core_error (out, session, message->request, "occupied",
                    "the group or one of its batches holds tasks, or workers serve it");
    else {
        s_remove_batches (core, slot);
        record_t record = {.kind = RECORD_GROUP_GONE, .group = slot};
        apply_now (core, &record, NULL);
        s_accepted (out, session, message->request);
    }
}

static bool
s_says (stint_bytes_t bytes, const char *text)
{
    return bytes.size == strlen (text) && memcmp (bytes.data, text, bytes.size) == 0;
}

void
core_on_group (core_t *core, int64_t now, uint32_t session, const stint_message_t *message,
               effects_t *out)
{
    (void) now;
    if (s_says (message->operation, "set"))
        s_set_group (core, session, message, out);
    else if (s_says (message->operation, "remove"))
        s_remove_group (core, session, message, out);
    else
        core_error (out, session, message->request, "invalid",
                    "o is \"set\" or \"remove\"");
}

void
core_on_query (core_t *core, int64_t now, uint32_t session, const stint_message_t *message,
               effects_t *out)
{
    const char *code = query_answer (core, now, message);
    if (code) {
        core_error (out, session, message->request, code,
                    code [0] == 'u' ? "no such task or group"
                                    : "there is nothing of that name to ask for");
        return;
    }
    reply_t *reply = effects_add (out, STP_STATE, session);
    reply->request = message->request;
    reply->fields = stint_writer_bytes (&core->state);
}

//  ---------------------------------------------------------------------------------
//  Forgetting

static bool
s_sweep_group (core_t *core, int64_t now, uint32_t slot)
{
    const group_t *group = &core->groups.groups.pool [slot];
    const task_t *tasks = core->tasks.tasks.pool;
    for (int count = 0; count < 256; count++) {
        uint32_t task = group->ended.head;
        if (!task || tasks [task].until > now)
            return false;
        record_t record = {.kind = RECORD_DROPPED, .id = tasks [task].id};
        apply_now (core, &record, NULL);
    }
    return true;
}

bool
core_sweep (core_t *core, int64_t now)
{
    bool more = false;
    for (int count = 0; count < 64 && core->groups.groups.used > 0; count++) {
        core->sweep_group = core->sweep_group % core->groups.groups.used + 1;
        if (core->groups.groups.pool [core->sweep_group].used)
            more |= s_sweep_group (core, now, core->sweep_group);
    }
    for (int count = 0; count < 256; count++) {
        uint32_t slot = core->producers.idle.head;
        const producer_t *producer = &core->producers.producers.pool [slot];
        //  While there was no broker it could not push, however long that was
        if (!slot || producer->at + CORE_PRODUCER_IDLE_MS > now
            || core->started_at + CORE_PRODUCER_IDLE_MS > now)
            break;
        record_t record = {.kind = RECORD_PRODUCER_GONE, .producer = producer->id};
        apply_now (core, &record, NULL);
    }
    return more;
}

//  core_group: what the core does with GROUP, and what it forgets by itself
//  SPDX-License-Identifier: MPL-2.0

#include "apply.h"
#include "core_events.h"
#include "word.h"

//  Reads the settings that are named over those that are there. Notes whether one of them
//  stops the group, or starts it.

static bool
s_read_settings (const stint_message_t *message, record_settings_t *settings, bool *stops)
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
        *stops |= group_note_setting (index);
    }
    return true;
}

//  Notes who stops the group, and why. Who says neither, of one that stands already,
//  leaves it at what was said before.

static void
s_note (const core_t *core, int64_t now, const stint_message_t *message, uint32_t found,
        record_t *record)
{
    const record_settings_t *before = &core->groups.groups.pool [found].settings;
    bool stopped = record->settings.paused || record->settings.draining;
    bool says = stint_wire_has (message, 'm') || stint_wire_has (message, 'n');
    if (stopped && !says && found && (before->paused || before->draining))
        return;
    record->result = stopped ? message->text : (stint_bytes_t){NULL, 0};
    record->by = stopped ? message->name : (stint_bytes_t){NULL, 0};
    record->at = stopped ? now : 0;
}

static void
s_set_group (core_t *core, int64_t now, uint32_t session, const stint_message_t *message,
             effects_t *out)
{
    bool stops = false;
    uint32_t found = groups_find (&core->groups, message->group);
    record_t record = {.kind = RECORD_GROUP, .name = message->group};
    if (found)
        groups_describe (&core->groups, found, &record);
    else
        record.group = groups_next (&core->groups);
    if (!s_read_settings (message, &record.settings, &stops))
        core_error (out, session, message->request, "invalid",
                    "a group has no such setting, or it is out of its range: max_tasks, "
                    "max_bytes, max_attempts, backoff, backoff_max, keep_results, "
                    "max_running, weight, key_running, time_limit, rate, burst, key_rate, "
                    "key_burst, paused and draining are numbers");
    else if (!group_note_valid (message->text) || !group_note_valid (message->name))
        core_error (out, session, message->request, "invalid",
                    "m says why and n says who: at most 256 and 64 bytes of UTF-8 without "
                    "control characters");
    else if (!record.group)
        core_full (out, session, message->request,
                   "the broker has as many groups as its limits/groups allows");
    else {
        if (stops)
            s_note (core, now, message, found, &record);
        apply_now (core, &record, NULL);
        core_accepted (out, session, message->request);
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
    else if (timetable_of_group (&core->timetable, slot))
        core_error (out, session, message->request, "occupied",
                    "a schedule pushes to the group: remove that first");
    else {
        s_remove_batches (core, slot);
        record_t record = {.kind = RECORD_GROUP_GONE, .group = slot};
        apply_now (core, &record, NULL);
        core_accepted (out, session, message->request);
    }
}

void
core_on_group (core_t *core, int64_t now, uint32_t session, const stint_message_t *message,
               effects_t *out)
{
    if (word_is (message->operation, "set"))
        s_set_group (core, now, session, message, out);
    else if (word_is (message->operation, "remove"))
        s_remove_group (core, session, message, out);
    else
        core_error (out, session, message->request, "invalid",
                    "o is \"set\" or \"remove\"");
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

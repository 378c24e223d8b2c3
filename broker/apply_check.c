//  apply_check: what no record of ours says, so that recovery refuses it
//  SPDX-License-Identifier: MPL-2.0

#include "apply_table.h"

#define NUMBER_MAX (UINT64_MAX / 2)  //  Of tasks and batches
#define TIME_MAX (INT64_MAX / 2)     //  Later than any point in time and any span behind it

static const char *
s_check_group (const core_t *core, const record_t *record)
{
    const record_settings_t *settings = &record->settings;
    if (!stint_wire_name_valid (record->name))
        return "it has a group with a name that is none";
    for (size_t index = 0; index < RECORD_SETTINGS; index++) {
        if (settings->list [index] > record_setting_table [index].most)
            return "it has a group with a setting that is out of its range";
    }
    if (record->by.size > STINT_GROUP_MAX || !group_note_valid (record->result)
        || !group_note_valid (record->by))
        return "it has a group that was stopped for a reason that is no text";
    if (record->level > RATE_LEVEL_MAX)
        return "it has a bucket that holds more than any";
    if (record->group == 0 || record->group > core->limits.groups)
        return NULL;  //  Is refused when it is applied
    uint32_t found = groups_find (&core->groups, record->name);
    const group_t *group = &core->groups.groups.pool [record->group];
    if (found != (group->used && group->key ? record->group : 0))
        return "it has two names for a group, or two groups of one name";
    return NULL;
}

static const char *
s_check_batch (const core_t *core, const record_t *record)
{
    if (!stint_wire_name_valid (record->name))
        return "it has a batch with a name that is none";
    if (record->group == 0 || record->group > core->limits.groups)
        return "it has a batch of a group that cannot be there";
    uint32_t named =
        batches_find_name (&core->batches, (uint32_t) record->group, record->name);
    uint32_t found = batches_find (&core->batches, record->batch);
    if (named != (found && core->batches.batches.pool [found].key ? found : 0))
        return "it has two names for a batch, or two batches of one name";
    uint64_t most = record->pushed;
    uint64_t ended = record->done + record->dead + record->cancelled;
    if (record->kind == RECORD_KEPT_BATCH
        && (most > NUMBER_MAX / 4 || record->done > most || record->dead > most
            || record->cancelled > most || ended > most || record->again > NUMBER_MAX / 4
            || record->position > ended + record->again))
        return "it has a batch with more tasks at their end than were pushed";
    return NULL;
}

static const char *
s_check_rate (const record_t *record)
{
    terms_t terms = {.key = record->by};
    if (terms_check (&terms, 0) || (record->key_level > 0 && record->by.size == 0))
        return "it has a bucket of a key that is none";
    if (record->level > RATE_LEVEL_MAX || record->key_level > RATE_LEVEL_MAX)
        return "it has a bucket that holds more than any";
    return NULL;
}

//  Once the record of a batch was seen, so is every push to it.

static const char *
s_check_end (const core_t *core, const record_t *record)
{
    uint32_t slot = batches_find (&core->batches, record->batch);
    const batch_t *batch = &core->batches.batches.pool [slot];
    if (slot && batch->key && batch_ended (batch) >= batch->pushed)
        return "it ends more tasks of a batch than were pushed";
    return NULL;
}

//  Whose end was taken back had ended so.

static const char *
s_check_retry (const core_t *core, const record_t *record)
{
    uint32_t slot = batches_find (&core->batches, record->batch);
    const batch_t *batch = &core->batches.batches.pool [slot];
    if (record->state != STINT_DEAD && record->state != STINT_CANCELLED)
        return "it retries a task in a state in which that may not be";
    uint64_t ended = record->state == STINT_DEAD ? batch->dead : batch->cancelled;
    if (slot && batch->key && ended == 0)
        return "it takes back more ends of a batch than there were";
    return NULL;
}

//  The number without which a record of that kind means nothing.

static uint64_t
s_subject (const record_t *record)
{
    switch (record->kind) {
        case RECORD_PUSHED:
        case RECORD_STARTED:
        case RECORD_DONE:
        case RECORD_FAILED:
        case RECORD_RETURNED:
        case RECORD_CANCELLED:
        case RECORD_DROPPED:
        case RECORD_WORKER:
        case RECORD_WORKER_GONE:
        case RECORD_KEPT_TASK:
        case RECORD_CLOSED:
        case RECORD_RETRIED:
            return record->id;
        case RECORD_COLLECTED:
        case RECORD_BATCH:
        case RECORD_BATCH_GONE:
        case RECORD_KEPT_BATCH:
            return record->batch;
        case RECORD_PRODUCER_GONE:
        case RECORD_KEPT_PRODUCER:
            return record->producer;
        case RECORD_RATE:
            return record->group;
        case RECORD_TIMETABLE_RUN:
            return record->id;
        case RECORD_TIMETABLE_GONE:
            return record->name.size;
        case RECORD_GROUP:
        case RECORD_GROUP_GONE:
        case RECORD_TIMETABLE:
        default:
            return 1;  //  A group's number is looked at by itself
    }
}

const char *
apply_check (const core_t *core, const record_t *record)
{
    if (s_subject (record) == 0)
        return "it has a record about nothing";
    bool worker = record->kind == RECORD_WORKER || record->kind == RECORD_WORKER_GONE;
    if ((record->id > NUMBER_MAX && !worker) || record->batch > NUMBER_MAX)
        return "it has a number that was never given out";
    if (record->at < 0 || record->at > TIME_MAX || record->until < 0
        || record->until > TIME_MAX)
        return "it has a time that is none";
    bool pushed = record->kind == RECORD_PUSHED || record->kind == RECORD_TIMETABLE_RUN;
    if (pushed && record->id < core->next_id)
        return "it gives a task a number that was given out before";
    if (terms_check (&record->terms, 0))
        return "it has tasks that ask for what is not to be had";
    if (record->kind == RECORD_GROUP)
        return s_check_group (core, record);
    if (record->kind == RECORD_RATE)
        return s_check_rate (record);
    if (record->kind == RECORD_BATCH || record->kind == RECORD_KEPT_BATCH)
        return s_check_batch (core, record);
    if (record->kind == RECORD_TIMETABLE || record->kind == RECORD_TIMETABLE_RUN)
        return apply_timetable_check (core, record);
    if (record->kind == RECORD_DONE || record->kind == RECORD_CANCELLED)
        return s_check_end (core, record);
    if (record->kind == RECORD_RETRIED)
        return s_check_retry (core, record);
    return NULL;
}

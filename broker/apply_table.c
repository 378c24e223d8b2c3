//  apply_table: the records of groups, batches, producers and workers
//  SPDX-License-Identifier: MPL-2.0

#include "apply_table.h"

#include "group_rates.h"

void
apply_drop_record (core_t *core, journal_place_t *kept)
{
    if (kept->block)
        journal_drop (core->journal, *kept);
    *kept = (journal_place_t){0};
}

void
apply_keep_record (core_t *core, journal_place_t *kept)
{
    apply_drop_record (core, kept);
    *kept = (journal_place_t){core->at_block, 0, 0};
    journal_hold (core->journal, *kept);
}

static const char *
s_on_group (core_t *core, const record_t *record)
{
    if (record->group == 0 || record->group > core->limits.groups)
        return "it has more groups than limits/groups allows";
    uint32_t slot = (uint32_t) record->group;
    groups_ensure (&core->groups, slot);
    groups_name (&core->groups, slot, record->name);
    group_t *group = &core->groups.groups.pool [slot];
    group->settings = record->settings;
    group_note_set (&group->note, record);
    group->bucket.at = record->until;
    group->bucket.level = record->level;
    apply_keep_record (core, &group->kept);
    group_kept_renew (&core->groups.kept, core->groups.groups.pool, slot);
    groups_update_lanes (&core->groups, slot);
    return NULL;
}

static const char *
s_on_group_gone (core_t *core, const record_t *record)
{
    uint32_t slot = (uint32_t) record->group;
    group_t *group = &core->groups.groups.pool [slot];
    if (record->group > core->groups.groups.used || !group->used)
        return NULL;
    if (group_held (group) > 0 || timetable_of_group (&core->timetable, slot))
        return "it removes a group that holds tasks or that a schedule pushes to";
    apply_drop_record (core, &group->kept);
    groups_remove (&core->groups, slot);
    return NULL;
}

static const char *
s_on_batch (core_t *core, const record_t *record)
{
    if (!batches_find (&core->batches, record->batch)
        && core->batches.batches.count == core->batches.batches.capacity)
        return "it has more batches than limits/batches allows";
    uint32_t slot = batches_ensure (&core->batches, record->batch);
    batch_t *pool = core->batches.batches.pool;
    batches_name (&core->batches, slot, (uint32_t) record->group, record->name);
    pool [slot].at = record->at;
    if (record->kind == RECORD_KEPT_BATCH) {
        pool [slot].pushed = record->pushed;
        pool [slot].done = record->done;
        pool [slot].dead = record->dead;
        pool [slot].cancelled = record->cancelled;
        pool [slot].again = record->again;
        pool [slot].collected = record->position;
    }
    apply_keep_record (core, &pool [slot].kept);
    batch_kept_renew (&core->batches.kept, pool, slot);
    return NULL;
}

static const char *
s_on_batch_gone (core_t *core, const record_t *record)
{
    uint32_t slot = batches_find (&core->batches, record->batch);
    batch_t *batch = &core->batches.batches.pool [slot];
    if (!slot)
        return NULL;
    if (batch->held > 0)
        return "it forgets a batch that holds tasks";
    apply_drop_record (core, &batch->kept);
    batches_remove (&core->batches, slot);
    return NULL;
}

static const char *
s_on_producer (core_t *core, const record_t *record)
{
    if (!producers_find (&core->producers, record->producer)
        && core->producers.producers.count == core->producers.producers.capacity)
        return "it has more producers than limits/producers allows";
    uint32_t slot = producers_ensure (&core->producers, record->producer);
    producer_t *pool = core->producers.producers.pool;
    pool [slot].recent_count = 0;
    for (uint32_t index = 0; index < record->recent_count; index++)
        producers_push (&core->producers, slot, record->recent [index], record->at);
    pool [slot].next = record->sequence;
    apply_keep_record (core, &pool [slot].kept);
    producer_kept_renew (&core->producers.kept, pool, slot);
    return NULL;
}

static const char *
s_on_producer_gone (core_t *core, const record_t *record)
{
    uint32_t slot = producers_find (&core->producers, record->producer);
    if (!slot)
        return NULL;
    apply_drop_record (core, &core->producers.producers.pool [slot].kept);
    producers_remove (&core->producers, slot);
    return NULL;
}

static const char *
s_on_worker (core_t *core, const record_t *record)
{
    if (!roster_find (&core->roster, record->id)
        && core->roster.workers.count == core->roster.workers.capacity)
        return "it has more workers than limits/sessions allows";
    uint32_t slot = roster_ensure (&core->roster, record->id);
    roster_entry_t *pool = core->roster.workers.pool;
    apply_keep_record (core, &pool [slot].kept);
    roster_kept_renew (&core->roster.kept, pool, slot);
    return NULL;
}

static const char *
s_on_worker_gone (core_t *core, const record_t *record)
{
    uint32_t slot = roster_find (&core->roster, record->id);
    if (!slot)
        return NULL;
    apply_drop_record (core, &core->roster.workers.pool [slot].kept);
    roster_remove (&core->roster, slot);
    return NULL;
}

//  A bucket that is full is none.

static void
s_forget_bucket (core_t *core, uint32_t slot)
{
    lane_key_t *pool = core->groups.lanes.keys.pool;
    if (!slot || pool [slot].bucket.level == 0)
        return;
    apply_drop_record (core, &pool [slot].kept);
    lane_key_kept_remove (&core->groups.lanes.kept, pool, slot);
    pool [slot].bucket.level = 0;
    groups_renew_key (&core->groups, slot);
    lanes_close_key (&core->groups.lanes, slot);
}

static const char *
s_set_bucket (core_t *core, const record_t *record)
{
    lanes_t *lanes = &core->groups.lanes;
    lane_key_t *pool = lanes->keys.pool;
    uint32_t slot = lanes_find_key (lanes, (uint32_t) record->group, record->by);
    if (!slot || pool [slot].bucket.level == 0) {
        if (lanes->kept.count >= lanes->paced_max)
            return "it has more buckets of keys than limits/tasks allows";
        slot = lanes_open_key (lanes, (uint32_t) record->group, record->by);
    }
    pool [slot].bucket.at = record->at;
    pool [slot].bucket.level = record->key_level;
    apply_keep_record (core, &pool [slot].kept);
    lane_key_kept_renew (&lanes->kept, pool, slot);
    groups_renew_key (&core->groups, slot);
    return NULL;
}

//  A group that is not there yet is brought later, with its bucket, by its own record.

static const char *
s_on_rate (core_t *core, const record_t *record)
{
    if (record->group > core->limits.groups)
        return "it has more groups than limits/groups allows";
    uint32_t slot = (uint32_t) record->group;
    group_t *group = &core->groups.groups.pool [slot];
    if (record->level > 0 && group->used) {
        group->bucket.at = record->at;
        group->bucket.level = record->level;
        groups_renew_group (&core->groups, slot);
    }
    if (record->key_level > 0)
        return s_set_bucket (core, record);
    s_forget_bucket (core, lanes_find_key (&core->groups.lanes, slot, record->by));
    return NULL;
}

void
apply_producer_pushed (core_t *core, const record_t *record, uint32_t count)
{
    uint32_t slot = producers_ensure (&core->producers, record->producer);
    producer_t *pool = core->producers.producers.pool;
    record_push_t push = {record->sequence, record->id, count};
    producers_push (&core->producers, slot, push, record->at);
    if (!pool [slot].kept.block) {
        apply_keep_record (core, &pool [slot].kept);
        producer_kept_append (&core->producers.kept, pool, slot);
    }
}

const char *
apply_to_table (core_t *core, const record_t *record)
{
    switch (record->kind) {
        case RECORD_GROUP:
            return s_on_group (core, record);
        case RECORD_GROUP_GONE:
            return s_on_group_gone (core, record);
        case RECORD_BATCH:
        case RECORD_KEPT_BATCH:
            return s_on_batch (core, record);
        case RECORD_BATCH_GONE:
            return s_on_batch_gone (core, record);
        case RECORD_KEPT_PRODUCER:
            return s_on_producer (core, record);
        case RECORD_PRODUCER_GONE:
            return s_on_producer_gone (core, record);
        case RECORD_WORKER:
            return s_on_worker (core, record);
        case RECORD_WORKER_GONE:
            return s_on_worker_gone (core, record);
        case RECORD_RATE:
            return s_on_rate (core, record);
        case RECORD_TIMETABLE:
            return apply_timetable (core, record);
        case RECORD_TIMETABLE_GONE:
            return apply_timetable_gone (core, record);
        case RECORD_PUSHED:
        case RECORD_STARTED:
        case RECORD_DONE:
        case RECORD_FAILED:
        case RECORD_RETURNED:
        case RECORD_CANCELLED:
        case RECORD_COLLECTED:
        case RECORD_DROPPED:
        case RECORD_KEPT_TASK:
        case RECORD_CLOSED:
        case RECORD_RETRIED:
        case RECORD_TIMETABLE_RUN:
        default:
            return "it has a record of a kind that this version does not know";
    }
}

//  apply_timetable: the records of schedules
//  SPDX-License-Identifier: MPL-2.0

#include "apply_table.h"

//  A run is of a time that was not dealt with; a recovery may begin behind the record of
//  its schedule.

static const char *
s_check_run (const core_t *core, const record_t *record)
{
    const record_schedule_t *state = &record->schedule;
    uint32_t slot = timetable_find (&core->timetable, record->name);
    if (!stint_wire_name_valid (record->name) || record->item_count != 1)
        return "it has a run of a schedule that is none";
    if (state->missed >= RECORD_MISSED_WAYS || state->zone / 2 > CRON_ZONE_MAX
        || state->paused > 1 || state->from > RECORD_SPAN_MAX || state->ran > state->from
        || state->task != record->id)
        return "it has a run of a schedule at a time that is none";
    if (slot && core->timetable.rows.pool [slot].state.from >= state->ran)
        return "it has two runs of a schedule for one time";
    return NULL;
}

const char *
apply_timetable_check (const core_t *core, const record_t *record)
{
    if (record->kind == RECORD_TIMETABLE_RUN)
        return s_check_run (core, record);
    cron_t cron;
    if (timetable_check (record, &cron))
        return "it has a schedule that nobody can have set";
    return NULL;
}

const char *
apply_timetable (core_t *core, const record_t *record)
{
    timetable_t *timetable = &core->timetable;
    if (record->group == 0 || record->group > core->limits.groups)
        return "it has more groups than limits/groups allows";
    if (!timetable_find (timetable, record->name)
        && timetable->rows.count == timetable->rows.capacity)
        return "it has more schedules than limits/schedules allows";
    groups_ensure (&core->groups, (uint32_t) record->group);
    uint32_t slot = timetable_set (timetable, record);
    apply_keep_record (core, &timetable->rows.pool [slot].kept);
    timetable_kept_renew (&timetable->kept, timetable->rows.pool, slot);
    return NULL;
}

const char *
apply_timetable_gone (core_t *core, const record_t *record)
{
    uint32_t slot = timetable_find (&core->timetable, record->name);
    if (!slot)
        return NULL;
    apply_drop_record (core, &core->timetable.rows.pool [slot].kept);
    timetable_remove (&core->timetable, slot);
    return NULL;
}

const char *
apply_timetable_run (core_t *core, const record_t *record)
{
    uint32_t slot = timetable_find (&core->timetable, record->name);
    if (slot)
        timetable_advance (&core->timetable, slot, &record->schedule);
    return NULL;
}

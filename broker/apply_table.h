//  apply_table: the records of groups, batches, producers and workers
//  SPDX-License-Identifier: MPL-2.0

#ifndef BROKER_APPLY_TABLE_H
#define BROKER_APPLY_TABLE_H

#include "apply.h"

//  Applies a record that is not about tasks. Returns null, or what is wrong, for people.
const char *apply_to_table (core_t *core, const record_t *record);

//  Of schedules, in apply_timetable.c: what no record of ours says; the same as above of
//  one that is there, of one that is gone, and of what a run changes, but for its task.
const char *apply_timetable_check (const core_t *core, const record_t *record);
const char *apply_timetable (core_t *core, const record_t *record);
const char *apply_timetable_gone (core_t *core, const record_t *record);
const char *apply_timetable_run (core_t *core, const record_t *record);

//  Notes where the full record of a thing lies that is not a task; or that it is not needed
//  any more.
void apply_keep_record (core_t *core, journal_place_t *kept);
void apply_drop_record (core_t *core, journal_place_t *kept);

//  Notes a push of so many tasks with its producer, which is made if it is not there; there
//  must be room.
void apply_producer_pushed (core_t *core, const record_t *record, uint32_t count);

#endif
